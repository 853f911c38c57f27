"""buy: choose a rate, write the intent, look once more, spend money once, keep what came back.

Its undo is void.py. What became of a purchase whose answer was lost is for settle.py to find out.
"""

from __future__ import annotations

from dataclasses import asdict

from packhouse.carriers.port import Bought, Carrier, NotBought, Purchase, PurchaseRequest, Unknown
from packhouse.errors import CarrierError, CarrierRefused, LeaseLost
from packhouse.ledger import guard, shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Act
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.order import Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.rules import rates
from packhouse.rules.rates import drift
from packhouse.steps import purchase
from packhouse.steps.desk import Desk, Work

_S = ShipmentState


async def buy(desk: Desk, work: Work) -> None:
    """Buy a label for each planned shipment on which no hold stands."""
    decided = work.order
    for shipment in work.in_state(_S.PLANNED):
        if decided is not None and _facts(work.seen) != _facts(decided):
            return  # a parcel before this one met another order, which is decided anew
        if work.bars_buying(shipment):
            continue
        if work.paused:
            _wait_for_resume(desk, work)
        elif wait_s := desk.resting.wait_s(desk.carrier.name, desk.clock.monotonic()):
            work.rests(desk.clock.now() + wait_s, f"{desk.carrier.name} refused too often; it is left alone.")
        else:
            await _buy(desk, work, shipment)


async def _buy(desk: Desk, work: Work, shipment: Shipment) -> None:
    carrier = desk.carrier
    request = purchase.request_for(work.seen, shipment)
    offer = await _offer(desk, work, carrier, shipment, request)
    if offer is None:
        return
    provider_ref, rate = offer
    if why := _drift(desk, shipment, rate.price):
        await purchase.hold_unbought(desk, work, shipment, HoldCode.PRICE_DRIFT, why, quoted=rate.price)
        return
    begun = await _intend(desk, work, shipment, carrier, provider_ref, rate)
    if begun is None or not await _still_the_same(desk, work, begun):
        return
    if work.lease_until - desk.clock.monotonic() < desk.settings.carrier_timeout_s:
        # Whoever takes over must find no purchase of ours still on its way.
        await purchase.not_bought(desk, work, begun, "The lease had run too short; nothing was sent.")
        raise LeaseLost(f"the lease on {work.order_id} is too short to buy under")
    work.paused = await desk.last_word(work) or work.paused
    if work.paused:
        await purchase.not_bought(desk, work, begun, "Paused meanwhile; nothing was sent.")
        _wait_for_resume(desk, work)
        return
    # Whoever takes the order away meanwhile must wait until this call has ended, and then for the carrier.
    sent = purchase.intent_of(begun)
    desk.settling[sent] = desk.clock.monotonic() + desk.settings.carrier_timeout_s
    answer = await _spend(desk, carrier, Purchase(request, provider_ref, rate))
    desk.settling[sent] = desk.clock.monotonic()
    await purchase.keep(desk, work, begun, answer)


async def _offer(
    desk: Desk, work: Work, carrier: Carrier, shipment: Shipment, request: PurchaseRequest
) -> tuple[str, Rate] | None:
    """The prepared purchase and its rate: the one of an earlier try, since the carrier refuses to sell that
    twice, or a new one. None where there is none, with the reason left in `work`.
    """
    if shipment.rate and shipment.adapter == carrier.name and shipment.provider_ref:
        return shipment.provider_ref, shipment.rate
    try:
        prepared = await carrier.prepare(request)
    except CarrierRefused as error:
        purchase.count_refusal(desk, carrier.name)
        await purchase.hold_unbought(desk, work, shipment, HoldCode.CARRIER_REFUSED, str(error))
        return None
    except CarrierError as error:
        # The order's other parcels may fare better.
        purchase.count_refusal(desk, carrier.name)
        work.failed(str(error), error.retry_after_s, type(error).__name__)
        return None
    rate = rates.choose(prepared.rates, desk.settings.rates)
    if rate is None:
        offered = sorted({f"{rate.carrier}/{rate.service}" for rate in prepared.rates})
        said = [
            *prepared.messages,
            *([f"Offered, but not allowed: {', '.join(offered)}."] if offered else []),
        ]
        await purchase.hold_unbought(desk, work, shipment, HoldCode.NO_RATE, " ".join(said)[:500])
        return None
    return prepared.provider_ref, rate


def _drift(desk: Desk, shipment: Shipment, price: Money) -> str:
    """Why a person must look at this price first; "" if it is near the first offer, or the last one held."""
    if shipment.quoted is None:
        return ""
    return drift(shipment.quoted, price, desk.settings.guard.price_tolerance_percent)


async def _intend(
    desk: Desk, work: Work, shipment: Shipment, carrier: Carrier, provider_ref: str, rate: Rate
) -> Shipment | None:
    """Write the intent, unless the money guard objects; None then."""
    act = Act(
        work.order_id,
        "buying",
        f"{rate.carrier} {rate.service} for {rate.price}.",
        shipment.id,
        data={"reference": shipment.reference, "adapter": carrier.name, "provider_ref": provider_ref},
    )
    quoted, intent_at = shipment.quoted or rate.price, desk.clock.now()
    columns = {
        "adapter": carrier.name,
        "provider_ref": provider_ref,
        "rate": shipments.rate_to_json(rate),
        "quoted": asdict(quoted),
    }
    caps = None if work.waives(HoldCode.CAP_REACHED, shipment) else desk.settings.guard
    objection = await desk.write(
        work, guard.intend, caps, shipment, rate.price, (act,), intent_at=intent_at, **columns
    )
    if objection is None:
        desk.tell(act)
        return work.update(
            shipment,
            state=_S.BUYING,
            adapter=carrier.name,
            provider_ref=provider_ref,
            rate=rate,
            quoted=quoted,
            intent_at=intent_at,
        )
    if objection.paused:
        work.paused = objection.why
        _wait_for_resume(desk, work)
        return None
    await desk.hold(
        work,
        HoldCode.CAP_REACHED,
        objection.why,
        shipment=shipment,
        also=lambda connection, now, lease: shipments.move(
            connection, now, lease, shipment, _S.HELD, (), **columns
        ),
    )
    work.update(
        shipment, state=_S.HELD, adapter=carrier.name, provider_ref=provider_ref, rate=rate, quoted=quoted
    )
    return None


def _wait_for_resume(desk: Desk, work: Work) -> None:
    work.rests(desk.clock.now() + desk.settings.poll.relook_s, f"Paused: {work.paused}")


async def _still_the_same(desk: Desk, work: Work, shipment: Shipment) -> bool:
    """Look once more, now that the intent is on disk: an order that changed is decided anew, unbought."""
    before = work.seen
    try:
        work.order = await desk.store.order(work.order_id)
        work.looked_at = desk.clock.monotonic()
        changed = _facts(work.order) != _facts(before)
    except BaseException:
        await purchase.not_bought(
            desk, work, shipment, "The store could not be asked once more; nothing was sent."
        )
        raise
    if changed:
        await purchase.not_bought(desk, work, shipment, "The order changed meanwhile; nothing was sent.")
        work.wake_at(desk.clock.now())
    return not changed


def _facts(order: Order) -> tuple[object, ...]:
    # A store that leaves an empty list out says the same as one that sends it.
    return (order.status, order.fingerprint(), order.fulfillments or (), order.refunds or ())


async def _spend(desk: Desk, carrier: Carrier, purchase: Purchase) -> Bought | NotBought | Unknown:
    try:
        return await carrier.buy(purchase)
    except Exception as error:  # noqa: BLE001 - a fault in an adapter must not hide that money may have moved
        desk.log.error("adapter_failed", adapter=carrier.name, error=repr(error))
        return Unknown(f"the adapter failed: {error!r}")
