"""Situations that place the holds for orders that are too large, or whose labels cost too much."""

from __future__ import annotations

from packhouse.config.sections import ParcelSettings
from packhouse.config.settings import GuardSettings
from packhouse.model.hold import HoldCode
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness
from tests.service.steps.hold_situations import (
    CHANGE_SETTINGS,
    CORRECT,
    SETTINGS,
    Action,
    Situation,
    places,
    restarting,
)

IF_ORDER = "If the order is the cause, correct it in the store"
SMALL = ParcelSettings(weight_g=500, max_weight_g=700)
SETTINGS[HoldCode.ORDER_TOO_LARGE] = {"guard": {"max_line_units": 5}}
SETTINGS[HoldCode.TOO_MANY_PARCELS] = {"guard": {"max_parcels": 2}, "parcel": SMALL, "products": ()}
SETTINGS[HoldCode.LABELS_EXCEED_TOTAL] = {"guard": {"total_exempt_minor": 0}}


def ordered(harness: Harness, quantity: int, total_minor: int | None = None) -> StoreOrder:
    """An order of so many units of one product, for this total."""
    order = harness.sandbox.place_order("plain")
    del order.sale.items[1:]
    order.sale.items[0]["quantity"] = quantity
    if total_minor is not None:
        order.sale.totals["total"] = total_minor
    order.touch(harness.clock.now())
    return order


async def ship(harness: Harness, quantity: int, total_minor: int | None = None) -> StoreOrder:
    order = ordered(harness, quantity, total_minor)
    await harness.deliver_event(order)
    await harness.process_due()
    return order


def correcting(harness: Harness, order: StoreOrder, **totals: int) -> Action:
    async def correct() -> None:
        order.sale.items[0]["quantity"] = 1
        order.sale.totals.update(totals)
        order.touch(harness.clock.now())
        await harness.deliver_event(order, "order.updated")

    return correct


@places(HoldCode.ORDER_TOO_LARGE)
async def order_too_large(harness: Harness, action: str) -> Situation:
    order = await ship(harness, 6, 100_000)
    settings = restarting(harness, guard=GuardSettings(max_line_units=6))
    return Situation(order, {CORRECT: correcting(harness, order), CHANGE_SETTINGS: settings})


@places(HoldCode.TOO_MANY_PARCELS)
async def too_many_parcels(harness: Harness, action: str) -> Situation:
    order = await ship(harness, 3, 100_000)
    settings = restarting(harness, guard=GuardSettings(max_parcels=3))
    in_three = ["fulfilled"] * 3
    ends = {CHANGE_SETTINGS: in_three, "Ship the order in so many parcels": in_three}
    return Situation(order, {CORRECT: correcting(harness, order), CHANGE_SETTINGS: settings}, ends)


@places(HoldCode.LABELS_EXCEED_TOTAL)
async def labels_exceed_total(harness: Harness, action: str) -> Situation:
    order = await ship(harness, 1, 100)
    settings = restarting(harness, guard=GuardSettings(total_exempt_minor=20_000))
    return Situation(order, {IF_ORDER: correcting(harness, order, total=100_000), CHANGE_SETTINGS: settings})
