"""Orders that look finished and are not: begun elsewhere, returned or refunded in part, counted only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packhouse.errors import StoreUnavailable
from packhouse.model.hold import HoldCode
from packhouse.model.order import Order
from packhouse.sandbox.http import to_iso
from packhouse.sandbox.store.state import EXTERNAL, StoreOrder
from tests.service.harness import Harness


def shipped_by_us(order: StoreOrder) -> int:
    return sum(row.quantity for row in order.fulfillments if row.recorded_by != EXTERNAL)


@pytest.mark.parametrize("counts", [False, True])
async def test_a_unit_refunded_after_it_shipped_does_not_take_another_with_it(
    harness: Harness, counts: bool
) -> None:
    harness.sandbox.store.shows_counts = counts
    order = await harness.ship("refunded_after_shipping")
    assert await harness.active_holds(order) == []
    assert order.unshipped() == dict.fromkeys(order.ordered(), 0)
    assert shipped_by_us(order) == sum(order.ordered().values()) - 1
    assert harness.problems() == []


async def test_an_order_returned_in_part_is_held_and_its_owed_units_ship_after_a_release(
    harness: Harness,
) -> None:
    order = await harness.ship("returned_in_part")
    (hold,) = await harness.active_holds(order)
    assert hold.code is HoldCode.PARTLY_FULFILLED_UNCLEAR
    assert await harness.phase(order) == "held"
    assert shipped_by_us(order) == 0
    await harness.release_hold(hold)
    await harness.process_due()
    assert order.unshipped() == dict.fromkeys(order.ordered(), 0)
    assert await harness.active_holds(order) == []
    assert harness.problems() == []


async def test_a_pending_refund_waits_and_a_failed_one_ships_everything(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    item = order.sale.items[0]
    refund = {
        "id": "ref_1",
        "amount": item["unit_price"],
        "status": "pending",
        "items": [{"line_item_id": item["id"], "quantity": 1}],
    }
    order.refunds.append(refund)
    order.touch(harness.clock.now())
    await harness.deliver_event(order)
    await harness.process_due()
    assert [hold.code for hold in await harness.active_holds(order)] == ["refund_unclear"]
    assert harness.labels_sold(order, live_only=False) == 0

    refund["status"] = "failed"
    order.touch(harness.clock.now())
    await harness.deliver_event(order, "order.refunded")
    await harness.process_due()
    assert await harness.active_holds(order) == []
    assert shipped_by_us(order) == sum(order.ordered().values())


async def test_a_refund_that_may_be_of_the_parcel_in_hand_holds_its_label_and_voids_nothing(
    harness: Harness,
) -> None:
    """Another tool shipped a unit; then one is refunded while our label for the rest waits for its post."""
    order = harness.sandbox.place_order("part_fulfilled")
    await harness.process_until(order, before="post")
    item = order.sale.items[0]
    order.refunds.append(
        {
            "id": "ref_1",
            "amount": item["unit_price"],
            "status": "succeeded",
            "items": [{"line_item_id": item["id"], "quantity": 1}],
            "created_at": to_iso(harness.clock.now() + 60),
        }
    )
    order.touch(harness.clock.now())
    await harness.clock.advance(130)
    await harness.process_due()
    assert await harness.states(order) == ["labeled"]
    (hold,) = await harness.active_holds(order)
    assert hold.code is HoldCode.REFUND_UNCLEAR
    await harness.release_hold(hold)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
    assert harness.problems() == []


@pytest.mark.parametrize("kind", ["plain", "part_fulfilled"])
async def test_a_store_that_only_counts_gets_each_order_once(harness: Harness, kind: str) -> None:
    harness.sandbox.store.shows_counts = True
    order = await harness.ship(kind)
    assert order.unshipped() == dict.fromkeys(order.ordered(), 0)
    await harness.deliver_event(order, "order.fulfilled")
    await harness.advance(harness.settings.poll.confirm_s + 60)
    assert await harness.active_holds(order) == []
    assert await harness.phase(order) == "shipped"
    assert harness.labels_sold(order) == len(await harness.shipments(order))
    assert harness.problems() == []


async def test_a_post_whose_answer_was_lost_is_found_again_at_a_store_that_only_counts(
    harness: Harness,
) -> None:
    harness.sandbox.store.shows_counts = True
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="post")
    harness.sandbox.faults.trigger_next("store.error_after_effect")
    with pytest.raises(StoreUnavailable):
        await harness.run_step("post", job)
    assert shipped_by_us(order) == sum(order.ordered().values())
    await harness.clock.advance(130)
    await harness.process_due()
    await harness.advance(120)
    assert await harness.states(order) == ["fulfilled"]
    assert await harness.active_holds(order) == []
    assert harness.labels_sold(order) == 1
    assert harness.problems() == []


async def test_a_count_that_forgets_our_post_is_seen(harness: Harness) -> None:
    """The store accepted the fulfillment, and its lines still count nothing."""

    def forgetful(order: Order) -> Order:
        lines = tuple(replace(line, shipped_counts=(0,)) for line in order.lines)
        return replace(order, status="partially_fulfilled", fulfillments=None, lines=lines)

    harness.store.show_orders_as(forgetful)
    order = harness.sandbox.place_order("plain")
    harness.store.show_orders_as(lambda shown: replace(forgetful(shown), status="pending"))
    await harness.deliver_event(order)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
    harness.store.show_orders_as(forgetful)
    await harness.deliver_event(order, "order.updated")
    await harness.advance(harness.settings.poll.confirm_s + 20)
    assert [hold.code for hold in await harness.active_holds(order)] == ["fulfillment_missing"]
    assert harness.labels_sold(order) == 1


async def test_a_fulfillment_of_ours_that_was_cancelled_in_the_store_is_seen(harness: Harness) -> None:
    order = await harness.ship("plain")

    def cancelled(shown: Order) -> Order:
        rows = tuple(replace(row, status="cancelled") for row in shown.fulfillments or ())
        return replace(shown, status="partially_fulfilled", fulfillments=rows)

    harness.store.show_orders_as(cancelled)
    await harness.deliver_event(order, "order.updated")
    await harness.advance(harness.settings.poll.confirm_s + 20)
    assert [hold.code for hold in await harness.active_holds(order)] == ["fulfillment_missing"]
    assert harness.labels_sold(order) == 1


async def test_a_parcel_recorded_as_cancelled_leaves_its_units_to_ship(harness: Harness) -> None:
    def cancelled(shown: Order) -> Order:
        rows = tuple(
            replace(row, status="voided") if row.carrier == "FedEx" else row
            for row in shown.fulfillments or ()
        )
        return replace(shown, status="pending", fulfillments=rows)

    harness.store.show_orders_as(cancelled)
    order = harness.sandbox.place_order("part_fulfilled")
    await harness.deliver_event(order)
    await harness.process_due()
    planned = sum(some.quantity for one in await harness.shipments(order) for some in one.units)
    assert planned == sum(order.ordered().values())
