"""decide: compare the order with what we planned and bought, and say what may be planned now."""

from __future__ import annotations

from packhouse.model.hold import HoldCode
from packhouse.model.order import Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, OrderPhase, ShipmentState
from packhouse.rules import eligibility
from packhouse.rules.changes import conflict, fingerprint, is_missing_at_store
from packhouse.rules.decision import Skip, Withdraw
from packhouse.steps import products
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.void_requests import take_back
from packhouse.steps.withdraw import is_in_doubt, let_go

_S = ShipmentState
_BEYOND_RECALL = (_S.BUYING, _S.UNKNOWN, _S.FULFILLED, _S.DELIVERED)


async def decide(context: Context, job: OrderJob) -> None:
    """Leave a verdict in `work`; cancel or void what no longer fits the order."""
    if job.fetched is None:
        await _let_go_of_a_vanished_order(context, job)
        return
    await take_back(context, job)
    await _drop_what_no_longer_fits(context, job, job.fetched)
    digital = await products.digital_by_line(context, job.fetched)
    waived = {code for code in HoldCode if job.is_waived(code)}
    claiming = [shipment for shipment in job.shipments if job.reserves_units(shipment)]
    job.decision = eligibility.decide(job.fetched, claiming, digital, context.settings.rules, waived)
    await _warn_of_posted(context, job, job.fetched)
    if isinstance(job.decision, Withdraw):
        for shipment in job.in_state(_S.PLANNED, _S.HELD, _S.LABELED):
            if not _is_posted(job.fetched, shipment):
                await let_go(context, job, shipment, job.decision.why)


async def _let_go_of_a_vanished_order(context: Context, job: OrderJob) -> None:
    if isinstance(job.decision, Skip | Withdraw):
        for shipment in job.in_state(_S.PLANNED, _S.HELD, _S.LABELED):
            await let_go(context, job, shipment, job.decision.why)


async def _drop_what_no_longer_fits(context: Context, job: OrderJob, order: Order) -> None:
    """Each shipment must fit beside those that come first: what may have left, what is bought, the rest."""
    kept = [shipment for shipment in job.shipments if _stays(job, shipment)]
    for shipment in (*job.in_state(_S.LABELED), *job.in_state(_S.PLANNED, _S.HELD)):
        if shipment in kept or _is_posted(order, shipment):
            continue
        if why := conflict(order, shipment, kept):
            await let_go(context, job, shipment, f"It no longer fits: {why}.")
        elif shipment.label is None or shipment.label.state is LabelState.BOUGHT:
            kept.append(shipment)


def _stays(job: OrderJob, shipment: Shipment) -> bool:
    return shipment.state in _BEYOND_RECALL or is_in_doubt(job, shipment)


def _is_posted(order: Order, shipment: Shipment) -> bool:
    """Whether the store tells its buyer of this very label: then it is not ours to take back."""
    label = shipment.label
    return shipment.state is _S.LABELED and label is not None and order.has_tracking(label.tracking_number)


async def _warn_of_posted(context: Context, job: OrderJob, order: Order) -> None:
    """What is posted cannot be taken back; a person may still stop the parcel, or tell the buyer."""
    confirming = job.lease.phase is OrderPhase.SHIPPED
    for shipment in job.in_state(_S.FULFILLED):
        if (
            confirming
            and is_missing_at_store(order, shipment)
            and not job.is_waived(HoldCode.FULFILLMENT_MISSING, shipment)
        ):
            number = shipment.label.tracking_number if shipment.label else ""
            await context.hold(
                job, HoldCode.FULFILLMENT_MISSING, f"Its number is {number}.", shipment=shipment
            )
        if order.status == "cancelled":
            why = "The store says the order is cancelled."
        elif shipment.fingerprint != fingerprint(order, shipment.units):
            why = "Its delivery address or its articles are others now."
        else:
            continue
        if not job.is_waived(HoldCode.ORDER_CHANGED, shipment) and not job.blocking(shipment):
            await context.hold(job, HoldCode.ORDER_CHANGED, why, shipment=shipment)
