"""track: a posted parcel is confirmed at the store and tracked until it is delivered."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from packhouse.model.label import Label
from packhouse.providers.port import TrackerState, Tracking
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")

BACK = Tracking(TrackerState.RETURNED, "return_to_sender; Address not known; Reno, NV")
FAILED = Tracking(TrackerState.FAILURE, "failure; lost")
MOVING = Tracking(TrackerState.IN_TRANSIT, "in_transit")
ARRIVED = Tracking(TrackerState.DELIVERED, "delivered")


async def reported(harness: Harness, tracking: Tracking, order: StoreOrder | None = None) -> StoreOrder:
    """An order whose parcel the carrier reports like this at the next check."""

    async def of_each(labels: Sequence[Label]) -> dict[str, Tracking]:
        return {label.id: tracking for label in labels}

    harness.provider.script(track=tracking, track_many=of_each)
    if order is None:
        order = await harness.ship()
        await harness.advance(harness.settings.poll.confirm_s + 10)
    await harness.process_due()
    await harness.track_parcels()
    return order


async def codes(harness: Harness, order: StoreOrder) -> list[str]:
    return [hold.code.value for hold in await harness.active_holds(order)]


async def test_an_echo_of_our_own_fulfillment_confirms_and_changes_nothing(harness: Harness) -> None:
    order = await harness.ship()
    await harness.deliver_event(order, "order.fulfilled")
    assert await harness.claim_due() == []  # not urgent
    await harness.advance(harness.settings.poll.confirm_s + 10)
    assert await harness.states(order) == ["fulfilled"]
    assert await harness.phase(order) == "shipped"
    assert harness.labels_sold(order) == 1


async def test_a_parcel_is_tracked_until_it_is_delivered(harness: Harness) -> None:
    order = await harness.ship()
    await harness.advance(harness.settings.poll.confirm_s + 10)
    await harness.track_parcels()
    assert await harness.states(order) == ["delivered"]
    assert (await harness.order_row(order)).due_at is None


@pytest.mark.parametrize(
    ("tracking", "code"), [(BACK, "parcel_returned"), (FAILED, "parcel_failed")], ids=["returned", "failed"]
)
async def test_people_learn_of_a_parcel_that_comes_back_or_fails(
    harness: Harness, tracking: Tracking, code: str
) -> None:
    order = await reported(harness, tracking)
    (hold,) = await harness.active_holds(order)
    assert hold.code == code
    assert tracking.note in hold.sentence
    (shipment,) = await harness.shipments(order)
    assert shipment.label
    assert shipment.label.tracking_number in hold.sentence
    assert await harness.phase(order) == "held"
    assert "held" in await harness.journal(order)
    counted = f'packhouse_parcel_outcomes_total{{outcome="{tracking.state}",provider="easypost"}} 1.0'
    assert counted in harness.metrics.render().decode()
    await reported(harness, tracking, order)
    assert await codes(harness, order) == [code], "it is said once"
    assert counted in harness.metrics.render().decode()


async def test_a_parcel_that_comes_back_stops_nothing_else(harness: Harness) -> None:
    order = await reported(harness, BACK)
    (hold,) = await harness.active_holds(order)
    assert hold.kind.blocks == frozenset()
    assert await harness.states(order) == ["fulfilled"]
    other = await harness.ship()
    assert await harness.states(other) == ["fulfilled"]


async def test_a_released_hold_on_a_returned_parcel_does_not_come_back(harness: Harness) -> None:
    order = await reported(harness, BACK)
    (hold,) = await harness.active_holds(order)
    await harness.release_hold(hold)
    await reported(harness, BACK, order)
    assert await codes(harness, order) == []
    assert await harness.phase(order) == "shipped"


@pytest.mark.parametrize("problem", [BACK, FAILED], ids=["returned", "failed"])
async def test_a_delivery_after_all_ends_the_hold(harness: Harness, problem: Tracking) -> None:
    order = await reported(harness, problem)
    await reported(harness, ARRIVED, order)
    assert await codes(harness, order) == []
    assert await harness.states(order) == ["delivered"]
    await harness.advance(harness.settings.poll.confirm_s + 10)
    assert (await harness.order_row(order)).due_at is None


async def test_a_failed_parcel_that_travels_on_needs_nobody(harness: Harness) -> None:
    order = await reported(harness, FAILED)
    await reported(harness, MOVING, order)
    assert await codes(harness, order) == []
    order = await reported(harness, BACK)
    await reported(harness, MOVING, order)
    assert await codes(harness, order) == ["parcel_returned"], "a parcel on its way back travels, too"


async def test_a_parcel_of_a_held_order_is_tracked_and_not_at_each_check(harness: Harness) -> None:
    order = await harness.ship()
    await harness.place_hold(order)
    await reported(harness, BACK, order)
    assert "parcel_returned" in await codes(harness, order)
    await harness.process_due()
    before = len(harness.provider.seen("track"))
    for _ in range(3):
        await harness.deliver_event(order, "order.updated")
        await harness.advance(60)
    assert len(harness.provider.seen("track")) == before
