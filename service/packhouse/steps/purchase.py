"""Recording the outcome of a purchase, for the step that buys and the step that looks a purchase up."""

from __future__ import annotations

from dataclasses import replace

from packhouse.ledger import shipments
from packhouse.model.customs import Customs
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.model.order import Address, Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.port import Bought, NotBought, PurchaseRequest, Unknown, Whose
from packhouse.rules.address import normalized
from packhouse.rules.rates import drift
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.moves import Move

_S = ShipmentState


def request_for(order: Order, shipment: Shipment, declared: Customs | None = None) -> PurchaseRequest:
    """What the provider is sent about a shipment, with the address in the writing that carriers want.

    Raises ValueError for a shipment that was never packed.
    """
    if shipment.parcel is None:
        raise ValueError(f"shipment {shipment.id} has no parcel")
    to = normalized(order.address or Address())
    if declared and not to.email:
        to = replace(to, email=order.buyer_email)  # customs and carriers ask the recipient for duties
    return PurchaseRequest(shipment.reference, order, shipment.units, to, shipment.parcel, declared)


def intent_of(shipment: Shipment) -> tuple[str, float | None]:
    """The name of one attempt to buy: the same reference may be tried again, even by another process."""
    return shipment.reference, shipment.intent_at


async def record_outcome(
    context: Context, job: OrderJob, shipment: Shipment, answer: Bought | NotBought | Unknown
) -> None:
    """Record the outcome of a purchase, whether the response came at once or it was looked up later."""
    context.metrics.purchase(shipment.provider, type(answer).__name__.lower())
    if isinstance(answer, Bought):
        context.breaker.sold(shipment.provider)
    else:
        count_refusal(context, shipment.provider)
    match answer:
        case Bought():
            await _record_bought(context, job, shipment, answer)
        case NotBought(whose=Whose.ACCOUNT | Whose.MOMENT):
            await record_not_bought(context, job, shipment, "Not bought; it is tried again.", answer.reason)
            job.failed(f"Not bought: {answer.reason}", answer.retry_after_s, "NotBought")
        case NotBought():
            shipment = await record_not_bought(context, job, shipment, "Not bought.", answer.reason)
            note = f"{shipment.provider}: {answer.reason}"
            await hold_for_requote(context, job, shipment, HoldCode.PROVIDER_REFUSED, note)
        case Unknown():
            if shipment.state is not _S.UNKNOWN:
                why = "The outcome is not known; the purchase will be looked up."
                entry = Entry(job.order_id, "unknown", why, shipment.id, quoted=answer.reason)
                await context.move(job, shipment, _S.UNKNOWN, entry)
            job.wake_at(context.clock.now() + context.settings.provider_settle_s)


async def _record_bought(context: Context, job: OrderJob, shipment: Shipment, bought: Bought) -> None:
    label = Label(
        id=f"{shipment.id}-label",
        shipment_id=shipment.id,
        generation=shipment.generation,
        provider=shipment.provider,
        carrier=bought.carrier,
        service=bought.service,
        tracking_number=bought.tracking_number,
        provider_id=bought.provider_id,
        cost=bought.cost,
        state=LabelState.BOUGHT,
        bought_at=context.clock.now(),
        document_source=bought.document_source,
    )
    entry = Entry(
        job.order_id,
        "bought",
        f"{bought.carrier} {bought.service} {bought.tracking_number} for {bought.cost}.",
        shipment.id,
        data={"tracking_number": bought.tracking_number, "cost": str(bought.cost)},
    )
    await context.write(job, shipments.bought, shipment, label, (entry,))
    context.record(entry)
    context.metrics.spent(bought.cost)
    context.settling.pop(intent_of(shipment), None)
    labeled = job.update(shipment, state=_S.LABELED, label=label)
    if bought.document is not None:
        job.documents[shipment.id] = bought.document
    expected = shipment.rate.price if shipment.rate else bought.cost
    if why := drift(expected, bought.cost, context.settings.guard.price_tolerance_percent):
        await context.hold(job, HoldCode.PRICE_DRIFT, why, shipment=labeled)


async def record_not_bought(
    context: Context, job: OrderJob, shipment: Shipment, why: str, quoted: str = ""
) -> Shipment:
    """Record that no money moved: the shipment is planned again, in the same generation."""
    entry = Entry(job.order_id, "not_bought", why, shipment.id, quoted=quoted)
    planned = await context.move(job, shipment, _S.PLANNED, entry)
    context.settling.pop(intent_of(shipment), None)
    return planned


async def hold_for_requote(
    context: Context,
    job: OrderJob,
    shipment: Shipment,
    code: HoldCode,
    note: str,
    quoted: Money | None = None,
) -> None:
    """Hold a planned shipment and drop its prepared purchase: when it continues, new rates are requested.

    `quoted` is the price that the hold names: a release accepts that price, and none above it.
    """
    changes = {"provider_ref": "", "rate": None, "quoted": quoted or shipment.quoted}
    move = Move(shipment, _S.HELD, changes=changes)
    await context.hold(job, code, note, shipment=shipment, move=move)


def count_refusal(context: Context, account: str) -> None:
    """Count an attempt that sold no label; too many in a row open the circuit breaker."""
    if context.breaker.refused(account, context.clock.monotonic()):
        context.log.warning("breaker_open", provider=account, seconds=context.breaker.cooldown_s)
