"""A ledger that was put back from a backup, or lost commits in a failover: nothing of the time since is forgotten.

One daemon in one process: its flow, its guard log and its reconciliation, on both engines.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from packhouse.errors import LedgerUnavailable
from packhouse.ledger import guard, restores
from packhouse.ledger.engine import open_ledger
from packhouse.model.hold import HoldCode
from packhouse.model.states import LabelState
from packhouse.providers.port import Safety
from packhouse.sandbox.store.state import StoreOrder
from packhouse.worker.periodic import PeriodicTasks
from packhouse.worker.reconciliation import Reconciliation
from tests.postgres import PostgresServer
from tests.service.harness import Harness, NewHarness
from tests.service.ledger.address import address_in
from tests.service.ledger.backups import Backups
from tests.service.providers.in_memory import InMemoryProvider, in_memory

CAP = {"guard": {"max_day_minor": 100_000}}


class Daemon:
    """A harness whose ledger can be put back, and which starts as the daemon does."""

    def __init__(self, harness: Harness, backups: Backups) -> None:
        self.harness = harness
        self.backups = backups
        self.reconciliation = self._new()

    def _new(self) -> Reconciliation:
        tasks = PeriodicTasks(self.harness.context, "test", lambda: None)
        return Reconciliation(self.harness.context, tasks.poll, lambda: None)

    async def start(self) -> None:
        """A process starts on the ledger as it is now."""
        await self.harness.ledger.real.close()
        url = address_in(self.harness.settings.data_dir)
        self.harness.ledger.real = open_ledger(url, connections=4)
        self.harness.context.settling.clear()
        self.reconciliation = self._new()
        await self.reconciliation.start()

    async def put_back(self, restore: Callable[[], None]) -> None:
        """The process ends, the backup is put back, a process starts."""
        await self.harness.ledger.real.close()
        restore()
        await self.start()

    async def work(self, rounds: int = 3) -> None:
        """Let the daemon work for a while."""
        for _ in range(rounds):
            await self.reconciliation.tick()
            await self.harness.process_due()
            await self.harness.clock.advance(15.0)
        await self.reconciliation.tick()
        await self.harness.process_due()

    async def is_paused(self) -> str:
        return await self.harness.ledger.read(guard.paused)


@pytest.fixture
def backups(tmp_path: Path, engine: str, request: pytest.FixtureRequest) -> Backups:
    if engine == "sqlite":
        return Backups(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return Backups(tmp_path, server, address_in(tmp_path).rpartition("/")[2])


async def ship(daemon: Daemon, count: int = 1) -> list[StoreOrder]:
    orders = [await daemon.harness.ship() for _ in range(count)]
    await daemon.work(1)
    return orders


async def sold(daemon: Daemon, orders: list[StoreOrder]) -> list[int]:
    return [daemon.harness.labels_sold(order, live_only=False) for order in orders]


@pytest.mark.harness(settings=CAP)
async def test_a_restored_ledger_knows_again_what_its_guard_log_knows(
    harness: Harness, backups: Backups
) -> None:
    """Holds, voids, the pause and the spending are known again, nothing is bought twice, and it goes on."""
    daemon = Daemon(harness, backups)
    await daemon.start()
    early = await ship(daemon)
    posting_fails = await harness.ship("plain")
    suspicious = harness.sandbox.place_order("plain")
    await harness.deliver_event(suspicious)
    restore = backups.take()
    await daemon.start()
    await harness.place_hold(suspicious, "the card is stolen")
    late = await ship(daemon, 3)
    spent_before = (await harness.operations.queries.status()).spent
    await harness.operations.daemon.pause(reason="counting", actor="ada")

    await daemon.put_back(restore)

    assert await daemon.is_paused()
    await daemon.work()
    assert await sold(daemon, [*early, posting_fails, *late]) == [1] * 5
    assert await sold(daemon, [suspicious]) == [0]
    (hold,) = await harness.active_holds(suspicious)
    assert (hold.code, hold.placed_by, hold.note) == (HoldCode.MANUAL, "ada", "the card is stolen")
    assert await harness.ledger.read(restores.current) is None, "everything adds up, so it went on"
    assert await daemon.is_paused() == "ada: counting"
    assert (await harness.operations.queries.status()).spent == spent_before
    report = await harness.operations.reconciliation.report()
    assert report.state == "done"
    assert any("ada" in entry.why for entry in report.entries)
    await harness.operations.daemon.resume(reason="counted", actor="ada")
    await daemon.work()
    assert await sold(daemon, [*early, posting_fails, *late, suspicious]) == [1] * 5 + [0]
    assert [await harness.states(order) for order in late] == [["fulfilled"]] * 3
    await ship(daemon)
