"""Operations that race in the ledger: on both engines, one wins, and a worker's next write fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from packhouse.config.settings import Settings
from packhouse.errors import LeaseLost, OperationRefused, RecordNotFound
from packhouse.ledger import holds, leases, queries
from packhouse.ledger.documents import DocumentFolder
from packhouse.ledger.engine import open_ledger
from packhouse.ledger.port import Ledger
from packhouse.ledger.tx import under
from packhouse.operations import Operations
from packhouse.operations.views import Takeover
from tests.clock import StillClock
from tests.service.ledger.address import address_in

NOW = 1_800_000_000.0
BY = {"reason": "r", "actor": "ada"}


def operations_on(ledger: Ledger, folder: Path) -> Operations:
    settings = Settings(_env_file=None, data_dir=folder)  # type: ignore[call-arg]
    return Operations.build(
        ledger, DocumentFolder(folder / "labels"), StillClock(NOW), settings, lambda: None
    )


def test_of_many_takeovers_of_one_order_at_once_one_wins(tmp_path: Path, engine: str) -> None:
    async def race() -> None:
        ledgers = [open_ledger(address_in(tmp_path))]
        if ledgers[0].shared:
            ledgers += [open_ledger(address_in(tmp_path)) for _ in range(3)]
        replicas = [operations_on(ledger, tmp_path) for ledger in ledgers]
        tries = [
            replicas[number % len(replicas)].orders.take_over("ord_1", purpose=f"purpose {number}", **BY)
            for number in range(12)
        ]
        ends = await asyncio.gather(*tries, return_exceptions=True)
        won = [end for end in ends if isinstance(end, Takeover)]
        assert len(won) == 1
        assert sum(isinstance(end, OperationRefused) for end in ends) == len(tries) - 1, ends
        active = await ledgers[0].read(holds.of_order, "ord_1")
        assert [hold.note for hold in active] == [won[0].hold.note]
        story = await ledgers[0].read(queries.entries, order_id="ord_1")
        assert [entry.action for entry in story] == ["taken_over"]
        for ledger in ledgers:
            await ledger.close()

    asyncio.run(race())


def test_every_operation_makes_the_next_write_of_the_worker_fail(tmp_path: Path, engine: str) -> None:
    async def story() -> None:
        ledger = open_ledger(address_in(tmp_path))
        orders = operations_on(ledger, tmp_path).orders
        repeated: list[Callable[[str], Awaitable[Any]]] = [
            lambda order_id: orders.take_over(order_id, purpose="a purpose", **BY),
            lambda order_id: orders.request_label(order_id, **BY),
        ]
        for number, operation in enumerate(repeated):
            order_id = f"ord_{number}"
            await ledger.write(leases.wake, NOW, order_id)
            (lease,) = await ledger.write(leases.claim, NOW, "worker:1", NOW + 60, 1)
            await operation(order_id)
            with pytest.raises(LeaseLost):
                await ledger.write(under(lease, leases.require), NOW)
            again = await ledger.write(leases.claim, NOW, "worker:2", NOW + 60, 1)
            await operation(order_id)
            # A repeated operation finds its hold and leaves the worker that already works under it alone.
            await ledger.write(under(again[0], leases.require), NOW)
        await ledger.close()

    asyncio.run(story())


def test_an_operation_on_an_unknown_shipment_says_so(tmp_path: Path, engine: str) -> None:
    async def story() -> None:
        ledger = open_ledger(address_in(tmp_path))
        shipments = operations_on(ledger, tmp_path).shipments
        with pytest.raises(RecordNotFound, match="ord_9-1"):
            await shipments.hold("ord_9-1", **BY)
        with pytest.raises(RecordNotFound, match="ord_9-1"):
            await shipments.request_void("ord_9-1", again=False, **BY)
        await ledger.close()

    asyncio.run(story())
