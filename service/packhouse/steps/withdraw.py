"""Withdraws what no longer ships: a bought label is voided, a plan cancelled, a doubt held for an operator.

A label that was posted, or may have been, is not voided: the buyer has its tracking number.
"""

from __future__ import annotations

from packhouse.ledger import holds as hold_records
from packhouse.ledger.tx import Tx
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.order import Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.model.waiting import Waiting, WaitKind
from packhouse.providers.manual import ManualProvider
from packhouse.rules.timeouts import longest_post_s
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.moves import Move

_S = ShipmentState
_MAY_BE_POSTED = "it may have been posted, and the store does not say; a release voids the label"
_VOID_REQUESTED = "The void is requested."
_TOO_LATE = "The store already has the tracking number, so the label is not voided."


def is_in_doubt(job: OrderJob, shipment: Shipment) -> bool:
    """Whether a label may have been bought, and only an operator can find out. Its units stay reserved."""
    return any(
        hold.is_active and hold.kind.needs_outcome and hold.shipment_id == shipment.id for hold in job.holds
    )


async def withdraw(context: Context, job: OrderJob, shipment: Shipment, why: str) -> None:
    """Void the shipment's label, cancel it if it has none, or place a hold where neither is safe."""
    if is_in_doubt(job, shipment):
        return
    if shipment.label is None:
        entry = Entry(job.order_id, "cancelled", why, shipment.id)
        await context.move(job, shipment, _S.CANCELLED, entry)
    elif shipment.label.state is not LabelState.BOUGHT:
        return  # its void is refused, and has a hold
    elif shipment.label.provider == ManualProvider.account:
        is_held = any(one.code is HoldCode.ORDER_CHANGED for one in job.active_holds(shipment))
        if not is_held and not context.is_waived(job, HoldCode.ORDER_CHANGED, shipment):
            await context.hold(job, HoldCode.ORDER_CHANGED, why, shipment=shipment)
    elif shipment.state is _S.LABELED and not await _may_be_posted(context, job, shipment, why):
        await _void(context, job, shipment, why)


async def process_void_requests(context: Context, job: OrderJob) -> None:
    """Void each label that an operator asked to void, or say that it is too late."""
    for shipment in tuple(job.shipments):
        request = next(
            (hold for hold in job.active_holds(shipment) if hold.code is HoldCode.VOID_REQUESTED), None
        )
        if request is None or shipment.label is None:
            continue
        if shipment.state is not _S.LABELED:
            in_void = shipment.state in (_S.VOIDING, _S.VOIDED)
            await context.release(job, (request,), _VOID_REQUESTED if in_void else _TOO_LATE)
        elif job.order.has_tracking(shipment.label.tracking_number):
            await context.release(job, (request,), _TOO_LATE)
        elif (settled_at := _post_settled_at(context, shipment, request)) > context.clock.now():
            _wait_for_post(job, shipment, settled_at)
        else:
            await _void(context, job, shipment, f"{request.placed_by} requested it.", request)


def _wait_for_post(job: OrderJob, shipment: Shipment, until: float) -> None:
    sentence = (
        f"The label of {shipment.id} is to be voided, and its fulfillment may be on its way to the store. "
        "It is voided as soon as the store must have shown the fulfillment."
    )
    job.wake_at(until, Waiting(WaitKind.VOID_UNSETTLED, sentence, shipment.provider, until=until))


async def _void(
    context: Context, job: OrderJob, shipment: Shipment, why: str, request: Hold | None = None
) -> None:
    """Move a label to its void, and release the request for it in the same transaction."""
    entry = Entry(job.order_id, "voiding", f"{why} {_VOID_REQUESTED}", shipment.id)

    def end_request(tx: Tx) -> None:
        if request is not None:
            hold_records.release(tx, request.id, by=MACHINE, reason=_VOID_REQUESTED)

    await context.apply(job, Move(shipment, _S.VOIDING, LabelState.VOIDING), entry, also=end_request)
    job.holds = [hold for hold in job.holds if hold is not request]


def _post_settled_at(context: Context, shipment: Shipment, request: Hold) -> float:
    """When a post that was begun before the request must have ended, in seconds since 1970."""
    if not shipment.post_body:
        return request.placed_at
    return request.placed_at + longest_post_s(context.settings)


async def _may_be_posted(context: Context, job: OrderJob, shipment: Shipment, why: str) -> bool:
    """Whether a post of ours may have reached the store, or be in flight: the label is not voided yet.

    A store that lists fulfillments is given time to show ours. For another store an operator must find out.
    """
    if not shipment.post_body or job.fetched is None:
        return False
    if does_not_say(job.order, shipment):
        if context.is_waived(job, HoldCode.ORDER_CHANGED, shipment):
            return False
        if not job.blocking(shipment):
            note = f"{why.rstrip('.')}; {_MAY_BE_POSTED}"
            await context.hold(job, HoldCode.ORDER_CHANGED, note, shipment=shipment)
        return True
    now = context.clock.monotonic()
    first_seen = context.settling.setdefault((shipment.post_key, None), now)
    settled_at = first_seen + longest_post_s(context.settings)
    if now < settled_at:
        _wait_for_post(job, shipment, context.clock.now() + settled_at - now)
        return True
    return False


def does_not_say(order: Order, shipment: Shipment) -> bool:
    """Whether the store leaves open if it has a post of ours: it lists no fulfillments, and its counts do not
    say that none of these units shipped.
    """
    if order.fulfillments is not None:
        return False
    lines = [line for line in order.lines if any(some.line_id == line.id for some in shipment.units)]
    return not lines or not all(line.shipped_counts and max(line.shipped_counts) == 0 for line in lines)
