"""refresh: the order as the store has it now, and the order that the store no longer has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packhouse.model.order import Order
from tests.service.flow.test_lying_answers import behind_a_proxy
from tests.service.harness import Harness
from tests.service.store.lying_proxy import Lie

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


@pytest.mark.parametrize(
    "lies",
    [
        [Lie(b'{"error":{"code":"not_found","message":"no such order"}}', status=404)],
        [Lie(b'{"error":{"code":"not_found"}}', status=404), Lie(status=502)] * 6,
        [Lie(status=404)] * 12,
        [Lie(status=502)] * 6 + [Lie(b'{"error":{"code":"not_found"}}', status=404)],
    ],
    ids=["one 404", "404s between failures", "404s of a proxy", "a 404 after failures"],
)
async def test_an_order_counts_as_gone_only_after_404s_in_a_row_in_the_stores_own_words(
    harness: Harness, lies: list[Lie]
) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="buy")
    proxy = behind_a_proxy(harness)
    proxy.answer("GET", *lies)
    await harness.clock.advance(130)
    await harness.process_due()
    for _ in range(40):
        await harness.advance(300, step=300)
        assert await harness.states(order) in (["planned"], ["held"], ["fulfilled"])
    assert await harness.states(order) == ["fulfilled"]
