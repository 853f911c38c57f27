"""buy: choose a rate, write the intent, look once more, spend money once, keep what came back.

Its undo is void.py. What became of a purchase whose answer was lost is for settle.py to find out.
"""

from __future__ import annotations

from dataclasses import asdict

from packhouse.errors import LeaseLost, ProviderError, ProviderRefused
from packhouse.ledger import guard, shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.order import Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.providers.port import Bought, NotBought, Provider, Purchase, PurchaseRequest, Unknown
from packhouse.rules import rates
from packhouse.rules.rates import drift
from packhouse.steps import purchase
from packhouse.steps.context import Context, OrderJob

_S = ShipmentState


async def buy(context: Context, job: OrderJob) -> None:
    """Buy a label for each planned shipment on which no hold stands."""
    decided = job.fetched
    for shipment in job.in_state(_S.PLANNED):
        if decided is not None and _facts(job.order) != _facts(decided):
            return  # a parcel before this one met another order, which is decided anew
        if job.blocks_buying(shipment):
            continue
        if job.paused:
            _wait_for_resume(context, job)
        elif wait_s := context.breaker.wait_s(context.seller.name, context.clock.monotonic()):
            job.defer(
                context.clock.now() + wait_s, f"{context.seller.name} refused too often; it is left alone."
            )
        else:
            await _buy(context, job, shipment)


async def _buy(context: Context, job: OrderJob, shipment: Shipment) -> None:
    provider = context.seller
    request = purchase.request_for(job.order, shipment)
    offer = await _offer(context, job, provider, shipment, request)
    if offer is None:
        return
    provider_ref, rate = offer
    if why := _drift(context, shipment, rate.price):
        await purchase.hold_for_requote(context, job, shipment, HoldCode.PRICE_DRIFT, why, quoted=rate.price)
        return
    begun = await _intend(context, job, shipment, provider, provider_ref, rate)
    if begun is None or not await _still_the_same(context, job, begun):
        return
    if job.lease_until - context.clock.monotonic() < context.settings.provider_timeout_s:
        # Whoever takes over must find no purchase of ours still on its way.
        await purchase.record_not_bought(
            context, job, begun, "The lease had run too short; nothing was sent."
        )
        raise LeaseLost(f"the lease on {job.order_id} is too short to buy under")
    job.paused = await context.check_may_proceed(job) or job.paused
    if job.paused:
        await purchase.record_not_bought(context, job, begun, "Paused meanwhile; nothing was sent.")
        _wait_for_resume(context, job)
        return
    # Whoever takes the order away meanwhile must wait until this call has ended, and then for the provider.
    sent = purchase.intent_of(begun)
    context.settling[sent] = context.clock.monotonic() + context.settings.provider_timeout_s
    answer = await _spend(context, provider, Purchase(request, provider_ref, rate))
    context.settling[sent] = context.clock.monotonic()
    await purchase.record_outcome(context, job, begun, answer)


async def _offer(
    context: Context, job: OrderJob, provider: Provider, shipment: Shipment, request: PurchaseRequest
) -> tuple[str, Rate] | None:
    """The prepared purchase and its rate: the one of an earlier try, since the provider refuses to sell that
    twice, or a new one. None where there is none, with the reason left in `work`.
    """
    if shipment.rate and shipment.provider == provider.name and shipment.provider_ref:
        return shipment.provider_ref, shipment.rate
    try:
        prepared = await provider.prepare(request)
    except ProviderRefused as error:
        purchase.count_refusal(context, provider.name)
        await purchase.hold_for_requote(context, job, shipment, HoldCode.PROVIDER_REFUSED, str(error))
        return None
    except ProviderError as error:
        # The order's other parcels may fare better.
        purchase.count_refusal(context, provider.name)
        job.failed(str(error), error.retry_after_s, type(error).__name__)
        return None
    rate = rates.choose(prepared.rates, context.settings.rates)
    if rate is None:
        offered = sorted({f"{rate.carrier}/{rate.service}" for rate in prepared.rates})
        said = [
            *prepared.messages,
            *([f"Offered, but not allowed: {', '.join(offered)}."] if offered else []),
        ]
        await purchase.hold_for_requote(context, job, shipment, HoldCode.NO_RATE, " ".join(said)[:500])
        return None
    return prepared.provider_ref, rate


def _drift(context: Context, shipment: Shipment, price: Money) -> str:
    """Why a person must look at this price first; "" if it is near the first offer, or the last one held."""
    if shipment.quoted is None:
        return ""
    return drift(shipment.quoted, price, context.settings.guard.price_tolerance_percent)


async def _intend(
    context: Context, job: OrderJob, shipment: Shipment, provider: Provider, provider_ref: str, rate: Rate
) -> Shipment | None:
    """Write the intent, unless the money guard objects; None then."""
    act = Entry(
        job.order_id,
        "buying",
        f"{rate.carrier} {rate.service} for {rate.price}.",
        shipment.id,
        data={"reference": shipment.reference, "provider": provider.name, "provider_ref": provider_ref},
    )
    quoted, intent_at = shipment.quoted or rate.price, context.clock.now()
    columns = {
        "provider": provider.name,
        "provider_ref": provider_ref,
        "rate": shipments.rate_to_json(rate),
        "quoted": asdict(quoted),
    }
    caps = None if job.is_waived(HoldCode.CAP_REACHED, shipment) else context.settings.guard
    objection = await context.write(
        job, guard.begin_purchase, caps, shipment, rate.price, (act,), intent_at=intent_at, **columns
    )
    if objection is None:
        context.record(act)
        return job.update(
            shipment,
            state=_S.BUYING,
            provider=provider.name,
            provider_ref=provider_ref,
            rate=rate,
            quoted=quoted,
            intent_at=intent_at,
        )
    if objection.paused:
        job.paused = objection.why
        _wait_for_resume(context, job)
        return None
    await context.hold(
        job,
        HoldCode.CAP_REACHED,
        objection.why,
        shipment=shipment,
        also=lambda tx: shipments.move(tx, shipment, _S.HELD, (), **columns),
    )
    job.update(
        shipment, state=_S.HELD, provider=provider.name, provider_ref=provider_ref, rate=rate, quoted=quoted
    )
    return None


def _wait_for_resume(context: Context, job: OrderJob) -> None:
    job.defer(context.clock.now() + context.settings.poll.recheck_s, f"Paused: {job.paused}")


async def _still_the_same(context: Context, job: OrderJob, shipment: Shipment) -> bool:
    """Look once more, now that the intent is on disk: an order that changed is decided anew, unbought."""
    before = job.order
    try:
        job.fetched = await context.store.order(job.order_id)
        job.fetched_at = context.clock.monotonic()
        changed = _facts(job.fetched) != _facts(before)
    except BaseException:
        await purchase.record_not_bought(
            context, job, shipment, "The store could not be asked once more; nothing was sent."
        )
        raise
    if changed:
        await purchase.record_not_bought(
            context, job, shipment, "The order changed meanwhile; nothing was sent."
        )
        job.wake_at(context.clock.now())
    return not changed


def _facts(order: Order) -> tuple[object, ...]:
    # A store that leaves an empty list out says the same as one that sends it.
    return (order.status, order.fingerprint(), order.fulfillments or (), order.refunds or ())


async def _spend(context: Context, provider: Provider, purchase: Purchase) -> Bought | NotBought | Unknown:
    try:
        return await provider.buy(purchase)
    except Exception as error:  # noqa: BLE001 - a fault in an adapter must not hide that money may have moved
        context.log.error("adapter_failed", provider=provider.name, error=repr(error))
        return Unknown(f"the adapter failed: {error!r}")
