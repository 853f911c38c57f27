"""Rows of the store's list: new orders are added, and only news wakes finished ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from packhouse.ledger import leases, orders, queries
from packhouse.ledger.engine import open_ledger
from packhouse.ledger.listed import add_listed
from packhouse.ledger.port import Ledger
from packhouse.ledger.tx import Tx, under
from packhouse.model.listed import Listed, shown_by
from packhouse.model.order import Order
from packhouse.model.states import OrderPhase
from tests.service.ledger.address import address_in

pytestmark = pytest.mark.usefixtures("engine")

RAW: dict[str, Any] = {
    "id": "ord_1",
    "status": "fulfilled",
    "updated_at": "2026-11-29T08:00:00Z",
    "items": [{"id": "li_1", "quantity": 2}],
}


def run_on_ledger(story: Callable[[Ledger], Awaitable[None]], folder: Path) -> None:
    async def run() -> None:
        ledger = open_ledger(address_in(folder))
        try:
            await story(ledger)
        finally:
            await ledger.close()

    asyncio.run(run())


def row(needs_work: bool = False, **changes: Any) -> Listed:
    raw = RAW | changes
    return Listed("ord_1", "site", raw["status"], needs_work, shown_by(raw))


async def finish(ledger: Ledger, *, fetched: bool = True, phase: OrderPhase = OrderPhase.SHIPPED) -> None:
    """Process the due order as a worker does at 5.0: its last snapshot is RAW."""
    (lease,) = await ledger.write(leases.claim, 5.0, "a:1", 100.0, 1)

    def unit(tx: Tx) -> None:
        if fetched:
            orders.save_snapshot(tx, Order("ord_1", "fulfilled", site_slug="site", raw=RAW), 5.0)
        leases.release(tx, phase=phase, due_at=None)

    await ledger.write(under(lease, unit), 5.0)


def test_new_orders_are_added_once_unless_nothing_is_left_to_ship(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        rows = [Listed("ord_2", "s"), Listed("ord_1", "s"), Listed("ord_3", "s", "cancelled", False)]
        assert await ledger.write(add_listed, 10.0, rows, 0.0) == ["ord_1", "ord_2"]
        assert await ledger.write(add_listed, 20.0, rows, 0.0) == []
        assert await ledger.read(queries.order_row, "ord_3") is None

    run_on_ledger(story, tmp_path)


@pytest.mark.parametrize(
    ("listed", "woken"),
    [
        (row(), False),
        (row(status="partially_fulfilled"), True),
        (row(updated_at="2026-11-29T09:00:00Z"), True),
        (row(items=[{"id": "li_1", "quantity": 2, "fulfilled_quantity": 1}]), True),
        (row(items=[{"id": "li_1", "quantity": 2, "image": "https://cdn/?expires=7"}]), False),
        (row(fulfillments=[{"tracking_number": "94001", "status": "cancelled"}]), True),
        (row(updated_at=None), False),
        (Listed("ord_1", "site", "fulfilled", False, {"status": '"fulfilled"'}), False),
    ],
)
def test_a_finished_order_is_woken_once_by_what_is_new_in_its_row(
    tmp_path: Path, listed: Listed, woken: bool
) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.write(add_listed, 1.0, [Listed("ord_1")], 0.0)
        await finish(ledger)
        assert await ledger.write(add_listed, 1000.0, [listed], 0.0) == ["ord_1"] * woken
        if woken:
            await finish_again(ledger)
        assert await ledger.write(add_listed, 3000.0, [listed], 0.0) == []

    async def finish_again(ledger: Ledger) -> None:
        (lease,) = await ledger.write(leases.claim, 1000.0, "a:2", 1100.0, 1)
        await ledger.write(under(lease, leases.release), 1001.0, phase=OrderPhase.SHIPPED, due_at=None)

    run_on_ledger(story, tmp_path)


def test_an_unfinished_order_keeps_its_own_time(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.write(add_listed, 1.0, [Listed("ord_1")], 0.0)
        (lease,) = await ledger.write(leases.claim, 5.0, "a:1", 100.0, 1)
        assert await ledger.write(add_listed, 6.0, [row(status="pending")], 7.0) == []
        await ledger.write(under(lease, leases.release), 8.0, phase=OrderPhase.HELD, due_at=900.0)
        assert await ledger.write(add_listed, 9.0, [row(status="cancelled")], 9.0) == []

    run_on_ledger(story, tmp_path)


def test_an_order_that_is_about_to_be_read_is_not_woken_for_it(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.write(add_listed, 1.0, [Listed("ord_1")], 0.0)
        (lease,) = await ledger.write(leases.claim, 5.0, "a:1", 100.0, 1)
        await ledger.write(under(lease, leases.release), 8.0, phase=OrderPhase.SHIPPED, due_at=68.0)
        assert await ledger.write(add_listed, 10.0, [row(True, status="pending")], 0.0) == []
        assert (await ledger.read(queries.order_row, "ord_1")).due_at == 68.0

    run_on_ledger(story, tmp_path)


def test_an_order_that_was_never_read_is_woken_each_time(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.write(add_listed, 1.0, [Listed("ord_1")], 0.0)
        await finish(ledger, fetched=False, phase=OrderPhase.CLOSED)
        assert await ledger.write(add_listed, 10.0, [row(True)], 0.0) == ["ord_1"]

    run_on_ledger(story, tmp_path)


@pytest.mark.parametrize(
    ("listed", "woken"), [(row(), False), (row(True), True), (row(True, status="pending"), True)]
)
def test_what_the_store_shows_as_open_is_read_again_after_a_while(
    tmp_path: Path, listed: Listed, woken: bool
) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.write(add_listed, 1.0, [Listed("ord_1")], 0.0)
        await finish(ledger)
        await ledger.write(add_listed, 1000.0, [listed], 0.0)
        if (await ledger.read(queries.order_row, "ord_1")).due_at:
            await finish_unchanged(ledger)
        assert await ledger.write(add_listed, 2000.0, [listed], 4.0) == []
        assert await ledger.write(add_listed, 3000.0, [listed], 6.0) == ["ord_1"] * woken

    async def finish_unchanged(ledger: Ledger) -> None:
        (lease,) = await ledger.write(leases.claim, 1000.0, "a:2", 1100.0, 1)
        await ledger.write(under(lease, leases.release), 1001.0, phase=OrderPhase.SHIPPED, due_at=None)

    run_on_ledger(story, tmp_path)
