"""Counts what is asked of a ledger: units of work, reads, commits and statements. For tests of what an order
costs, which count and never measure a time.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from packhouse.ledger.port import Ledger
from packhouse.ledger.sqlite import SqliteLedger

_CALLS = (("write", "units"), ("read", "reads"), ("read_now", "reads"))


@dataclass(slots=True)
class LedgerCounts:
    """`units` and `reads` are calls of the ledger. `statements` are without BEGIN, COMMIT and ROLLBACK."""

    units: int = 0
    reads: int = 0
    commits: int = 0
    statements: list[str] = field(default_factory=list)

    def add(self, statement: str) -> None:
        """Count a statement as it was sent."""
        words = " ".join(statement.split())
        if words == "COMMIT":
            self.commits += 1
        elif words and not words.startswith(("BEGIN", "ROLLBACK", "--", ";")):
            self.statements.append(words)


@contextlib.contextmanager
def counted(ledger: Ledger) -> Iterator[LedgerCounts]:
    """Count until the block ends."""
    counts = LedgerCounts()
    engine: Any = getattr(ledger, "_engine")  # noqa: B009 - what is sent shows nowhere else
    listen = _listen_sqlite if isinstance(ledger, SqliteLedger) else _listen_postgres
    undo = listen(ledger, engine, counts)
    _count_calls(ledger, counts)
    try:
        yield counts
    finally:
        for name, _ in _CALLS:
            delattr(ledger, name)
        undo()


def _count_calls(ledger: Any, counts: LedgerCounts) -> None:
    def counting(name: str, column: str) -> Callable[..., Any]:
        real = getattr(ledger, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            setattr(counts, column, getattr(counts, column) + 1)
            return await real(*args, **kwargs)

        return call

    for name, column in _CALLS:
        setattr(ledger, name, counting(name, column))


def _listen_sqlite(ledger: Any, engine: Any, counts: LedgerCounts) -> Callable[[], None]:
    traced: list[sqlite3.Connection] = []

    def trace(connection: Any, *_: object) -> None:
        connection.set_trace_callback(counts.add)
        traced.append(connection)

    for connection in (ledger._connection, ledger._loop_reader):
        trace(connection.connection.driver_connection)
    event.listen(engine, "checkout", trace)

    def undo() -> None:
        event.remove(engine, "checkout", trace)
        for connection in traced:
            with contextlib.suppress(sqlite3.ProgrammingError):  # it is closed
                connection.set_trace_callback(None)

    return undo


def _listen_postgres(_ledger: Any, engine: Any, counts: LedgerCounts) -> Callable[[], None]:
    import psycopg

    class Counting(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
            counts.add(query.decode() if isinstance(query, bytes) else str(query))
            return super().execute(query, *args, **kwargs)

    def trace(connection: Any, *_: object) -> None:
        connection.cursor_factory = Counting

    def plain(connection: Any, *_: object) -> None:
        connection.cursor_factory = psycopg.Cursor

    def commit(_connection: object) -> None:
        counts.add("COMMIT")

    heard = (("checkout", trace), ("checkin", plain), ("commit", commit))
    for name, call in heard:
        event.listen(engine, name, call)

    def undo() -> None:
        for name, call in heard:
            event.remove(engine, name, call)

    return undo
