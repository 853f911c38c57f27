"""A ledger double that keeps door.Ledger without threads: one database in memory, shared by every process.

A unit runs whole, in one transaction, in no time; what takes time, and can be cut off by a crash, lies
before it and between its commit and its caller's learning of it. So this cannot find what two transactions
do to each other on a server: tests/service/ledger has those on PostgreSQL.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
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
from packhouse.ledger import migrate
from packhouse.ledger.database_clock import DatabaseClock
from packhouse.ledger.port import translated
from packhouse.ledger.tx import P, R, ReadUnit, Tx, WriteUnit
from packhouse.model.label import LabelDocument, LabelFormat
from tests.simulation.loop import Life
from tests.simulation.trace import Trace
from tests.simulation.world import START

# How often a process asks the database for the time.
_ASK_TIME_S = 30.0
# The order and the lease's token that a step works under.
UNDER: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("under")


class Database:
    """The one database. Made once in a process and emptied for each seed: migrating anew would cost more."""

    def __init__(self) -> None:
        self.raw = sqlite3.connect(":memory:", check_same_thread=False)
        engine = create_engine("sqlite://", creator=lambda: self.raw, poolclass=StaticPool)
        with engine.begin() as connection:
            self.migrated = migrate.migrate(connection)
        self._empty = sqlite3.connect(":memory:", check_same_thread=False)
        self.raw.backup(self._empty)
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        self.raw.isolation_level = None
        self.told: list[tuple[int, float]] = []
        self.next_due: float | None = None
        self.when_due: Callable[[], None] = lambda: None
        self.skew_s = 0.0
        self.at_work: dict[str, Life] = {}
        self.wrong: list[str] = []

    def empty(self) -> None:
        """Forget everything."""
        self._empty.backup(self.raw)
        self.told = []
        self.wrong = []
        self.next_due = None
        self.skew_s = 0.0
        self.at_work = {}

    def run(self, unit: Callable[[Any], R], times: int = 1) -> R:
        """Run a unit in a transaction; with `times` 2 it is first run for nothing, as the door allows."""
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
            if isinstance(error, Exception):
                raise translated(error) from error
            raise
        last, due = self.raw.execute(
            "SELECT (SELECT max(id) FROM journal), min(due_at) FROM orders"
        ).fetchone()
        if last and last != (self.told[-1][0] if self.told else 0):
            self.told.append((last, asyncio.get_running_loop().time()))
        sooner = due is not None and (self.next_due is None or due < self.next_due)
        self.next_due = due
        if sooner:
            self.when_due()
        return result

    def is_held(self, order_id: str, token: str) -> bool:
        """Whether this lease stands."""
        statement = "SELECT 1 FROM orders WHERE id = ? AND lease = ?"
        return self.raw.execute(statement, (order_id, token)).fetchone() is not None

    def now(self) -> float:
        """The database server's own clock."""
        return START + asyncio.get_running_loop().time() + self.skew_s

    def told_at(self, journal_id: int) -> float:
        """When an entry of the journal was committed, by virtual time, whatever its writer's clock says."""
        return next(at for last, at in self.told if last >= journal_id)

    def rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """Read past everybody, for the checker."""
        cursor = self.raw.cursor()
        cursor.row_factory = sqlite3.Row  # type: ignore[assignment]
        return cursor.execute(statement, values).fetchall()


class SimLedger:
    """One process's door to the database; `faults` refuse before a unit, or lose the news of its commit."""

    def __init__(
        self, database: Database, life: Life, shared: bool, faults: LedgerFaults, trace: Trace
    ) -> None:
        self.shared = shared
        self.migrated = database.migrated
        self._database = database
        self._life = life
        self._faults = faults
        self._trace = trace
        self._ours: DatabaseClock | None = None

    async def write(self, unit: WriteUnit[P, R], now: float, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """See Ledger."""
        faults, name = self._faults, _name(unit)
        self._life.check()
        await asyncio.sleep(faults.wait_s())
        self._life.check()
        if faults.strikes("before"):
            self._trace.add(self._life.name, "ledger away", name)
            raise LedgerUnavailable("the ledger cannot be used just now: the simulation took it away")
        under = UNDER.get(None)
        lost = under is not None and not self._database.is_held(*under)
        before = self._database.raw.total_changes
        try:
            result = self._database.run(
                lambda c: unit(Tx(c, now), *args, **kwargs), 2 if faults.twice() else 1
            )
        except Exception as error:
            self._trace.add(self._life.name, "ledger refused", name, type(error).__name__)
            raise
        if lost and self._database.raw.total_changes != before:
            self._database.wrong.append(f"{self._life.name}: {name} was written under a lost lease: {under}")
        if name not in _QUIET or _tells(name, result):
            self._trace.add(self._life.name, "ledger", name)
        await asyncio.sleep(faults.wait_s())
        self._life.check()
        if self.shared and faults.strikes("after"):
            self._trace.add(self._life.name, "ledger lost at commit", name)
            raise LedgerUnavailable("the ledger cannot be used just now: the connection was lost at commit")
        return result

    async def read(self, unit: ReadUnit[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """See Ledger."""
        self._life.check()
        await asyncio.sleep(self._faults.wait_s())
        self._life.check()
        result = self._database.run(lambda c: unit(c, *args, **kwargs))
        await asyncio.sleep(0)
        self._life.check()
        return result

    def clock(self, local: Clock) -> Clock:
        """See Ledger."""
        if not self.shared:
            return local
        self._ours = DatabaseClock(local, self._database.now(), 0.0)
        return self._ours

    async def listen(self, wake: Callable[[], None]) -> None:
        """See Ledger: the database's time is asked for now and then; the bell is Database.when_due."""
        while True:
            await asyncio.sleep(_ASK_TIME_S)
            if self._ours is not None:
                self._ours.set(self._database.now(), 0.0)

    @contextlib.asynccontextmanager
    async def exclusive(self, duty: str) -> AsyncIterator[bool]:
        """See Ledger: a lock of the session's, which ends with the process."""
        self._life.check()
        await asyncio.sleep(0)
        self._life.check()
        busy = self._database.at_work
        holder = busy.get(duty)
        mine = holder is None or holder.dead
        if mine:
            busy[duty] = self._life
        try:
            yield mine
        finally:
            if mine and busy.get(duty) is self._life:
                del busy[duty]

    async def close(self) -> None:
        """See Ledger."""


class LedgerFaults:
    """How slow and how unreliable the ledger is; `quiet` ends the unreliability."""

    def __init__(self, chance: random.Random, away: float, slow_s: float) -> None:
        self._random = chance.random
        self._away = away
        self._slow_s = slow_s

    def quiet(self) -> None:
        """It works again."""
        self._away = 0.0

    def strikes(self, _when: str) -> bool:
        """Whether it fails now."""
        return self._away > 0 and self._random() < self._away

    def twice(self) -> bool:
        """Whether the unit is run once for nothing."""
        return self._random() < 0.02

    def wait_s(self) -> float:
        """How long until the next thing happens: mostly no time, now and then long."""
        draw = self._random()
        return 0.0 if draw < 0.5 else self._slow_s * (draw - 0.5) if draw < 0.97 else self._slow_s * 4 * draw


class SimShelf:
    """Label files in memory: on one disk for all."""

    def __init__(self, kept: dict[str, bytes], life: Life, faults: LedgerFaults) -> None:
        self._kept = kept
        self._life = life
        self._faults = faults

    async def keep(self, document: LabelDocument) -> str:
        """See Shelf."""
        self._life.check()
        await asyncio.sleep(self._faults.wait_s())
        self._life.check()
        if self._faults.strikes("disk"):
            raise LedgerUnavailable("the label file cannot be kept: the simulation filled the disk")
        digest = hashlib.sha256(document.content).hexdigest()
        self._kept[digest] = document.content
        return digest

    def path(self, digest: str, kind: LabelFormat) -> Path:
        """See Shelf."""
        return Path(f"{digest}.{kind.value}")

    def get(self, digest: str, kind: LabelFormat) -> bytes | None:
        """See Shelf."""
        return self._kept.get(digest)


# What happens all the time and changes nothing worth telling.
_QUIET = frozenset({"_claim", "renew", "claim_turn", "wake_stalled", "prune", "add_listed", "_keep_marks"})


def _tells(name: str, result: Any) -> bool:
    return bool(result[0] if name == "_claim" else result) and name in (
        "_claim",
        "add_listed",
        "wake_stalled",
    )


def _name(unit: Any) -> str:
    """What a unit of work is called; a wrapper is named after what it wraps."""
    while (code := getattr(unit, "__code__", None)) and "unit" in code.co_freevars:
        unit = unit.__closure__[code.co_freevars.index("unit")].cell_contents
    return str(getattr(unit, "__name__", unit))
