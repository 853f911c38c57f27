"""What an operator does with one shipment or event: void, mark as shipped, hold, release, replay."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.config.sections import ParcelSettings
from packhouse.errors import LeaseLost, OperationRefused
from packhouse.flow import process_order
from packhouse.model.money import Money
from packhouse.operations.views import AdoptedLabel, SentParcel
from packhouse.rules.timeouts import longest_post_s
from tests.service.harness import Harness
from tests.service.operations.operator import BY

pytestmark = pytest.mark.usefixtures("engine")


async def test_a_voided_label_is_not_replaced_until_an_operator_releases_the_hold(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.operations.orders.request_label(order.id, **BY)
    await harness.process_due()
    (shipment,) = await harness.shipments(order)
    await harness.operations.shipments.request_void(shipment.id, again=False, **BY)
    await harness.operations.shipments.request_void(shipment.id, again=False, **BY)
    await harness.advance(300)
    assert await harness.states(order) == ["voided", "held"]
    assert (await harness.journal(order)).count("void_requested") == 1
    (hold,) = await harness.active_holds(order)
    assert hold.code == "manual"
    await harness.release_hold(hold)
    await harness.process_due()
    assert await harness.states(order) == ["voided", "fulfilled"]
    assert harness.labels_sold(order) == 1


async def test_a_posted_label_is_not_voided(harness: Harness) -> None:
    order = await harness.ship()
    (shipment,) = await harness.shipments(order)
    with pytest.raises(OperationRefused, match="The label was not voided: the store already has"):
        await harness.operations.shipments.request_void(shipment.id, again=False, **BY)

    # A post that was begun when the person asked, and landed: it is too late, and said so.
    late = harness.sandbox.place_order("plain")
    await harness.deliver_event(late)

    async def interrupted(*post: Any) -> None:
        (known,) = await harness.shipments(late)
        await harness.operations.shipments.request_void(known.id, again=True, **BY)
        await harness.process_due()
        await harness.store.real.fulfill(*post)

    harness.store.script(fulfill=interrupted)
    (job,) = await harness.claim_due()
    with pytest.raises(LeaseLost):
        await process_order(harness.context, job)
    harness.store.script(fulfill=None)
    await harness.advance(longest_post_s(harness.settings) + 60)
    assert await harness.states(late) == ["fulfilled"]
    assert harness.labels_sold(late) == 1
    assert await harness.active_holds(late) == []


@pytest.mark.harness(external_tracking="1Z77")
async def test_a_parcel_marked_as_shipped_is_posted_and_no_label_is_bought(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.place_hold(order)
    await harness.process_due()
    (shipment,) = await harness.shipments(order)
    sent = SentParcel("1Z77", "UPS")
    await harness.operations.shipments.mark_shipped(shipment.id, sent, **BY)
    await harness.operations.shipments.mark_shipped(shipment.id, sent, **BY)
    with pytest.raises(OperationRefused, match="has the label 1Z77"):
        await harness.operations.shipments.mark_shipped(shipment.id, SentParcel("1Z78", "UPS"), **BY)
    for hold in await harness.active_holds(order):
        await harness.release_hold(hold)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
    assert harness.labels_sold(order, live_only=False) == 0
    assert (await harness.store.order(order.id)).has_tracking("1Z77")


async def test_a_parcel_marked_as_shipped_is_never_voided_even_if_its_order_is_cancelled(
    harness: Harness,
) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.place_hold(order)
    await harness.process_due()
    (shipment,) = await harness.shipments(order)
    await harness.operations.shipments.mark_shipped(shipment.id, SentParcel("1Z77", "UPS"), **BY)
    harness.sandbox.store.cancel(order)
    await harness.process_due()
    assert await harness.states(order) == ["labeled"]
    assert [one.code for one in await harness.active_holds(order)] == ["manual", "order_changed"]


async def test_one_shipment_is_held_and_released_and_ship_waives_the_reasons(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.process_until(before="buy")
    (shipment,) = await harness.shipments(order)
    await harness.operations.shipments.hold(shipment.id, **BY)
    held = await harness.operations.shipments.hold(shipment.id, **BY)
    await harness.advance(60)
    assert await harness.states(order) == ["held"]
    await harness.operations.shipments.release(shipment.id, **BY)
    assert (await harness.active_holds(order), held.shipment_id) == ([], shipment.id)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
    with pytest.raises(OperationRefused, match="nothing is left to ship"):
        await harness.operations.shipments.ship(shipment.id, **BY)


@pytest.mark.harness(settings={"guard": {"max_label_minor": 100}})
async def test_ship_does_not_waive_a_spending_cap(harness: Harness) -> None:
    order = await harness.ship()
    (shipment,) = await harness.shipments(order)
    with pytest.raises(OperationRefused, match="cannot ship: hold"):
        await harness.operations.shipments.ship(shipment.id, **BY)
    assert harness.labels_sold(order) == 0


async def test_an_event_is_replayed_and_an_ignored_one_is_refused(harness: Harness) -> None:
    order = await harness.ship()
    (record,) = await harness.operations.queries.events(order_id=order.id, outcome="", limit=5, before=None)
    assert (record.type, record.outcome) == ("order.created", "accepted")
    await harness.operations.events.replay(record.id, **BY)
    await harness.process_due()
    assert "replayed" in await harness.journal(order)
    assert harness.labels_sold(order, live_only=False) == 1
    await harness.deliver_event("", "product.updated")
    (ignored,) = await harness.operations.queries.events(order_id="", outcome="ignored", limit=5, before=None)
    with pytest.raises(OperationRefused, match="ignored"):
        await harness.operations.events.replay(ignored.id, **BY)


async def test_a_shipment_of_a_taken_over_order_is_not_released(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.process_until(before="buy")
    (shipment,) = await harness.shipments(order)
    await harness.operations.orders.take_over(order.id, purpose="refund all", **BY)
    for operation in (harness.operations.shipments.ship, harness.operations.shipments.release):
        with pytest.raises(OperationRefused, match=r"taken over by ada: refund all.*packhouse holds release"):
            await operation(shipment.id, **BY)
    await harness.advance(300, step=60)
    assert harness.labels_sold(order) == 0


@pytest.mark.harness(
    external_tracking="1Z88", settings={"parcel": ParcelSettings(weight_g=500, max_weight_g=600)}
)
async def test_a_tracking_number_of_another_shipment_is_refused(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    while sum(order.ordered().values()) < 2:
        order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.process_until(before="buy")
    first, second, *_ = await harness.shipments(order)
    await harness.operations.shipments.mark_shipped(first.id, SentParcel("1Z88", "UPS"), **BY)
    with pytest.raises(OperationRefused, match=f"1Z88 belongs to {first.id}"):
        await harness.operations.shipments.mark_shipped(second.id, SentParcel("1Z88", "UPS"), **BY)
    await harness.operations.shipments.hold(second.id, **BY)
    await harness.process_due()
    found = AdoptedLabel("1Z88", "UPS", "", Money(500, "USD"))
    with pytest.raises(OperationRefused, match=f"1Z88 belongs to shipment {first.id}"):
        await harness.operations.shipments.adopt_label(second.id, found, **BY)
    another = harness.sandbox.place_order("plain")
    await harness.deliver_event(another)
    await harness.process_until(before="buy")
    shared = (await harness.shipments(another))[0]
    await harness.operations.shipments.mark_shipped(shared.id, SentParcel("1Z88", "UPS"), **BY)
    assert (await harness.states(another))[0] == "labeled"
