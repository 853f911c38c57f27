"""A ledger without threads: one database in memory, shared by every process.

A unit runs without interruption in one transaction, in no time. Time passes, and a crash may come, before
the unit and between its commit and its result. So this ledger cannot show how two transactions affect each
other on a server: tests/service/ledger tests that on PostgreSQL.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import hashlib
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from packhouse.clock import Clock
from packhouse.errors import LedgerUnavailable
from packhouse.ledger import facts, late_answers, migrate
from packhouse.ledger.database_clock import DatabaseClock
from packhouse.ledger.facts import Facts
from packhouse.ledger.guard_log import GuardLog
from packhouse.ledger.port import translated
from packhouse.ledger.tx import P, R, ReadUnit, Tx, WriteUnit
from packhouse.model.label import LabelDocument, LabelFormat
from tests.simulation.event_loop import Process
from tests.simulation.sandbox import START
from tests.simulation.trace import Trace

# How often a process reads the database's time.
_TIME_SYNC_S = 30.0
# The order and the lease token of the current step.
LEASE: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("lease")


class Database:
    """The one database. It is created once and cleared for each seed: migrating again takes longer."""

    def __init__(self) -> None:
        self.raw = sqlite3.connect(":memory:", check_same_thread=False)
        engine = create_engine("sqlite://", creator=lambda: self.raw, poolclass=StaticPool)
        with engine.begin() as connection:
            self.migrated = migrate.migrate(connection)
        self._blank = sqlite3.connect(":memory:", check_same_thread=False)
        self.raw.backup(self._blank)
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        self.raw.isolation_level = None
        self.committed: list[tuple[int, float]] = []
        self.next_due: float | None = None
        self.on_due: Callable[[], None] = lambda: None
        self.skew_s = 0.0
        self.exclusive_tasks: dict[str, Process] = {}
        self.violations: list[str] = []
        self.facts: Facts | None = None

    def clear(self) -> None:
        """Delete everything."""
        self._blank.backup(self.raw)
        self.committed = []
        self.violations = []
        self.next_due = None
        self.skew_s = 0.0
        self.exclusive_tasks = {}

    def rewind(self) -> None:
        """The tables are those of a backup: forget the commits since."""
        (last,) = self.raw.execute("SELECT coalesce(max(id), 0) FROM journal").fetchone()
        self.committed = [one for one in self.committed if one[0] <= last]
        self.exclusive_tasks = {}
        self.next_due = None

    def run(self, unit: Callable[[Any], R], times: int = 1) -> R:
        """Run a unit in a transaction; with `times` 2 it first runs and is rolled back."""
        for _ in range(times - 1):
            self._transaction(unit, "ROLLBACK")
        return self._transaction(unit, "COMMIT")

    def _transaction(self, unit: Callable[[Any], R], end: str) -> R:
        self.raw.execute("BEGIN IMMEDIATE")
        try:
            result = unit(self._connection)
            self.raw.execute(end)
        except BaseException as error:
            with contextlib.suppress(sqlite3.OperationalError):
                self.raw.execute("ROLLBACK")
            facts.take(self._connection)
            if isinstance(error, Exception):
                raise translated(error) from error
            raise
        found = facts.take(self._connection)
        self.facts = found if end == "COMMIT" else None
        last, due = self.raw.execute(
            "SELECT (SELECT max(id) FROM journal), min(due_at) FROM orders"
        ).fetchone()
        if last and last != (self.committed[-1][0] if self.committed else 0):
            self.committed.append((last, asyncio.get_running_loop().time()))
        sooner = due is not None and (self.next_due is None or due < self.next_due)
        self.next_due = due
        if sooner:
            self.on_due()
        return result

    def is_held(self, order_id: str, token: str) -> bool:
        """Whether this lease is valid."""
        statement = "SELECT 1 FROM orders WHERE id = ? AND lease = ?"
        return self.raw.execute(statement, (order_id, token)).fetchone() is not None

    def now(self) -> float:
        """The database server's clock."""
        return START + asyncio.get_running_loop().time() + self.skew_s

    def committed_at(self, journal_id: int) -> float:
        """When an entry of the journal was committed, in virtual time."""
        return next(at for last, at in self.committed if last >= journal_id)

    def rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """Read outside any transaction, for the checks."""
        cursor = self.raw.cursor()
        cursor.row_factory = sqlite3.Row  # type: ignore[assignment]
        return cursor.execute(statement, values).fetchall()


class SimLedger:
    """One process's ledger; `faults` fail before a unit, or after its commit."""

    def __init__(
        self, database: Database, process: Process, shared: bool, faults: LedgerFaults, trace: Trace
    ) -> None:
        self.shared = shared
        self.migrated = database.migrated
        self._database = database
        self._process = process
        self._faults = faults
        self._trace = trace
        self._database_clock: DatabaseClock | None = None
        self._guard_log: GuardLog | None = None

    def keep_log(self, log: GuardLog) -> None:
        """See Ledger."""
        self._guard_log = log

    async def write(self, unit: WriteUnit[P, R], now: float, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """See Ledger."""
        faults, name = self._faults, _name(unit)
        self._process.check()
        await asyncio.sleep(faults.wait_s())
        self._process.check()
        if faults.fails("before"):
            self._trace.add(self._process.name, "ledger unavailable", name)
            raise LedgerUnavailable("the ledger cannot be used : the simulation made it unavailable")
        under = LEASE.get(None)
        is_late = getattr(_plain(unit), "__module__", "") == late_answers.__name__  # needs no lease
        lost = under is not None and not is_late and not self._database.is_held(*under)
        before = self._database.raw.total_changes
        try:
            result = self._database.run(
                lambda c: unit(Tx(c, now), *args, **kwargs), 2 if faults.runs_twice() else 1
            )
        except Exception as error:
            self._trace.add(self._process.name, "ledger rejected", name, type(error).__name__)
            raise
        if self._guard_log and self._database.facts:
            self._guard_log.append(self._database.facts)
        if lost and self._database.raw.total_changes != before:
            self._database.violations.append(
                f"{self._process.name}: {name} was written under a lost lease: {under}"
            )
        if name not in _UNTRACED or _is_worth_tracing(name, result):
            self._trace.add(self._process.name, "ledger", name)
        await asyncio.sleep(faults.wait_s())
        self._process.check()
        if self.shared and faults.fails("after"):
            self._trace.add(self._process.name, "ledger connection lost at commit", name)
            raise LedgerUnavailable("the ledger cannot be used : the connection was lost at commit")
        return result

    async def read(self, unit: ReadUnit[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """See Ledger."""
        self._process.check()
        await asyncio.sleep(self._faults.wait_s())
        self._process.check()
        result = self._database.run(lambda c: unit(c, *args, **kwargs))
        await asyncio.sleep(0)
        self._process.check()
        return result

    async def read_now(self, unit: ReadUnit[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """See Ledger."""
        return await self.read(unit, *args, **kwargs)

    def clock(self, local: Clock) -> Clock:
        """See Ledger."""
        if not self.shared:
            return local
        self._database_clock = DatabaseClock(local, self._database.now(), 0.0)
        return self._database_clock

    async def listen(self, wake: Callable[[], None]) -> None:
        """See Ledger: reads the database's time regularly; Database.on_due wakes the dispatchers."""
        while True:
            await asyncio.sleep(_TIME_SYNC_S)
            if self._database_clock is not None:
                self._database_clock.set(self._database.now(), 0.0)

    @contextlib.asynccontextmanager
    async def exclusive(self, task: str) -> AsyncIterator[bool]:
        """See Ledger: a session lock, which ends with the process."""
        self._process.check()
        await asyncio.sleep(0)
        self._process.check()
        busy = self._database.exclusive_tasks
        holder = busy.get(task)
        mine = holder is None or holder.dead
        if mine:
            busy[task] = self._process
        try:
            yield mine
        finally:
            if mine and busy.get(task) is self._process:
                del busy[task]

    async def close(self) -> None:
        """See Ledger."""


class LedgerFaults:
    """How slow and how unreliable the ledger is; `calm` makes it reliable."""

    def __init__(self, chance: random.Random, away: float, slow_s: float) -> None:
        self._random = chance.random
        self._failure_rate = away
        self._slow_s = slow_s

    def calm(self) -> None:
        """Make the ledger reliable."""
        self._failure_rate = 0.0

    def fails(self, _when: str) -> bool:
        """Whether the ledger fails now."""
        return self._failure_rate > 0 and self._random() < self._failure_rate

    def runs_twice(self) -> bool:
        """Whether the unit first runs and is rolled back."""
        return self._random() < 0.02

    def wait_s(self) -> float:
        """How long a call takes: mostly no time, sometimes long."""
        draw = self._random()
        return 0.0 if draw < 0.5 else self._slow_s * (draw - 0.5) if draw < 0.97 else self._slow_s * 4 * draw


class SimDocuments:
    """Label files in memory, on one disk for all processes."""

    def __init__(self, kept: dict[str, bytes], process: Process, faults: LedgerFaults) -> None:
        self._kept = kept
        self._process = process
        self._faults = faults

    async def keep(self, document: LabelDocument) -> str:
        """See Documents."""
        self._process.check()
        await asyncio.sleep(self._faults.wait_s())
        self._process.check()
        if self._faults.fails("disk"):
            raise LedgerUnavailable("the label file cannot be saved: the simulation filled the disk")
        digest = hashlib.sha256(document.content).hexdigest()
        self._kept[digest] = document.content
        return digest

    def path(self, digest: str, kind: LabelFormat) -> Path:
        """See Documents."""
        return Path(f"{digest}.{kind.value}")

    def get(self, digest: str, kind: LabelFormat) -> bytes | None:
        """See Documents."""
        return self._kept.get(digest)


# Frequent units that are traced only when they change something.
_UNTRACED = frozenset({"_claim", "renew", "claim_turn", "wake_stalled", "prune", "add_listed", "_keep_marks"})


def _is_worth_tracing(name: str, result: Any) -> bool:
    return bool(result[0] if name == "_claim" else result) and name in (
        "_claim",
        "add_listed",
        "wake_stalled",
    )


def _name(unit: Any) -> str:
    """The name of a unit of work; a wrapper has the name of the unit that it wraps."""
    unit = _plain(unit)
    return str(getattr(unit, "__name__", unit))


def _plain(unit: Any) -> Any:
    """The unit without what wraps it, and without the arguments that are bound to it."""
    while True:
        if isinstance(unit, functools.partial):
            unit = unit.func
        elif (code := getattr(unit, "__code__", None)) and "unit" in code.co_freevars:
            unit = unit.__closure__[code.co_freevars.index("unit")].cell_contents
        else:
            return unit
