"""One log line an act: text for a person at a terminal, JSON for everything else, secrets for nobody.

`configure` is called once. Our own lines and those of uvicorn, SQLAlchemy and APScheduler pass through the
same processors.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from packhouse.telemetry.redaction import Redactor

Format = Literal["auto", "json", "text"]

# Chatty below a warning, and what they say then holds addresses of calls and values of statements.
_QUIET = (
    "sqlalchemy",
    "alembic",
    "apscheduler",
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "uvicorn.access",
)
# They come with handlers of their own, which would write past the redaction.
_ADOPTED = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


def configure(
    level: str = "info",
    format: Format = "auto",
    *,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send every line of this process to `stream` (standard output), from `level` up.

    `secrets` are the values of configured secrets; well-known shapes of secrets are hidden anyway. A line
    that cannot be written (a full disk, a closed pipe) is lost: nothing that ships may stop for it.
    """
    terminal = sys.stdout if stream is None else stream
    as_text = format == "text" or (format == "auto" and terminal.isatty())
    sink = _Sink(terminal)
    least = logging.getLevelNamesMapping()[level.upper()]
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
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, sink)),
        cache_logger_on_first_use=False,
    )
    _adopt_standard_logging(sink, least, before, after)


class _Sink:
    """A stream whose write never raises."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def _renderer(as_text: bool, colors: bool) -> Processor:
    if as_text:
        return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def _adopt_standard_logging(sink: _Sink, least: int, before: list[Processor], after: list[Processor]) -> None:
    """Let the standard library's loggers end in the same processors."""
    handler = logging.StreamHandler(sink)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, _name_room],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *after],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(least)
    for name in _ADOPTED:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))


def _name_room(log: Any, method: str, event: EventDict) -> EventDict:
    """Say which library speaks, where our own lines say which room does."""
    event["room"] = event["_record"].name
    return event


def logger(room: str) -> Any:
    """A logger for one room, for example "packhouse.flow"; bind `order_id` and `shipment_id` to it."""
    return structlog.get_logger(room=room)
