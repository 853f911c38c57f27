"""withdraw: a shipment that no longer fits its order is cancelled or voided, and never on a guess."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import StoreUnavailable
from packhouse.model.order import Order, RefundRecord, Units
from packhouse.providers.port import Purchase
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


async def test_an_address_changed_after_the_label_gets_a_new_label_and_the_old_one_is_voided(
    harness: Harness,
) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before="post")
    harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})
    await harness.deliver_event(order, "order.updated")
    await harness.clock.advance(130)  # the worker is gone; its lease runs out
    await harness.process_due()
    await harness.advance(400)
    first, second = await harness.shipments(order)
    assert (first.state, second.state) == ("voided", "fulfilled")
    assert (first.generation, second.generation) == (1, 2)
    assert second.reference == f"{order.id}/1/2"
    assert harness.labels_sold(order) == 1


TWO_PARCELS = {"parcel": {"weight_g": 500, "max_weight_g": 1000}}


def _silent(order: Order) -> Order:
    """A store whose answer carries neither fulfillments nor refunds."""
    return replace(order, fulfillments=None, refunds=None)


def _four_of_one(harness: Harness) -> StoreOrder:
    order = harness.sandbox.place_order("plain")
    order.sale.items[0]["quantity"] = 4
    del order.sale.items[1:]
    return order


async def _post_with_a_lost_answer(harness: Harness, order: StoreOrder) -> None:
    job = await harness.process_until(order, before="post")
    harness.sandbox.faults.trigger_next("store.error_after_effect")
    with pytest.raises(StoreUnavailable):
        await harness.run_step("post", job)
    assert order.fulfillments


async def test_nothing_is_bought_once_the_store_shows_the_order_as_fulfilled(harness: Harness) -> None:
    harness.store.show_orders_as(_silent)
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="buy")
    harness.sandbox.store.fulfill(
        order, list(order.ordered().items()), "FedEx", "80001", recorded_by="external"
    )
    await harness.clock.advance(130)
    await harness.process_due()
    assert await harness.states(order) == ["cancelled"]
    assert harness.labels_sold(order, live_only=False) == 0


async def test_nothing_is_bought_for_a_returned_order(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="buy")
    order.status = "returned"
    order.touch(harness.clock.now())
    await harness.clock.advance(130)
    await harness.process_due()
    assert harness.labels_sold(order, live_only=False) == 0
    # No unit of it is in a fulfillment or in a return, so its buyer may wait for them.
    assert [hold.code for hold in await harness.active_holds(order)] == ["partly_fulfilled_unclear"]


async def test_a_label_that_the_store_has_recorded_is_not_voided_when_the_address_changes(
    harness: Harness,
) -> None:
    order = harness.sandbox.place_order("plain")
    await _post_with_a_lost_answer(harness, order)
    harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})
    await harness.clock.advance(130)
    await harness.process_due()
    await harness.advance(200)
    assert await harness.states(order) == ["fulfilled"]
    assert [hold.code for hold in await harness.active_holds(order)] == ["order_changed"]
    assert harness.labels_sold(order) == 1


async def test_a_label_that_may_be_posted_is_held_when_the_store_shows_no_fulfillments(
    harness: Harness,
) -> None:
    harness.store.show_orders_as(_silent)
    order = harness.sandbox.place_order("plain")
    await _post_with_a_lost_answer(harness, order)
    harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})
    await harness.clock.advance(130)
    await harness.advance(200)
    assert await harness.states(order) == ["labeled"]
    (hold,) = await harness.active_holds(order)
    assert hold.code == "order_changed"
    assert "the store does not say" in hold.note
    assert harness.labels_sold(order) == 1


async def test_a_post_in_flight_gets_time_to_be_recorded_before_its_label_is_voided(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="post")
    harness.sandbox.faults.trigger_next("store.error_before_effect")
    with pytest.raises(StoreUnavailable):
        await harness.run_step("post", job)
    harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})
    await harness.clock.advance(130)
    await harness.process_due()
    assert await harness.states(order) == ["labeled"]
    await harness.advance(200)
    assert await harness.states(order) == ["voided", "fulfilled"]


@pytest.mark.harness(settings=TWO_PARCELS)
async def test_a_parcel_whose_address_changed_while_another_was_bought_is_voided(harness: Harness) -> None:
    order = _four_of_one(harness)

    async def buy_before_the_address_changes(purchase: Purchase) -> Any:
        outcome = await harness.provider.real.buy(purchase)
        if len(harness.provider.seen("buy")) == 1:
            harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})
        return outcome

    harness.provider.script(buy=buy_before_the_address_changes)
    await harness.deliver_event(order)
    await harness.process_due()
    await harness.advance(200)
    assert (await harness.states(order))[0] == "voided"
    assert sum(row.quantity for row in order.fulfillments) == 4
    assert {row.tracking_number for row in order.fulfillments}.isdisjoint(
        {one["tracking"] for one in harness.sandbox.audit.to_json()["purchases"] if one["voided"]}
    )


def _edit(harness: Harness, order: StoreOrder) -> None:
    order.sale.items[0]["quantity"] = 2
    order.touch(harness.clock.now())


def _refund(harness: Harness, order: StoreOrder) -> None:
    refunded = RefundRecord(None, (Units(order.sale.items[0]["id"], 2),))
    harness.store.show_orders_as(lambda shown: replace(shown, refunds=(refunded,)))


@pytest.mark.parametrize("before", ["buy", "post"])
@pytest.mark.parametrize("remove_two_units", [_edit, _refund])
@pytest.mark.harness(settings=TWO_PARCELS)
async def test_of_two_parcels_one_ships_when_half_of_the_units_go(
    harness: Harness, remove_two_units: Callable[[Harness, StoreOrder], None], before: str
) -> None:
    order = harness.sandbox.place_order("plain")
    del order.sale.items[1:]
    order.sale.items[0]["quantity"] = 4
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before=before)
    assert len(await harness.shipments(order)) == 2
    remove_two_units(harness, order)
    await harness.clock.advance(130)
    await harness.process_due()
    await harness.advance(200)
    ended = "cancelled" if before == "buy" else "voided"
    assert sorted(await harness.states(order)) == sorted(["fulfilled", ended])
    assert sum(row.quantity for row in order.fulfillments) == 2
    assert harness.labels_sold(order) == 1


@pytest.mark.harness(settings=TWO_PARCELS)
async def test_a_second_parcel_is_not_bought_when_the_refresh_before_the_first_showed_a_cancelled_order(
    harness: Harness,
) -> None:
    order = harness.sandbox.place_order("plain")
    del order.sale.items[1:]
    order.sale.items[0]["quantity"] = 4
    job = await harness.process_until(order, before="buy")
    harness.sandbox.store.cancel(order)
    await harness.run_step("buy", job)
    assert harness.labels_sold(order, live_only=False) == 0
    assert await harness.states(order) == ["planned", "planned"]
