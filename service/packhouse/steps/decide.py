"""decide: compare the order with what was planned and bought, and decide what may be planned now."""

from __future__ import annotations

from packhouse.model.hold import HoldCode
from packhouse.model.order import Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, OrderPhase, ShipmentState
from packhouse.rules import eligibility
from packhouse.rules.changes import conflict, fingerprint, is_missing_at_store
from packhouse.rules.decision import Skip, Withdraw
from packhouse.rules.shipping_options import choice_of
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.withdraw import is_in_doubt, process_void_requests, withdraw

_S = ShipmentState
_CANNOT_BE_STOPPED = (_S.BUYING, _S.UNKNOWN, _S.FULFILLED, _S.DELIVERED)


async def decide(context: Context, job: OrderJob) -> None:
    """Leave a decision in `job.decision`; withdraw what no longer fits the order."""
    if job.fetched is None:
        await _withdraw_missing_order(context, job)
        return
    await process_void_requests(context, job)
    await _withdraw_conflicts(context, job, job.fetched)
    digital = await context.products.digital_by_line(job.fetched)
    waived = {hold.code for hold in job.holds if context.is_waived(job, hold.code)}
    reserving = [shipment for shipment in job.shipments if job.reserves_units(shipment)]
    choice = choice_of(job.fetched, context.settings.shipping_options)
    job.decision = eligibility.decide(
        job.fetched,
        reserving,
        digital,
        context.settings.rules,
        waived,
        choice,
        has_site=bool(context.products.site_of(job.fetched)),
        limits=context.settings.guard,
    )
    await _hold_changed_after_posting(context, job, job.fetched)
    if isinstance(job.decision, Withdraw):
        for shipment in job.in_state(_S.PLANNED, _S.HELD, _S.LABELED):
            if not _is_posted(job.fetched, shipment):
                await withdraw(context, job, shipment, job.decision.why)


async def _withdraw_missing_order(context: Context, job: OrderJob) -> None:
    if isinstance(job.decision, Skip | Withdraw):
        for shipment in job.in_state(_S.PLANNED, _S.HELD, _S.LABELED):
            await withdraw(context, job, shipment, job.decision.why)


async def _withdraw_conflicts(context: Context, job: OrderJob, order: Order) -> None:
    """Withdraw what the order has no units left for. Units go to what may have shipped, then to labels."""
    kept = [shipment for shipment in job.shipments if _must_stay(job, shipment)]
    for shipment in (*job.in_state(_S.LABELED), *job.in_state(_S.PLANNED, _S.HELD)):
        if shipment in kept or _is_posted(order, shipment):
            continue
        if why := conflict(order, shipment, kept):
            await withdraw(context, job, shipment, f"Withdrawn: {why}.")
        elif shipment.label is None or shipment.label.state is LabelState.BOUGHT:
            kept.append(shipment)


def _must_stay(job: OrderJob, shipment: Shipment) -> bool:
    return shipment.state in _CANNOT_BE_STOPPED or is_in_doubt(job, shipment)


def _is_posted(order: Order, shipment: Shipment) -> bool:
    """Whether the store already shows this label to its buyer, so that it cannot be withdrawn."""
    label = shipment.label
    return shipment.state is _S.LABELED and label is not None and order.has_tracking(label.tracking_number)


async def _hold_changed_after_posting(context: Context, job: OrderJob, order: Order) -> None:
    """A posted fulfillment cannot be withdrawn; an operator may still stop the parcel or inform the buyer."""
    is_confirming = job.lease.phase is OrderPhase.SHIPPED
    for shipment in job.in_state(_S.FULFILLED):
        if (
            is_confirming
            and is_missing_at_store(order, shipment)
            and not context.is_waived(job, HoldCode.FULFILLMENT_MISSING, shipment)
        ):
            number = shipment.label.tracking_number if shipment.label else ""
            note = f"tracking number {number}"
            await context.hold(job, HoldCode.FULFILLMENT_MISSING, note, shipment=shipment)
        if order.status == "cancelled":
            why = "the store cancelled the order"
        elif shipment.fingerprint != fingerprint(order, shipment.units):
            why = "the address or the items changed"
        else:
            continue
        # A hold of another kind does not say this, and after the delivery it is too late.
        is_said = any(hold.code is HoldCode.ORDER_CHANGED for hold in job.active_holds(shipment))
        if not is_said and not context.is_waived(job, HoldCode.ORDER_CHANGED, shipment):
            await context.hold(job, HoldCode.ORDER_CHANGED, why, shipment=shipment)
