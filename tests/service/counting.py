"""Counts what orders cost, exactly: statements at the database, calls, log lines, what threads are handed.

Statements are counted where they arrive: by SQLite's trace, and in the log of the PostgreSQL server. So it
does not matter which library sends them. Python's own profiler counts the calls of functions, without those
of the sandbox, which is in the same process here.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import re
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import Delete, Insert, Select, TextClause, Update, event
from sqlalchemy.pool import Pool
from sqlalchemy.sql.base import Generative
from sqlalchemy.sql.compiler import SQLCompiler
from structlog.testing import capture_logs

from packhouse import blocking
from packhouse.rules.fingerprints import hold_fingerprint
from tests.service.harness import Harness
from tests.service.ledger.address import address_in, say_address

STATEMENTS, TRANSACTIONS, COMMITS, PINGS = "statements", "transactions", "commits", "connections checked"
HANDED, LOG_LINES = "calls handed to threads", "log lines"
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "hold fingerprints": (hold_fingerprint,),
    "calls of asdict": (dataclasses.asdict,),
    "JSON texts written": (json.JSONEncoder.encode,),
    "JSON texts read": (json.JSONDecoder.decode,),
    HANDED: (blocking._begin,),
    "threads started": (threading.Thread.start,),
    "statements compiled": (SQLCompiler.__init__,),
    "statements built": (
        *(one.__init__ for one in (Select, Insert, Update, Delete, TextClause)),
        Generative._generate,
    ),
}
_SANDBOX = "packhouse/sandbox/"
_LOGGED = re.compile(r"LOG:  (statement|execute [^:]+): ?(.*)")
_CONTROL = {"BEGIN": TRANSACTIONS, "COMMIT": COMMITS, "ROLLBACK": "rollbacks", ";": PINGS}
# It goes out a moment after the commits that it tells of, once for many: it is left out.
_NOTICE, _NOTIFYING = "pg_notify(", "notify replicas"


class CountingLoop(asyncio.SelectorEventLoop):
    """An event loop that counts the calls it hands to threads."""

    handed = 0

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """See asyncio."""
        self.handed += 1
        return super().run_in_executor(executor, func, *args)


class Counts:
    """What happened inside `counted`, by name. Make one before the ledger is opened.

    `server_log` is where the PostgreSQL server logs, None for a ledger in a file.
    """

    def __init__(self, folder: Path, server_log: Path | None) -> None:
        self.seen: Counter[str] = Counter()
        self.http: Counter[str] = Counter()
        self.lines: list[str] = []
        self._log = server_log
        self._is_open = False
        self._last = ""
        self._watched = {one.__code__: name for name, those in _FUNCTIONS.items() for one in those}
        if server_log:
            say_address(folder, f"{address_in(folder)}&options=-clog_statement%3Dall")

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Follow the connections and the threads that begin meanwhile."""
        event.listen(Pool, "connect", self._connected)
        threading.setprofile(self._profile)
        try:
            yield
        finally:
            threading.setprofile(None)
            event.remove(Pool, "connect", self._connected)

    @contextlib.asynccontextmanager
    async def counted(self, harness: Harness) -> AsyncIterator[None]:
        """Count what happens meanwhile, on the running event loop."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, CountingLoop)
        await _all_notified()
        before, http, units = loop.handed, _http(harness), len(harness.ledger.calls)
        size = self._log.stat().st_size if self._log else 0
        self._is_open = True
        with capture_logs() as logged:
            sys.setprofile(self._profile)
            try:
                yield
                await _all_notified()
            finally:
                sys.setprofile(None)
                self._is_open = False
        self.http += _http(harness) - http
        self.seen.update(
            {"write": "units that write", "read": "units that read"}[call.name]
            for call in harness.ledger.calls[units:]
        )
        self.seen[LOG_LINES] += len(logged)
        self.seen[HANDED] += loop.handed - before
        self.lines += [f"log: {line.get('action')} {line['event']}" for line in logged]
        if self._log:
            self._read_log(self._log, size)

    def _connected(self, connection: Any, _record: object) -> None:
        if not self._log:
            connection.set_trace_callback(lambda text: self._traced(text) if self._is_open else None)

    def _traced(self, text: str) -> None:
        """Count a statement; SQLite says it again for each trigger that it starts."""
        if text != self._last:
            self._last = text
            self._arrived(text)

    def _read_log(self, log: Path, begin: int) -> None:
        with log.open(errors="replace") as lines:
            lines.seek(begin)
            for found in map(_LOGGED.search, lines):
                if found:
                    # Of a statement that begins with a new line, the log's first line shows nothing.
                    self._arrived(found[2] or found[1])

    def _arrived(self, text: str) -> None:
        text = " ".join(text.split())
        if text.startswith("--"):
            return  # SQLite's note on a part of a statement
        if _NOTICE in text:
            self.seen.subtract([TRANSACTIONS, COMMITS, HANDED])
            return
        name = _CONTROL.get(text.partition(" ")[0], STATEMENTS)
        self.seen[name] += 1
        if name == STATEMENTS:
            self.lines.append(text)

    def _profile(self, frame: FrameType, kind: str, _argument: object) -> None:
        if kind != "call" or not self._is_open or (name := self._watched.get(frame.f_code)) is None:
            return
        outer: FrameType | None = frame
        while outer is not None:
            if _SANDBOX in outer.f_code.co_filename:
                return
            outer = outer.f_back
        self.seen[name] += 1


async def _all_notified() -> None:
    """Wait for the notice to other replicas, where one is under way."""
    notifying = [task for task in asyncio.all_tasks() if task.get_name() == _NOTIFYING]
    await asyncio.gather(*notifying)


def _http(harness: Harness) -> Counter[str]:
    """The calls to store and provider until now, by name, status and receiver."""
    found: Counter[str] = Counter()
    for line in harness.metrics.render().decode().splitlines():
        labels, _, value = line.removeprefix("packhouse_upstream_calls_total").rpartition(" ")
        if labels.startswith("{"):
            name = " ".join(re.findall(r'"([^"]*)"', labels))
            found[name] = int(float(value))
    return found
