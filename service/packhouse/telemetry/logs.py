"""Logging: text on a terminal, JSON elsewhere, without secrets.

`configure` is called once. Packhouse's own lines and those of uvicorn, SQLAlchemy and APScheduler pass
through the same processors.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from packhouse.model.printable import escaped
from packhouse.telemetry.redaction import Redactor

Format = Literal["auto", "json", "text"]

# Below a warning these libraries log URLs of calls and values of SQL statements.
_WARNINGS_ONLY = (
    "sqlalchemy",
    "alembic",
    "apscheduler",
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "uvicorn.access",
)
# These loggers have their own handlers, which would bypass the redaction.
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
# The texts of several lines that structlog itself adds to an event.
_TRACEBACKS = frozenset({"exception", "stack"})


def configure(
    level: str = "info",
    format: Format = "auto",
    *,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Write every log line of this process to `stream` (standard output), from `level` up.

    `secrets` are the values of configured secrets; well-known formats of secrets are always hidden. A line
    that cannot be written (a full disk, a closed pipe) is lost, so that logging never stops a shipment.
    """
    terminal = sys.stdout if stream is None else stream
    as_text = format == "text" or (format == "auto" and terminal.isatty())
    sink = _SafeStream(terminal)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    after: list[Processor] = [
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        Redactor(secrets),
        _renderer(as_text, colors=terminal.isatty()),
    ]
    structlog.configure(
        processors=[*before, *after],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, sink)),
        cache_logger_on_first_use=False,
    )
    _redirect_standard_logging(sink, threshold, before, after)


class _SafeStream:
    """A stream whose write never raises."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


class _TextRenderer:
    """Renders one event as one line. Only a traceback has more; they are indented, as no event's line is.

    A line break in an outside text, such as a provider's message, would else forge an event of its own.
    """

    def __init__(self, render: structlog.dev.ConsoleRenderer) -> None:
        self._render = render

    def __call__(self, log: Any, method: str, event: EventDict) -> str:
        """The text of this event."""
        shown = {
            escaped(name): _indented(value) if name in _TRACEBACKS else _in_one_line(value)
            for name, value in event.items()
        }
        return self._render(log, method, shown)


def _in_one_line(value: Any) -> Any:
    return escaped(value) if isinstance(value, str) else value


def _indented(value: Any) -> Any:
    return "\n".join(f"    {line}" for line in value.split("\n")) if isinstance(value, str) else value


def _renderer(as_text: bool, colors: bool) -> Processor:
    if as_text:
        return _TextRenderer(
            structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
        )
    encode = json.JSONEncoder(ensure_ascii=False).encode  # what is redacted is JSON already
    return structlog.processors.JSONRenderer(lambda event, **_: encode(event))


def _redirect_standard_logging(
    sink: _SafeStream, threshold: int, before: list[Processor], after: list[Processor]
) -> None:
    """Send the standard library's loggers through the same processors."""
    handler = logging.StreamHandler(sink)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, _add_source],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *after],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    for name in _OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _WARNINGS_ONLY:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))


def _add_source(log: Any, method: str, event: EventDict) -> EventDict:
    """Add the name of a library's logger, as Packhouse's own lines have one."""
    event["source"] = event["_record"].name
    return event


def logger(name: str) -> Any:
    """A logger for one module, for example "packhouse.flow"; bind `order_id` and `shipment_id` to it."""
    return structlog.get_logger(source=name)
