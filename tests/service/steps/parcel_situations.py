"""Situations that place a hold on a parcel that is posted: on its way, coming back, or without its papers."""

from __future__ import annotations

from packhouse.errors import ProviderUnavailable
from packhouse.model.hold import HoldCode
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness
from tests.service.steps.hold_situations import WAIT_FOR_VOID, Situation, places


async def ship_abroad(harness: Harness) -> StoreOrder:
    """Ship an order to Canada, so that its label comes with a commercial invoice."""
    order = harness.sandbox.place_order("plain")
    place = {
        "line1": "1 Main Street",
        "city": "Toronto",
        "state": "ON",
        "postcode": "M5V 2T6",
        "country": "CA",
    }
    harness.sandbox.store.change_address(order, place)
    await harness.deliver_event(order)
    await harness.process_due()
    return order


async def reported_by_the_carrier(harness: Harness, status: str) -> Situation:
    order = await harness.ship()
    (shipment,) = await harness.shipments(order)
    assert shipment.label
    harness.sandbox.easypost.find(shipment.label.provider_id).status_override = status
    await harness.advance(harness.settings.poll.confirm_s + 10)
    await harness.track_parcels()
    return Situation(order)


@places(HoldCode.PARCEL_RETURNED)
async def parcel_returned(harness: Harness, action: str) -> Situation:
    return await reported_by_the_carrier(harness, "return_to_sender")


@places(HoldCode.PARCEL_FAILED)
async def parcel_failed(harness: Harness, action: str) -> Situation:
    return await reported_by_the_carrier(harness, "failure")


@places(HoldCode.PAPER_MISSING)
async def paper_missing(harness: Harness, action: str) -> Situation:
    harness.provider.script(paper=ProviderUnavailable("the file host is down"))
    order = await ship_abroad(harness)
    await harness.advance(600, step=30)

    async def wait() -> None:
        harness.provider.script(paper=None)
        await harness.advance(2 * 3600, step=300)

    return Situation(order, {WAIT_FOR_VOID: wait})
