"""buy: choose a rate, write the intent, check the order once more, spend money once, record the outcome.

void.py undoes it. reconcile.py finds out what became of a purchase whose response was lost.
"""

from __future__ import annotations

import asyncio

from packhouse.errors import LeaseLost, ProviderError
from packhouse.ledger import guard
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.label import Rate
from packhouse.model.order import Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.providers.port import (
    Absent,
    Bought,
    NotBought,
    Provider,
    Purchase,
    PurchaseRequest,
    Safety,
    Unknown,
)
from packhouse.rules.customs import Incomplete
from packhouse.rules.rates import Offer, drift
from packhouse.rules.shipping_options import choice_of
from packhouse.steps import answers, customs, purchase
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.limits import order_limits
from packhouse.steps.moves import Move, columns_of
from packhouse.steps.offers import Found, find_offer
from packhouse.steps.recall import blocks_purchases
from packhouse.steps.withdraw import withdraw

_S = ShipmentState


async def buy(context: Context, job: OrderJob) -> None:
    """Buy a label for each planned shipment that no hold blocks."""
    decided = job.fetched
    for shipment in job.in_state(_S.PLANNED):
        if decided is not None and not _is_same(job.order, decided):
            return  # the order changed while an earlier parcel was bought; the next pass decides again
        if job.blocks_buying(shipment) or blocks_purchases(job):
            continue
        if job.paused:
            _wait_for_resume(context, job)
        else:
            await _buy(context, job, shipment)


async def _buy(context: Context, job: OrderJob, shipment: Shipment) -> None:
    parcel_g = shipment.parcel.weight_g if shipment.parcel else 0
    declared = await customs.declare(context, job, shipment.units, parcel_g)
    if isinstance(declared, Incomplete):
        # A fact went missing after planning; the next pass holds the order and says which.
        await withdraw(context, job, shipment, f"Withdrawn: {declared}.")
        job.wake_at(context.clock.now())
        return
    request = purchase.request_for(job.order, shipment, declared)
    found = await find_offer(context, job, shipment, request)
    if found is None:
        return
    offer = found.offer
    if found.is_other_choice:
        shipment = job.update(shipment, quoted=None)  # the intent writes the new price
    begun = None
    try:
        begun = await _prepare_to_spend(context, job, shipment, found, request)
    finally:
        if begun is None:
            context.breaker.not_tried(offer.account, context.clock.monotonic())
    if begun is None:
        return
    # A worker that takes over must wait until this call has ended, and then for the provider to settle.
    sent = purchase.intent_of(begun)
    context.settling[sent] = context.clock.monotonic() + context.settings.provider_timeout_s
    provider = context.provider(offer.account)
    intended = Purchase(request, offer.provider_ref, offer.rate)
    try:
        answer = await answers.last_chance(_spend(context, provider, intended))
    except answers.Stopped as stopped:
        await purchase.record_outcome(context, job, begun, stopped.answer)
        raise asyncio.CancelledError from None
    context.settling[sent] = context.clock.monotonic()
    await purchase.record_outcome(context, job, begun, answer, is_new=found.is_new)


async def _prepare_to_spend(
    context: Context, job: OrderJob, shipment: Shipment, found: Found, request: PurchaseRequest
) -> Shipment | None:
    """Write the intent and check everything once more; None if nothing is bought now."""
    if await _is_held_for_price(context, job, shipment, found.offer):
        return None
    begun = await _begin(context, job, shipment, found, request)
    if begun is None or not await _is_unchanged(context, job, begun):
        return None
    if job.lease_until - context.clock.monotonic() < context.settings.provider_timeout_s:
        # The worker that takes over must find no purchase of ours still in flight.
        await purchase.record_not_bought(context, job, begun, "The lease was about to end; nothing was sent.")
        raise LeaseLost(f"the lease on order {job.order_id} ends too soon to buy a label")
    job.paused = await context.check_may_proceed(job)
    if job.paused:
        await purchase.record_not_bought(context, job, begun, "Paused in the meantime; nothing was sent.")
        _wait_for_resume(context, job)
        return None
    return begun


async def _is_held_for_price(context: Context, job: OrderJob, shipment: Shipment, offer: Offer) -> bool:
    """Hold a price that an operator must accept first: it rose, or caps are set and it is not known."""
    price = offer.rate.price
    if price is None:
        if not context.settings.guard.has_caps or context.is_waived(job, HoldCode.PRICE_UNKNOWN, shipment):
            return False
        note = f"{offer.account}: set providers.{offer.account}.estimate_minor"
        await purchase.hold_for_requote(context, job, shipment, HoldCode.PRICE_UNKNOWN, note)
        return True
    if shipment.quoted is None or offer.rate.is_estimate:
        return False
    why = drift(shipment.quoted, price, context.settings.guard.price_tolerance_percent)
    if why:
        await purchase.hold_for_requote(context, job, shipment, HoldCode.PRICE_DRIFT, why, quoted=price)
    return bool(why)


async def _begin(
    context: Context, job: OrderJob, shipment: Shipment, found: Found, request: PurchaseRequest
) -> Shipment | None:
    """Write the intent to buy; None if the money guard objects. The journal keeps the remark."""
    offer = found.offer
    account, rate = offer.account, offer.rate
    where = f" at {account}" if len(context.sellers) > 1 else ""
    choice = choice_of(job.order, context.settings.shipping_options)
    chosen = f" {choice}" if choice and choice.meaning else ""
    entry = Entry(
        job.order_id,
        "buying",
        f"{rate.carrier} {rate.service} {_priced(rate)}{where}.{chosen}",
        shipment.id,
        data={"reference": shipment.reference, "provider": account, "provider_ref": offer.provider_ref},
        quoted=found.remark,
    )
    quoted, intent_at = shipment.quoted or (None if rate.is_estimate else rate.price), context.clock.now()
    changes = {"provider": account, "provider_ref": offer.provider_ref, "rate": rate, "quoted": quoted}
    waived = HoldCode.CAP_REACHED if rate.price else HoldCode.PRICE_UNKNOWN
    caps = None if context.is_waived(job, waived, shipment) else context.settings.guard
    objection = await context.write(
        job,
        guard.begin_purchase,
        caps,
        order_limits(context, job, shipment),
        shipment,
        rate.price,
        (entry,),
        intent_at=intent_at,
        **columns_of(changes),
    )
    if objection is None:
        context.record(entry)
        return job.update(shipment, state=_S.BUYING, intent_at=intent_at, **changes)
    if objection.paused:
        job.paused = objection.why
        _wait_for_resume(context, job)
        return None
    if not found.is_new and await _was_sold(context, job, shipment, request):
        return None
    move = Move(shipment, _S.HELD, changes=changes)
    await context.hold(job, objection.code, objection.why, shipment=shipment, move=move)
    return None


async def _was_sold(context: Context, job: OrderJob, shipment: Shipment, request: PurchaseRequest) -> bool:
    """Whether an earlier try was completed after all: a hold would leave its label unknown for days.

    What was found is written as begun, so the next pass records it. Also True while its account does not say.
    """
    if shipment.rate is None or shipment.intent_at is None:
        return False
    provider = context.provider(shipment.provider)
    if provider.safety is Safety.BLIND:
        return False
    try:
        answer = await provider.lookup(Purchase(request, shipment.provider_ref, shipment.rate))
    except ProviderError as error:
        answer = Unknown(str(error))
    if isinstance(answer, Unknown):
        job.failed(f"{shipment.provider} was asked about an earlier try: {answer.reason}")
    elif not isinstance(answer, Absent):
        why = f"{shipment.provider} has completed an earlier try: {answer.tracking_number}."
        entry = Entry(job.order_id, "buying", why, shipment.id, data={"reference": shipment.reference})
        begun = await context.move(job, shipment, _S.BUYING, entry)
        purchase.expect_settled(context, begun)
        job.wake_at(context.clock.now())
    return not isinstance(answer, Absent)


def _priced(rate: Rate) -> str:
    if rate.price is None:
        return "at a price that comes with the label"
    return f"for about {rate.price}" if rate.is_estimate else f"for {rate.price}"


def _wait_for_resume(context: Context, job: OrderJob) -> None:
    job.wait_for_resume(context.clock.now() + context.settings.poll.recheck_s, job.paused)


async def _is_unchanged(context: Context, job: OrderJob, shipment: Shipment) -> bool:
    """Read the order once more, now that the intent is on disk. A changed order is not bought for."""
    before = job.order
    try:
        job.fetched = await context.store.order(job.order_id, before)
        job.fetched_at = context.clock.monotonic()
        changed = not _is_same(job.fetched, before)
    except BaseException:
        await purchase.record_not_bought(
            context, job, shipment, "The store did not confirm the order; nothing was sent."
        )
        raise
    if changed:
        await purchase.record_not_bought(
            context, job, shipment, "The order changed in the meantime; nothing was sent."
        )
        job.wake_at(context.clock.now())
    return not changed


def _is_same(order: Order, other: Order) -> bool:
    """Whether both say the same of what a purchase rests on. Equal bytes are read as the same object."""
    return order is other or _facts(order) == _facts(other)


def _facts(order: Order) -> tuple[object, ...]:
    return (order.status, order.fingerprint(), order.shipping_options, order.unit_records())


async def _spend(context: Context, provider: Provider, purchase: Purchase) -> Bought | NotBought | Unknown:
    try:
        return await provider.buy(purchase)
    except Exception as error:  # noqa: BLE001 - an adapter's error must not hide that money may have moved
        context.log.error("adapter_failed", provider=provider.account, error=repr(error))
        return Unknown(f"the adapter failed: {error!r}")
