"""An operator or a program ships an order: Packhouse waits, nothing ships twice, nothing is forgotten."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from packhouse.config.sections import ParcelSettings, RetrySettings
from packhouse.errors import LeaseLost, OperationRefused, StoreUnavailable
from packhouse.flow import process_order
from packhouse.rules.timeouts import longest_post_s
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness
from tests.service.operations.operator import BY, fulfill_at_store

pytestmark = pytest.mark.usefixtures("engine")


async def test_an_offered_label_is_bought_once_and_not_posted(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    asked = await harness.operations.orders.request_label(order.id, **BY)
    assert (asked.state, asked.label) == ("waiting", None)
    await harness.process_due()
    ready = await harness.operations.queries.label_offer(order.id)
    assert ready.label is not None
    assert ready.label.document
    again = await harness.operations.orders.request_label(order.id, **BY)
    await harness.advance(600, step=60)
    assert again.label == (await harness.operations.queries.label_offer(order.id)).label == ready.label
    assert await harness.states(order) == ["labeled"]
    assert harness.labels_sold(order, live_only=False) == 1
    assert [hold.code for hold in await harness.active_holds(order)] == ["external_posting"]

    await fulfill_at_store(harness, order, ready.label.tracking_number, ready.carrier)
    await harness.deliver_event(order, "order.fulfilled")
    await harness.advance(600, step=60)
    assert await harness.states(order) == ["fulfilled"]
    assert await harness.active_holds(order) == []
    assert await harness.phase(order) == "shipped"
    assert (await harness.operations.orders.request_label(order.id, **BY)).label is not None
    assert await harness.active_holds(order) == []
    assert harness.labels_sold(order, live_only=False) == 1


async def test_an_offered_label_is_posted_when_its_hold_is_released(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.operations.orders.request_label(order.id, **BY)
    await harness.process_due()
    (hold,) = await harness.active_holds(order)
    await harness.release_hold(hold)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
    assert harness.labels_sold(order, live_only=False) == 1


async def test_no_label_is_offered_for_an_order_that_is_held_or_may_not_ship(harness: Harness) -> None:
    for kind in ("incomplete_address", "digital"):
        order = harness.sandbox.place_order(kind)
        await harness.operations.orders.request_label(order.id, **BY)
        await harness.process_due()
        found = await harness.operations.queries.label_offer(order.id)
        assert (found.state, found.label) == ("refused", None), kind
        assert found.why
        assert harness.labels_sold(order, live_only=False) == 0
    held = harness.sandbox.place_order("plain")
    await harness.operations.orders.request_label(held.id, **BY)
    await harness.deliver_event(held)
    await harness.place_hold(held)
    await harness.process_due()
    assert (await harness.operations.queries.label_offer(held.id)).state == "refused"


@pytest.mark.harness(settings={"parcel": ParcelSettings(weight_g=500, max_weight_g=600)})
async def test_no_label_is_offered_for_an_order_of_several_parcels(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    while sum(order.ordered().values()) < 2:
        order = harness.sandbox.place_order("plain")
    await harness.operations.orders.request_label(order.id, **BY)
    await harness.process_due()
    found = await harness.operations.queries.label_offer(order.id)
    assert (found.state, found.label) == ("refused", None)
    assert found.parcels > 1
    with pytest.raises(OperationRefused, match="Packhouse posts them itself"):
        await harness.operations.orders.request_label(order.id, **BY)
    assert found.hold_id is not None
    await harness.operations.orders.release_hold(found.hold_id, **BY)
    await harness.process_due()
    assert set(await harness.states(order)) == {"fulfilled"}
    assert harness.labels_sold(order, live_only=False) == found.parcels


async def test_a_label_that_was_already_posted_is_returned_and_nothing_changes(harness: Harness) -> None:
    order = await harness.ship()
    (shipment,) = await harness.shipments(order)
    found = await harness.operations.orders.request_label(order.id, **BY)
    assert found.label == shipment.label
    assert await harness.active_holds(order) == []


async def test_a_taken_over_order_is_never_shipped_by_packhouse_as_well(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    job = await harness.process_until(before="buy")
    taken = await harness.operations.orders.take_over(order.id, purpose="fulfill with 1Z1", **BY)
    assert taken.in_flight == ""
    with pytest.raises(LeaseLost):
        await harness.run_step("buy", job)
    await harness.advance(300, step=60)
    assert harness.labels_sold(order, live_only=False) == 0
    await fulfill_at_store(harness, order, "1Z1", "UPS")
    # The command that placed the hold died. Packhouse sees that nothing is left, and releases it.
    await harness.deliver_event(order, "order.fulfilled")
    await harness.advance(300, step=60)
    assert await harness.active_holds(order) == []
    assert harness.labels_sold(order, live_only=False) == 0
    assert await harness.states(order) == ["cancelled"]


async def test_only_the_same_operation_may_resume_a_takeover(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    first = await harness.operations.orders.take_over(order.id, purpose="fulfill with 1Z1", **BY)
    again = await harness.operations.orders.take_over(order.id, purpose="fulfill with 1Z1", **BY)
    assert again.hold.id == first.hold.id
    assert (first.resumed, again.resumed) == (False, True)
    with pytest.raises(OperationRefused, match="is taken over by ada: fulfill with 1Z1"):
        await harness.operations.orders.take_over(order.id, purpose="fulfill with 1Z2", **BY)
    await harness.operations.orders.release_hold(first.hold.id, **BY)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]


async def test_a_takeover_waits_for_a_purchase_in_flight(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    during = []

    async def interrupted(purchase: Any) -> Any:
        during.append(await harness.operations.orders.take_over(order.id, purpose="x", **BY))
        return await harness.provider.real.buy(purchase)

    harness.provider.script(buy=interrupted)
    (job,) = await harness.claim_due()
    with pytest.raises(LeaseLost):
        await process_order(harness.context, job)
    assert "is not known yet" in during[0].in_flight
    await harness.advance(120)
    settled = await harness.operations.orders.take_over(order.id, purpose="x", **BY)
    assert settled.in_flight == ""
    assert await harness.states(order) == ["labeled"]
    assert harness.labels_sold(order, live_only=False) == 1
    assert settled.order.shipments[0].label is not None


async def test_a_takeover_waits_for_a_post_in_flight_and_stops_one_that_has_not_begun(
    harness: Harness,
) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    during = []

    async def interrupted(*post: Any) -> None:
        during.append(await harness.operations.orders.take_over(order.id, purpose="x", **BY))
        await harness.store.real.fulfill(*post)

    harness.store.script(fulfill=interrupted)
    (job,) = await harness.claim_due()
    with pytest.raises(LeaseLost):
        await process_order(harness.context, job)
    assert "on its way to the store" in during[0].in_flight
    harness.store.script(fulfill=None)
    await harness.process_due()
    assert (await harness.operations.orders.take_over(order.id, purpose="x", **BY)).in_flight == ""
    assert await harness.states(order) == ["fulfilled"]

    other = harness.sandbox.place_order("plain")
    await harness.deliver_event(other)
    asked = []

    async def taken_meanwhile(unit: Any, *args: Any, **more: Any) -> Any:
        if unit.__name__ == "check_may_proceed" and await harness.states(other) == ["labeled"]:
            asked.append(await harness.operations.orders.take_over(other.id, purpose="y", **BY))
        return await harness.ledger.real.read(unit, *args, **more)

    harness.ledger.script(read=taken_meanwhile)
    (job,) = [job for job in await harness.claim_due() if job.order_id == other.id]
    with pytest.raises(LeaseLost):
        await process_order(harness.context, job)
    harness.ledger.script(read=None)
    assert asked
    await harness.clock.advance(longest_post_s(harness.settings))
    await harness.process_due()
    assert (await harness.operations.orders.take_over(other.id, purpose="y", **BY)).in_flight == ""
    assert await harness.states(other) == ["labeled"]


async def test_a_takeover_waits_for_a_post_in_flight_even_after_its_label_was_offered(
    harness: Harness,
) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    during = []

    async def interrupted(*post: Any) -> None:
        handed = await harness.operations.orders.request_label(order.id, **BY)
        assert handed.state == "ready"
        during.append(await harness.operations.orders.take_over(order.id, purpose="x", **BY))
        await harness.store.real.fulfill(*post)

    harness.store.script(fulfill=interrupted)
    (job,) = await harness.claim_due()
    with pytest.raises(LeaseLost):
        await process_order(harness.context, job)
    assert "on its way to the store" in during[0].in_flight
    harness.store.script(fulfill=None)
    await harness.process_due()
    assert (await harness.operations.orders.take_over(order.id, purpose="x", **BY)).in_flight == ""
    assert await harness.states(order) == ["fulfilled"]


@pytest.mark.harness(settings={"retry": RetrySettings(hold_after=2)})
async def test_a_takeover_waits_for_a_post_in_flight_even_if_a_hold_that_blocks_no_post_is_active(
    harness: Harness,
) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    during = []

    async def interrupted(*post: Any) -> None:
        during.append(await harness.operations.orders.take_over(order.id, purpose="refund all", **BY))
        await harness.store.real.fulfill(*post)

    harness.store.script(fulfill=StoreUnavailable("Down.", status=503))
    await harness.advance(1200, step=60)
    assert [hold.code for hold in await harness.active_holds(order)] == ["repeated_failure"]
    harness.store.script(fulfill=interrupted)
    await harness.clock.advance(7200)
    (job,) = await harness.claim_due()
    with pytest.raises(LeaseLost):
        await process_order(harness.context, job)
    assert "on its way to the store" in during[0].in_flight


async def test_a_requested_refund_stops_packhouse_until_the_store_confirms_it(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.operations.orders.request_label(order.id, **BY)
    await harness.process_due()
    await harness.operations.orders.take_over(order.id, purpose="refund all", **BY)
    await harness.advance(600, step=60)
    assert await harness.states(order) == ["labeled"]
    harness.sandbox.store.refund(order)
    await harness.advance(60)
    await harness.deliver_event(order, "order.refunded")
    await harness.advance(120)
    assert await harness.active_holds(order) == []
    assert await harness.states(order) == ["voided"]
    assert harness.labels_sold(order) == 0


async def test_takeovers_and_packhouse_racing_for_many_orders_never_both_ship_one(harness: Harness) -> None:
    orders = [harness.sandbox.place_order("plain") for _ in range(30)]
    for order in orders:
        await harness.deliver_event(order)

    async def by_command(order: StoreOrder, number: int) -> None:
        for _ in range(number % 7):
            await asyncio.sleep(0)
        while (
            taken := await harness.operations.orders.take_over(order.id, purpose="fulfill", **BY)
        ).in_flight:
            await harness.clock.advance(1.0)
            await harness.process_due()
        if not any(s.label for s in taken.order.shipments if s.state.reserves_units):
            seen = await harness.store.order(order.id)
            assert not seen.fulfillments
            await fulfill_at_store(harness, order, f"HAND{number}")
        await harness.operations.orders.release_hold(taken.hold.id, **BY)

    async def machine() -> None:
        for job in await harness.claim_due():
            try:
                await process_order(harness.context, job)
            except LeaseLost:
                continue

    await asyncio.gather(machine(), *(by_command(order, n) for n, order in enumerate(orders)))
    await harness.advance(300)
    for order in orders:
        seen = await harness.store.order(order.id)
        assert len(seen.fulfillments or ()) == 1
        by_machine = harness.labels_sold(order)
        assert by_machine + any(f.tracking_number.startswith("HAND") for f in seen.fulfillments or ()) == 1
