"""Situations that place each kind of hold, and what each action of its advice means in the sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from packhouse.config.settings import (
    GuardSettings,
    ParcelSettings,
    ProductSettings,
    ShipFromSettings,
)
from packhouse.errors import ProviderUnavailable, StoreForbidden, StoreInvalidRequest, StoreUnavailable
from packhouse.ledger import leases
from packhouse.model.hold import HoldCode
from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.model.order import Fulfillment, RefundRecord
from packhouse.providers.port import (
    NotBought,
    Prepared,
    PurchaseRequest,
    Safety,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
)
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness

DAY_S = 86_400.0
Action = Callable[[], Awaitable[None]]


@dataclass
class Situation:
    """A held order. `actions` say what an advice means in the sandbox; `ends_in` are the states after it."""

    order: StoreOrder
    actions: Mapping[str, Action] = field(default_factory=dict)
    ends_in: Mapping[str, list[str]] = field(default_factory=dict)


Placing = Callable[[Harness, str], Awaitable[Situation]]
SETTINGS: dict[HoldCode, dict[str, Any]] = {
    HoldCode.TOO_HEAVY: {"parcel": ParcelSettings(weight_g=500, max_weight_g=100)},
    HoldCode.WEIGHT_MISSING: {"parcel": ParcelSettings()},
    HoldCode.CAP_REACHED: {"guard": {"max_day_minor": 1500}},
    HoldCode.REPEATED_FAILURE: {"retry": {"base_s": 1, "max_s": 60, "hold_after": 5}},
    HoldCode.PRICE_UNKNOWN: {"guard": {"max_day_minor": 1500}},
}
PLACINGS: dict[HoldCode, Placing] = {}


def places(code: HoldCode) -> Callable[[Placing], Placing]:
    def note(placing: Placing) -> Placing:
        PLACINGS[code] = placing
        return placing

    return note


async def restart(harness: Harness, **settings: Any) -> None:
    """Start again with other settings, as app.py does."""
    harness.settings = harness.settings.model_copy(update=settings)
    harness.context = replace(harness.context, settings=harness.settings)
    await harness.ledger.write(leases.wake_unfinished, harness.clock.now())


def restarting(harness: Harness, **settings: Any) -> Action:
    return lambda: restart(harness, **settings)


async def ready_to_post(harness: Harness) -> StoreOrder:
    """An order whose label is bought, with a worker that died before it posted."""
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="post")
    await harness.clock.advance(130)
    return order


def correcting_address(harness: Harness, order: StoreOrder) -> Action:
    async def correct() -> None:
        address = harness.sandbox.random_address()
        harness.sandbox.store.change_address(order, address)
        await harness.deliver_event(order, "order.updated")

    return correct


CORRECT = "Correct the order in the store"
CHECK = "Correct the order in the store, or wait until the store has corrected it"
MARK_PRODUCT = "Mark the product as physical or digital in the store's catalog"
CHANGE_SETTINGS = "Correct the settings in packhouse.toml, then restart Packhouse"
WAIT = "Packhouse continues by itself"
WAIT_FOR_VOID = f"Wait; {WAIT}"


@places(HoldCode.ADDRESS_INCOMPLETE)
async def address_incomplete(harness: Harness, action: str) -> Situation:
    order = harness.sandbox.place_order("plain")
    harness.sandbox.store.change_address(order, {"postcode": "1"})
    await harness.deliver_event(order)
    await harness.process_due()
    return Situation(order, {CORRECT: correcting_address(harness, order)})


@places(HoldCode.DIGITAL_UNKNOWN)
async def digital_unknown(harness: Harness, action: str) -> Situation:
    order = await harness.ship("unknown_digital")
    known = (ProductSettings(name="*", weight_g=100, digital=False),)

    async def mark_product() -> None:
        products = harness.sandbox.store.products
        for product in products.values():
            products[product.id] = replace(product, is_digital=bool(product.is_digital))
        await harness.advance(6000, step=20)

    return Situation(
        order, {MARK_PRODUCT: mark_product, CHANGE_SETTINGS: restarting(harness, products=known)}
    )


@places(HoldCode.WEIGHT_MISSING)
async def weight_missing(harness: Harness, action: str) -> Situation:
    order = await harness.ship("no_weight")
    known = (ProductSettings(name="*", weight_g=100),)
    return Situation(order, {CHANGE_SETTINGS: restarting(harness, products=known)})


@places(HoldCode.TOO_HEAVY)
async def too_heavy(harness: Harness, action: str) -> Situation:
    order = await harness.ship()
    return Situation(order, {CHANGE_SETTINGS: restarting(harness, parcel=ParcelSettings(weight_g=500))})


def shown_as(code: HoldCode, **shown: Any) -> None:
    """A kind that is placed because the store shows an order in this way."""

    async def placing(harness: Harness, action: str) -> Situation:
        harness.store.show_orders_as(lambda order: replace(order, **_with_ours(order.fulfillments, shown)))
        order = await harness.ship()

        async def corrected() -> None:
            harness.store.script(order=None)
            await harness.deliver_event(order, "order.updated")

        return Situation(order, {CHECK: corrected})

    PLACINGS[code] = placing


def _with_ours(fulfillments: Any, shown: dict[str, Any]) -> dict[str, Any]:
    if "fulfillments" not in shown:
        return shown
    return {"fulfillments": (*shown["fulfillments"], *(fulfillments or ()))}


shown_as(HoldCode.STATUS_UNKNOWN, status="odd")
shown_as(HoldCode.PARTLY_FULFILLED_UNCLEAR, fulfillments=(Fulfillment("ELSEWHERE"),))
shown_as(HoldCode.REFUND_UNCLEAR, refunds=(RefundRecord(100),))


@places(HoldCode.ORDER_UNREADABLE)
async def order_unreadable(harness: Harness, action: str) -> Situation:
    order = await ready_to_post(harness)
    harness.sandbox.store.orders.pop(order.id)
    await harness.advance(600, step=10)

    async def back() -> None:
        harness.sandbox.store.orders[order.id] = order
        await harness.deliver_event(order, "order.updated")

    gone = "If the store no longer has the order, void its label"
    return Situation(order, {CHECK: back}, {gone: ["voided"]})


@places(HoldCode.STORE_FORBIDS)
async def store_forbids(harness: Harness, action: str) -> Situation:
    harness.store.script(order=StoreForbidden("the key lacks read:orders", status=403))
    order = await harness.ship()

    async def allowed() -> None:
        harness.store.script(order=None)

    return Situation(
        order, {"Give the API key the scopes read:orders and write:orders in the store": allowed}
    )


@places(HoldCode.STORE_REFUSED)
async def store_refused(harness: Harness, action: str) -> Situation:
    harness.store.script(fulfill=StoreInvalidRequest("the carrier is not known", status=400))
    order = await harness.ship()

    async def corrected() -> None:
        harness.store.script(fulfill=None)

    return Situation(order, {"Correct the order in the store, then post the fulfillment again": corrected})


async def refused_by_provider(harness: Harness, **script: Any) -> Situation:
    harness.provider.script(**script)
    order = await harness.ship()
    await harness.advance(7200, step=600)
    harness.provider.script(**dict.fromkeys(script))  # whatever is changed, the provider agrees from now on
    other = ShipFromSettings(name="Shop", street1="2 Pier", city="San Francisco", state="CA", zip="94110")
    corrected = "If the order is the cause, correct it in the store"
    actions = {
        corrected: correcting_address(harness, order),
        "If a setting is the cause, correct it in packhouse.toml, then restart Packhouse": restarting(
            harness, ship_from=other
        ),
    }
    return Situation(order, actions, {corrected: ["cancelled", "fulfilled"]})


@places(HoldCode.NO_RATE)
async def no_rate(harness: Harness, action: str) -> Situation:
    return await refused_by_provider(harness, prepare=Prepared("shp_1", (), ("no carrier goes there",)))


@places(HoldCode.PROVIDER_REFUSED)
async def provider_refused(harness: Harness, action: str) -> Situation:
    return await refused_by_provider(harness, buy=NotBought("the address is not deliverable"))


@places(HoldCode.PURCHASE_UNKNOWN)
async def purchase_unknown(harness: Harness, action: str) -> Situation:
    async def lost(purchase: Any) -> Unknown:
        if "has a label" in action:
            await harness.provider.real.buy(purchase)
        return Unknown("no response")

    harness.provider.script(buy=lost)
    harness.provider.safety = Safety.BLIND
    order = await harness.ship()
    await harness.advance(60)
    harness.provider.script(buy=None)
    return Situation(order)


@places(HoldCode.CAP_REACHED)
async def cap_reached(harness: Harness, action: str) -> Situation:
    first, order = await harness.ship(), await harness.ship()
    assert await harness.states(first) == ["fulfilled"]
    return Situation(order, {CHANGE_SETTINGS: restarting(harness, guard=GuardSettings())})


@places(HoldCode.PRICE_UNKNOWN)
async def price_unknown(harness: Harness, action: str) -> Situation:
    async def untold(request: PurchaseRequest) -> Prepared:
        prepared = await harness.provider.real.prepare(request)
        return replace(prepared, rates=tuple(replace(one, price=None) for one in prepared.rates))

    harness.provider.script(prepare=untold)
    order = await harness.ship()
    return Situation(order, {CHANGE_SETTINGS: restarting(harness, guard=GuardSettings())})


@places(HoldCode.PRICE_DRIFT)
async def price_drift(harness: Harness, action: str) -> Situation:
    async def expensive(purchase: Any) -> Any:
        bought = await harness.provider.real.buy(purchase)
        return replace(bought, cost=Money(bought.cost.minor * 3, "USD"))  # type: ignore[type-var, union-attr]

    harness.provider.script(buy=expensive)
    return Situation(await harness.ship())


@places(HoldCode.ORDER_CHANGED)
async def order_changed(harness: Harness, action: str) -> Situation:
    order = await harness.ship()
    harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})
    await harness.deliver_event(order, "order.updated")
    await harness.advance(120)
    return Situation(order)


async def moved_after_purchase(harness: Harness, answer: Any) -> StoreOrder:
    """An order that needs another label, with a provider that answers a void like this."""
    order = await ready_to_post(harness)
    harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})

    async def void(label: Label) -> Any:
        harness.sandbox.easypost.request_void(harness.sandbox.easypost.find(label.provider_id))
        return answer

    harness.provider.script(void=void)
    await harness.process_due()
    return order


@places(HoldCode.VOID_REFUSED)
async def void_refused(harness: Harness, action: str) -> Situation:
    order = await moved_after_purchase(harness, VoidRefused("it was scanned"))
    await harness.advance(3 * DAY_S, step=3600)
    again = "Request the void again; units that still ship get a new label"
    return Situation(order, ends_in={again: ["voiding", "fulfilled"]})


@places(HoldCode.VOID_PENDING)
async def void_pending(harness: Harness, action: str) -> Situation:
    order = await moved_after_purchase(harness, VoidPending())
    await harness.advance(3 * 3600, step=600)

    async def wait() -> None:
        harness.provider.script(void=Voided())
        await harness.advance(DAY_S, step=3600)

    states = {WAIT_FOR_VOID: ["voided", "fulfilled"], "Buy a new label now": ["voiding", "fulfilled"]}
    return Situation(order, {WAIT_FOR_VOID: wait}, states)


@places(HoldCode.REPEATED_FAILURE)
async def repeated_failure(harness: Harness, action: str) -> Situation:
    harness.provider.script(prepare=ProviderUnavailable("down"))
    order = await harness.ship()
    await harness.advance(600, step=30)

    async def remove_cause() -> None:
        harness.provider.script(prepare=None)

    async def wait() -> None:
        await remove_cause()
        await harness.advance(600, step=30)

    return Situation(order, {f"Wait; {WAIT}": wait, "Remove the cause, then try at once": remove_cause})


@places(HoldCode.MANUAL)
async def manual(harness: Harness, action: str) -> Situation:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.place_hold(order)
    await harness.process_due()
    return Situation(order)


@places(HoldCode.VOID_REQUESTED)
async def void_requested(harness: Harness, action: str) -> Situation:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="post")
    harness.sandbox.faults.trigger_next("store.error_before_effect")
    with pytest.raises(StoreUnavailable):
        await harness.run_step("post", job)
    (shipment,) = await harness.shipments(order)
    shipments = harness.operations.shipments
    await shipments.request_void(shipment.id, reason="a misprint", actor="ada", again=True)
    await harness.process_due()
    return Situation(order, ends_in={WAIT_FOR_VOID: ["voided", "fulfilled"]})


@places(HoldCode.EXTERNAL_POSTING)
async def external_posting(harness: Harness, action: str) -> Situation:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.operations.orders.request_label(order.id, reason="a program posts it", actor="ada")
    await harness.process_due()
    assert await harness.states(order) == ["labeled"]
    return Situation(order)


@places(HoldCode.TAKEN_OVER)
async def taken_over(harness: Harness, action: str) -> Situation:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.operations.orders.take_over(
        order.id, purpose="orders refund", reason="the buyer called", actor="ada"
    )
    await harness.process_due()
    return Situation(order)


@places(HoldCode.FULFILLMENT_MISSING)
async def fulfillment_missing(harness: Harness, action: str) -> Situation:
    forgotten: list[Any] = []

    async def forget(*post: Any) -> bool:
        forgotten.append(post)
        return True  # the answer shows the fulfillment

    harness.store.script(fulfill=forget)
    order = await harness.ship()
    await harness.advance(harness.settings.poll.confirm_s + 10)

    async def wait() -> None:
        await harness.store.real.fulfill(*forgotten[0])
        await harness.deliver_event(order, "order.updated")
        await harness.advance(harness.settings.poll.confirm_s + 10)

    return Situation(order, {f"Wait until the store shows the fulfillment; {WAIT}": wait})
