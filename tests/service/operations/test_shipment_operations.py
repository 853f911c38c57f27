"""What an operator does with one shipment or event: void, mark as shipped, hold, release, replay."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.api.board import AdoptedLabel, SentParcel
from packhouse.config.settings import ParcelSettings
from packhouse.errors import LeaseLost, OperationRefused
from packhouse.flow import process_order
from packhouse.model.money import Money
from packhouse.rules.timeouts import longest_post_s
from tests.service.harness import Harness
from tests.service.operations.operator import BY, board

pytestmark = pytest.mark.usefixtures("engine")


async def test_a_voided_label_is_not_replaced_until_an_operator_releases_the_hold(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await board(harness).ask_label(order.id, **BY)
    await harness.process_due()
    (shipment,) = await harness.shipments(order)
    await board(harness).ask_void(shipment.id, again=False, **BY)
    await board(harness).ask_void(shipment.id, again=False, **BY)
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
    with pytest.raises(OperationRefused, match="cannot be taken back"):
        await board(harness).ask_void(shipment.id, again=False, **BY)

    # A post that was begun when the person asked, and landed: it is too late, and said so.
    late = harness.sandbox.place_order("plain")
    await harness.deliver_event(late)

    async def interrupted(*post: Any) -> None:
        (known,) = await harness.shipments(late)
        await board(harness).ask_void(known.id, again=True, **BY)
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
    await board(harness).mark_shipped(shipment.id, sent, **BY)
    await board(harness).mark_shipped(shipment.id, sent, **BY)
    with pytest.raises(OperationRefused, match="has the label 1Z77"):
        await board(harness).mark_shipped(shipment.id, SentParcel("1Z78", "UPS"), **BY)
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
    await board(harness).mark_shipped(shipment.id, SentParcel("1Z77", "UPS"), **BY)
    harness.sandbox.store.cancel(order)
    await harness.process_due()
    assert await harness.states(order) == ["labeled"]
    assert [one.code for one in await harness.active_holds(order)] == ["manual", "order_changed"]


async def test_one_shipment_is_held_and_released_and_ship_waives_the_reasons(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.process_until(before="buy")
    (shipment,) = await harness.shipments(order)
    await board(harness).hold_shipment(shipment.id, **BY)
    held = await board(harness).hold_shipment(shipment.id, **BY)
    await harness.advance(60)
    assert await harness.states(order) == ["held"]
    await board(harness).release_shipment(shipment.id, ship=False, **BY)
    assert (await harness.active_holds(order), held.shipment_id) == ([], shipment.id)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
    with pytest.raises(OperationRefused, match="nothing of it is left to ship"):
        await board(harness).release_shipment(shipment.id, ship=True, **BY)


@pytest.mark.harness(settings={"guard": {"max_label_minor": 100}})
async def test_ship_does_not_waive_a_spending_cap(harness: Harness) -> None:
    order = await harness.ship()
    (shipment,) = await harness.shipments(order)
    with pytest.raises(OperationRefused, match="cannot ship yet"):
        await board(harness).release_shipment(shipment.id, ship=True, **BY)
    assert harness.labels_sold(order) == 0


async def test_an_event_is_replayed_and_an_ignored_one_is_refused(harness: Harness) -> None:
    order = await harness.ship()
    (record,) = await board(harness).events(order_id=order.id, outcome="", limit=5, before=None)
    assert (record.type, record.outcome) == ("order.created", "new")
    await board(harness).replay_event(record.id, **BY)
    await harness.process_due()
    assert "replayed" in await harness.journal(order)
    assert harness.labels_sold(order, live_only=False) == 1
    await harness.deliver_event("", "product.updated")
    (ignored,) = await board(harness).events(order_id="", outcome="ignored", limit=5, before=None)
    with pytest.raises(OperationRefused, match="ignored"):
        await board(harness).replay_event(ignored.id, **BY)


async def test_a_shipment_of_a_taken_over_order_is_not_released(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.process_until(before="buy")
    (shipment,) = await harness.shipments(order)
    await board(harness).take(order.id, doing="refund all", **BY)
    for ship in (True, False):
        with pytest.raises(OperationRefused, match=r"in hand \(refund all\).*packhouse holds release"):
            await board(harness).release_shipment(shipment.id, ship=ship, **BY)
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
    await board(harness).mark_shipped(first.id, SentParcel("1Z88", "UPS"), **BY)
    with pytest.raises(OperationRefused, match=f"1Z88 is the number of {first.id}"):
        await board(harness).mark_shipped(second.id, SentParcel("1Z88", "UPS"), **BY)
    await board(harness).hold_shipment(second.id, **BY)
    await harness.process_due()
    found = AdoptedLabel("1Z88", "UPS", "", Money(500, "USD"))
    with pytest.raises(OperationRefused, match=f"1Z88 is the label of shipment {first.id}"):
        await board(harness).adopt_label(second.id, found, **BY)
    another = harness.sandbox.place_order("plain")
    await harness.deliver_event(another)
    await harness.process_until(before="buy")
    shared = (await harness.shipments(another))[0]
    await board(harness).mark_shipped(shared.id, SentParcel("1Z88", "UPS"), **BY)
    assert (await harness.states(another))[0] == "labeled"
