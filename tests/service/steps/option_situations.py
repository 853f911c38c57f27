"""Situations that place the holds of a buyer's shipping option."""

from __future__ import annotations

from packhouse.model.hold import HoldCode
from packhouse.sandbox.store.state import EXTERNAL, StoreOrder
from tests.service.harness import Harness
from tests.service.steps.hold_situations import CHANGE_SETTINGS, SETTINGS, Situation, places, restarting

SETTINGS[HoldCode.SHIPPING_OPTION_HELD] = {"shipping_options": {"Cargo bike": "hold"}}


async def choosing(harness: Harness, option: str) -> StoreOrder:
    """An order whose buyer chose this shipping option."""
    order = harness.sandbox.place_order("plain")
    order.shipping_option = option
    await harness.deliver_event(order)
    await harness.process_due()
    return order


def hand_over(harness: Harness, order: StoreOrder) -> None:
    """The buyer fetches the order, and a person marks it as fulfilled in the store."""
    units = [*order.unshipped().items()]
    harness.sandbox.store.fulfill(order, units, "Counter", "HANDOVER1", recorded_by=EXTERNAL)


@places(HoldCode.PICKUP)
async def pickup(harness: Harness, action: str) -> Situation:
    order = await choosing(harness, "Local pickup")

    async def mark() -> None:
        hand_over(harness, order)
        await harness.deliver_event(order, "order.fulfilled")

    handing_over = "Hand the order over, then mark it as fulfilled in the store"
    return Situation(order, {handing_over: mark}, {handing_over: []})


@places(HoldCode.SHIPPING_OPTION_HELD)
async def shipping_option_held(harness: Harness, action: str) -> Situation:
    order = await choosing(harness, "Cargo bike")
    mapped = restarting(harness, shipping_options={"Cargo bike": "fastest"})
    return Situation(order, {CHANGE_SETTINGS: mapped})


@places(HoldCode.SHIPPING_OPTION_UNKNOWN)
async def shipping_option_unknown(harness: Harness, action: str) -> Situation:
    order = await choosing(harness, "Cargo bike")
    mapped = restarting(harness, shipping_options={"cargo bike": "cheapest"})
    adding = "Add the line to [shipping_options] in packhouse.toml, then restart Packhouse"
    return Situation(order, {adding: mapped})
