"""Restores of an old backup: the ledger is copied, and put back later, with every process killed.

The guard log stays, or is lost with the data folder. With it, Packhouse continues by itself and has forgotten
nothing; without it, an operator confirms what the accounts say.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packhouse.errors import OperationRefused
from packhouse.ledger.facts import Facts, Mark
from packhouse.ledger.guard_log import GuardLog, Line, marks_of
from packhouse.operations import Operations
from packhouse.providers.port import ListedPurchase, ListsPurchases, Provider
from packhouse.steps.context import Context
from packhouse.worker.reconciliation import Reconciliation
from tests.simulation.ledger import Database
from tests.simulation.moods import MoodyProvider

# So often a seed has a restore.
_SHARE = 0.15
# Longer than the time after which a start asks the accounts.
_GAP_S = 90.0
# Long enough for a start; the restore is noticed before any order is processed.
_NOTICED_S = 20.0
# Longer than a purchase of a killed process may take to its end: without the log, only the account knows it.
DOWN_S = 90.0
_STILL_ACTIVE = " AND released_at IS NULL"
# What must be known again, by what it is.
_FACTS = {
    "the hold": "SELECT order_id, shipment_id, code, placed_by, placed_at FROM holds "
    f"WHERE placed_by <> 'packhouse'{_STILL_ACTIVE}",
    "the label": "SELECT shipment_id, tracking_number, cost_minor FROM labels",
    "the void": "SELECT shipment_id, tracking_number FROM labels WHERE state = 'voided'",
}


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """The backup is taken at `backup_s` and put back at `restore_s`, in virtual seconds."""

    backup_s: float
    restore_s: float
    keeps_log: bool

    def __str__(self) -> str:
        log = "with" if self.keeps_log else "without"
        return f"backup at {self.backup_s:.1f} s, put back at {self.restore_s:.1f} s {log} the guard log"


def draw_restore(chance: random.Random, last_arrival_s: float, chaos_s: float) -> RestorePlan | None:
    """Mostly close to the arrivals: an order takes only seconds."""
    if chance.random() >= _SHARE:
        return None
    backup_s = chance.uniform(0.0, last_arrival_s + 20.0)
    restore_s = backup_s + _GAP_S + chance.choice((1.0, 30.0, chaos_s)) * chance.random()
    return RestorePlan(backup_s, restore_s, keeps_log=chance.random() < 0.6)


class Restores:
    """The backup of a run, and the guard log that all its processes share."""

    def __init__(self, plan: RestorePlan, database: Database) -> None:
        self.plan = plan
        self.lines: list[Line] = []
        self._database = database
        self._copy = sqlite3.connect(":memory:")
        self._before: dict[str, list[tuple[Any, ...]]] = {}
        self.is_down = False
        self.is_done = False

    def take_backup(self) -> None:
        """Copy the ledger."""
        self._database.raw.backup(self._copy)

    def put_back(self) -> None:
        """Put the copy back. No process runs until `is_down` is set to False.

        Without its log, a ledger that never had an order is a new one, and no restore.
        """
        if not self.plan.keeps_log and not self._copy.execute("SELECT 1 FROM orders").fetchone():
            return
        self._before = {name: self._rows(statement) for name, statement in _FACTS.items()}
        self._copy.backup(self._database.raw)
        if not self.plan.keeps_log:
            self.lines.clear()
        self._database.rewind()
        self.is_down = self.is_done = True

    async def check_when_over(self) -> list[str]:
        """What a person did, or money bought, before the restore, and the ledger does not know after it."""
        await asyncio.sleep(_NOTICED_S)
        while self._database.rows("SELECT 1 FROM kv WHERE name = 'restore'"):
            await asyncio.sleep(1.0)
        if not self.plan.keeps_log:
            return []
        found = []
        for name, before in self._before.items():
            known = set(self._rows(_FACTS[name].replace(_STILL_ACTIVE, "")))
            found += [f"{name} {row} is forgotten after the restore" for row in before if row not in known]
        return found

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._database.rows(statement)]

    def reconciliation(
        self, context: Context, poll: Callable[[], Awaitable[int]], wake: Callable[[], None]
    ) -> Reconciliation:
        """As the daemon builds it, with the log in memory."""

        def open_log(data_dir: Path, ledger_id: str, **_: Any) -> GuardLog:
            return SimGuardLog(self.lines)

        return Reconciliation(context, poll, wake, open_log)

    def listing(self, moody: Provider, real: Provider) -> Provider:
        """The account, which lists what it sold if the real one does."""
        assert isinstance(moody, MoodyProvider)
        return _Lister(moody, real) if isinstance(real, ListsPurchases) else moody


class SimGuardLog(GuardLog):
    """A guard log in memory, shared by all processes, as replicas share a data folder."""

    def __init__(self, kept: list[Line]) -> None:
        self.folder_id = "shared"
        self._kept = kept

    def append(self, facts: Facts, *, begins: bool = False, restored: bool = False) -> None:
        """See GuardLog."""
        self._kept.append(Line(facts.mark, tuple(facts.rows), begins, restored))

    def tail(self) -> tuple[Mark, ...]:
        """See GuardLog."""
        return marks_of(self._kept)

    def lines(self) -> Iterator[Line]:
        """See GuardLog."""
        return iter(tuple(self._kept))

    def close(self) -> None:
        """There is nothing to close."""


class _Lister(MoodyProvider):
    """A moody account that lists its purchases."""

    def __init__(self, moody: MoodyProvider, real: ListsPurchases) -> None:
        super().__init__(moody._real, moody._number, moody._moody)
        self._lists = real

    async def purchases_since(self, since: float) -> tuple[ListedPurchase, ...]:
        """See ListsPurchases."""
        return await self._lists.purchases_since(since)


async def confirm(operations: Operations) -> None:
    """An operator has compared everything, and lets Packhouse continue."""
    report = await operations.reconciliation.report()
    if report.state == "active" and any("guard log" in point for point in report.open_points):
        try:
            await operations.reconciliation.accept(reason="compared", actor="ada")
        except OperationRefused:
            return
