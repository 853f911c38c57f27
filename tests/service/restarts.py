"""A harness that starts as the daemon does, with its guard log; its ledger can be put back from a backup."""

from __future__ import annotations

from collections.abc import Callable

from packhouse.ledger import guard
from packhouse.ledger.engine import open_ledger
from packhouse.sandbox.store.state import StoreOrder
from packhouse.worker.periodic import PeriodicTasks
from packhouse.worker.reconciliation import Reconciliation
from tests.service.harness import Harness
from tests.service.ledger.address import address_in
from tests.service.ledger.backups import Backups


class Daemon:
    """A harness whose ledger can be put back, and which starts as the daemon does."""

    def __init__(self, harness: Harness, backups: Backups) -> None:
        self.harness = harness
        self.backups = backups
        self.context = harness.context
        self.reconciliation = self._new()

    def _new(self) -> Reconciliation:
        tasks = PeriodicTasks(self.context, "test", lambda: None)
        return Reconciliation(self.context, tasks.poll, lambda: None)

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


async def ship(daemon: Daemon, count: int = 1) -> list[StoreOrder]:
    orders = [await daemon.harness.ship() for _ in range(count)]
    await daemon.work(1)
    return orders


async def sold(daemon: Daemon, orders: list[StoreOrder]) -> list[int]:
    return [daemon.harness.labels_sold(order, live_only=False) for order in orders]
