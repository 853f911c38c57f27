"""settle: find out what became of a purchase whose answer never came, and never buy before that is known."""

from __future__ import annotations

from packhouse.errors import ProviderError
from packhouse.ledger import shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.order import Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.providers.port import Absent, Bought, Provider, Purchase, Safety, Unknown
from packhouse.steps import purchase
from packhouse.steps.context import Context, OrderJob

_S = ShipmentState


async def reconcile(context: Context, job: OrderJob) -> None:
    """Look up each purchase that was begun and whose end nobody wrote down."""
    for shipment in job.in_state(_S.BUYING, _S.UNKNOWN):
        if shipment.state is _S.BUYING:
            shipment = await _admit(context, job, shipment)
        provider = context.provider(shipment.provider)
        if provider.safety is Safety.BLIND:
            await _ask_a_person(context, job, shipment)
        elif _has_settled(context, job, shipment):
            await _look_up(context, job, shipment, provider)


async def _admit(context: Context, job: OrderJob, shipment: Shipment) -> Shipment:
    """Whoever wrote the intent is gone: say that nobody knows."""
    act = Entry(
        job.order_id, "unknown", "The purchase was begun and its end was never written down.", shipment.id
    )
    await context.write(job, shipments.move, shipment, _S.UNKNOWN, (act,))
    context.record(act)
    return job.update(shipment, state=_S.UNKNOWN)


def _has_settled(context: Context, job: OrderJob, shipment: Shipment) -> bool:
    """Whether the provider must have committed by now, on a clock that cannot jump.

    The wait counts from when this process's own call ended, or must end, or, for a purchase begun elsewhere,
    from when it met it; where the other process may still live, the longest it may wait for an answer is
    added.
    """
    settings = context.settings
    wait = settings.provider_settle_s
    met = context.settling.get(purchase.intent_of(shipment))
    now = context.clock.monotonic()
    if met is None:
        met = now + (settings.provider_timeout_s if context.ledger.shared else 0.0)
        context.settling[purchase.intent_of(shipment)] = met
    if now >= met + wait:
        return True
    job.wake_at(context.clock.now() + met + wait - now)
    return False


async def _look_up(context: Context, job: OrderJob, shipment: Shipment, provider: Provider) -> None:
    if shipment.rate is None:
        raise ValueError(f"shipment {shipment.id} was bought without a rate")
    order = job.fetched or Order(id=job.order_id)
    begun = Purchase(purchase.request_for(order, shipment), shipment.provider_ref, shipment.rate)
    try:
        answer = await provider.lookup(begun)
    except ProviderError as error:
        answer = Unknown(str(error))
    match answer:
        case Bought():
            await purchase.record_outcome(context, job, shipment, answer)
        case Absent():
            why = "The provider has no such purchase; it is begun again."
            await purchase.record_not_bought(context, job, shipment, why)
        case Unknown():
            job.failed(f"The purchase {shipment.reference} could not be looked up: {answer.reason}")


async def _ask_a_person(context: Context, job: OrderJob, shipment: Shipment) -> None:
    note = (
        f"Look for {shipment.reference} in the account of {shipment.provider}. If a label is there: "
        f"packhouse labels adopt {shipment.id} --tracking NUMBER --carrier NAME --cost MINOR --reason WHY. "
        f"If none is: packhouse shipments retry {shipment.id} --not-bought --reason WHY."
    )
    await context.hold(
        job,
        HoldCode.PURCHASE_UNKNOWN,
        note,
        shipment=shipment,
        also=lambda tx: shipments.move(tx, shipment, _S.HELD, ()),
    )
    job.update(shipment, state=_S.HELD)
