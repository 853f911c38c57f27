"""refresh: the order as the store has it now, and the order that the store no longer has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packhouse.model.order import Order
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


async def test_an_order_that_vanishes_with_a_paid_label_is_held(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="post")
    harness.sandbox.store.orders.pop(order.id)
    await harness.clock.advance(130)
    await harness.advance(600, step=10)
    (hold,) = await harness.active_holds(order)
    assert hold.code == "order_unreadable"
    assert "does not have this order" in hold.note
    await harness.release_hold(hold, "deleted by mistake; the money back, please")
    await harness.advance(600, step=10)
    assert await harness.states(order) == ["voided"]
    harness.sandbox.store.orders[order.id] = order


async def test_an_order_that_vanishes_before_anything_is_bought_is_closed(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="buy")
    harness.sandbox.store.orders.pop(order.id)
    await harness.clock.advance(130)
    await harness.advance(600, step=10)
    assert await harness.states(order) == ["cancelled"]
    assert await harness.phase(order) == "closed"


async def test_an_empty_list_that_the_store_sometimes_omits_is_no_change(harness: Harness) -> None:
    refreshes = 0

    def sometimes_without_refunds(order: Order) -> Order:
        nonlocal refreshes
        refreshes += 1
        return replace(order, refunds=() if refreshes % 2 else None)

    harness.store.show_orders_as(sometimes_without_refunds)
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.process_due(passes=4)
    assert await harness.states(order) == ["fulfilled"]


async def test_an_order_that_the_store_does_not_know_is_retried_and_then_closed(harness: Harness) -> None:
    await harness.deliver_event("ord_from_nowhere")
    await harness.process_due()
    await harness.advance(1200, step=30)
    row = await harness.order_row("ord_from_nowhere")
    assert (row.phase, row.due_at) == ("closed", None)
