"""reconcile: find out what became of a purchase whose response was lost, before anything else is bought."""

from __future__ import annotations

from packhouse.errors import ProviderError
from packhouse.model.journal import Entry
from packhouse.model.order import Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.providers.port import Absent, Bought, Provider, Purchase, Safety, Unknown, Withdrawn
from packhouse.steps import accounts, purchase
from packhouse.steps.context import Context, OrderJob

_S = ShipmentState


async def reconcile(context: Context, job: OrderJob) -> None:
    """Look up each purchase that was begun and whose outcome was never recorded."""
    for shipment in job.in_state(_S.BUYING, _S.UNKNOWN):
        if shipment.state is _S.BUYING:
            shipment = await _mark_unknown(context, job, shipment)
        provider = context.provider(shipment.provider)
        if not _has_settled(context, job, shipment):
            continue
        if provider.safety is Safety.BLIND:
            await purchase.hold_unknown(context, job, shipment)
        else:
            await _look_up(context, job, shipment, provider)


async def _mark_unknown(context: Context, job: OrderJob, shipment: Shipment) -> Shipment:
    """The worker that wrote the intent is gone, so the outcome is unknown."""
    why = "The purchase was begun and its outcome was never recorded."
    return await context.move(job, shipment, _S.UNKNOWN, Entry(job.order_id, "unknown", why, shipment.id))


def _has_settled(context: Context, job: OrderJob, shipment: Shipment) -> bool:
    """Whether the provider must have finished the purchase by now, on a clock that cannot jump.

    Until then an answer may still come, so no operator is asked about it. The wait begins when this process's
    own call ended or must end. For a purchase of another process it begins when this process first saw the
    purchase; where that process may still be alive, its longest wait for a response is added.
    """
    settings = context.settings
    wait = settings.provider_settle_s
    began = context.settling.get(purchase.intent_of(shipment))
    now = context.clock.monotonic()
    if began is None:
        began = now + (settings.provider_timeout_s if context.ledger.shared else 0.0)
        context.settling[purchase.intent_of(shipment)] = began
    if now >= began + wait:
        return True
    purchase.wait_to_settle(job, shipment, context.clock.now() + began + wait - now)
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
            if job.restored_at and purchase.goes_elsewhere(begun.request, answer):
                # The plan may be of after the restore, for another address. An empty fingerprint
                # fits no order, so the label that is written with it is voided.
                shipment = job.update(shipment, fingerprint="")
            await purchase.record_outcome(context, job, shipment, answer)
        case Withdrawn():
            await purchase.record_withdrawn(context, job, shipment, answer, begun.provider_ref)
        case Absent():
            why = f"{shipment.provider} has no purchase {shipment.reference}; it is begun again."
            await purchase.record_absent(context, job, shipment, why)
        case Unknown(needs_person=True):
            await purchase.hold_unknown(context, job, shipment, answer.reason)
        case Unknown():
            why = f"The purchase {shipment.reference} could not be looked up: {answer.reason}"
            if state := context.breaker.state(shipment.provider, context.clock):
                accounts.wait_for(context, job, (state,), f"{why.rstrip('.')}. {state.sentence}")
            else:
                job.failed(why)
