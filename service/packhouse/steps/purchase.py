"""What is known of a purchase, in one place for the step that makes it and the step that looks it up."""

from __future__ import annotations

from dataclasses import asdict

from packhouse.ledger import shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.model.order import Address, Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.port import Bought, NotBought, PurchaseRequest, Unknown
from packhouse.rules.rates import drift
from packhouse.steps.context import Context, OrderJob

_S = ShipmentState


def request_for(order: Order, shipment: Shipment) -> PurchaseRequest:
    """What the carrier is told of a shipment. Raises ValueError for one that was never packed."""
    if shipment.parcel is None:
        raise ValueError(f"shipment {shipment.id} has no parcel")
    return PurchaseRequest(
        shipment.reference, order, shipment.units, order.address or Address(), shipment.parcel
    )


def intent_of(shipment: Shipment) -> tuple[str, float | None]:
    """The name of one try to buy: the same reference may be tried again, even by another process."""
    return shipment.reference, shipment.intent_at


async def record_outcome(
    context: Context, job: OrderJob, shipment: Shipment, answer: Bought | NotBought | Unknown
) -> None:
    """Write down what became of a purchase, whether its answer came at once or was found out later."""
    context.metrics.purchase(shipment.provider, type(answer).__name__.lower())
    if isinstance(answer, Bought):
        context.breaker.sold(shipment.provider)
    else:
        count_refusal(context, shipment.provider)
    match answer:
        case Bought():
            await _keep_bought(context, job, shipment, answer)
        case NotBought(transient=True):
            await record_not_bought(context, job, shipment, "Not bought, for now.", answer.reason)
            job.failed(f"Not bought: {answer.reason}", answer.retry_after_s, "NotBought")
        case NotBought():
            shipment = await record_not_bought(context, job, shipment, "Not bought.", answer.reason)
            await hold_for_requote(context, job, shipment, HoldCode.PROVIDER_REFUSED, answer.reason)
        case Unknown():
            act = Entry(job.order_id, "unknown", "It will be looked up.", shipment.id, quoted=answer.reason)
            if shipment.state is not _S.UNKNOWN:
                await context.write(job, shipments.move, shipment, _S.UNKNOWN, (act,))
                context.record(act)
                job.update(shipment, state=_S.UNKNOWN)
            job.wake_at(context.clock.now() + context.settings.provider_settle_s)


async def _keep_bought(context: Context, job: OrderJob, shipment: Shipment, bought: Bought) -> None:
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
    act = Entry(
        job.order_id,
        "bought",
        f"{bought.carrier} {bought.service} {bought.tracking_number} for {bought.cost}.",
        shipment.id,
        data={"tracking_number": bought.tracking_number, "cost": str(bought.cost)},
    )
    await context.write(job, shipments.bought, shipment, label, (act,))
    context.record(act)
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
    """It is known that no money moved: the shipment is planned again, under the same generation."""
    act = Entry(job.order_id, "not_bought", why, shipment.id, quoted=quoted)
    await context.write(job, shipments.move, shipment, _S.PLANNED, (act,))
    context.record(act)
    context.settling.pop(intent_of(shipment), None)
    return job.update(shipment, state=_S.PLANNED)


async def hold_for_requote(
    context: Context,
    job: OrderJob,
    shipment: Shipment,
    code: HoldCode,
    note: str,
    quoted: Money | None = None,
) -> None:
    """Hold a planned shipment. Its prepared purchase is let go: when it goes on, it is offered afresh.

    `quoted` is the price that the hold tells of: whoever releases it accepts that one, and none above it.
    """
    quoted = quoted or shipment.quoted
    kept = asdict(quoted) if quoted else None
    await context.hold(
        job,
        code,
        note,
        shipment=shipment,
        also=lambda tx: shipments.move(tx, shipment, _S.HELD, (), provider_ref="", rate=None, quoted=kept),
    )
    job.update(shipment, state=_S.HELD, provider_ref="", rate=None, quoted=quoted)


def count_refusal(context: Context, provider: str) -> None:
    """A carrier did not sell; too many of those in a row, and it is left alone for a while."""
    if context.breaker.refused(provider, context.clock.monotonic()):
        context.log.warning("breaker_open", provider=provider, seconds=context.breaker.breaker_cooldown_s)
