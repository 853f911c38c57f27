"""sync_holds: place and release holds to match the decision; shipments wait while a hold blocks them."""

from __future__ import annotations

from packhouse.ledger import guard, order_limits
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.hold_kind import End
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.changes import is_missing_at_store
from packhouse.rules.decision import NeedsHold, Withdraw
from packhouse.steps import limits
from packhouse.steps.context import Context, OrderJob

_S = ShipmentState
_ENDED = (_S.CANCELLED, _S.VOIDED)


async def sync_holds(context: Context, job: OrderJob) -> None:
    """Place and release the holds that Packhouse decides on. Holds of an operator are never changed here."""
    reasons = job.decision.reasons if isinstance(job.decision, NeedsHold) else ()
    wanted = {reason.code: reason.note for reason in reasons}
    ended = [one for one in job.holds if await _has_ended(context, job, one, set(wanted))]
    if ended:
        await context.release(job, ended, "The reason no longer applies.")
    for code, note in wanted.items():
        if not any(_is_current(context, job, one, code, note) for one in job.active_holds()):
            await context.hold(job, code, note)
    await _move_with_holds(context, job)


async def _has_ended(context: Context, job: OrderJob, hold: Hold, wanted: set[HoldCode]) -> bool:
    """Whether a hold of Packhouse's own ends now, in one of the ways that its kind names."""
    if not hold.is_active or hold.placed_by != MACHINE:
        return False
    if any(s.id == hold.shipment_id and s.state in _ENDED for s in job.shipments):
        return True
    for end in hold.kind.ends:
        match end:
            case End.REASON_GONE:
                has_ended = hold.code not in wanted
            case End.FACTS_CHANGE:
                has_ended = bool(job.fetched) and hold.fingerprint != context.fingerprint(job, hold.code)
            case End.CAP_HAS_ROOM:
                has_ended = await _cap_has_room(context, job, hold)
            case End.AT_STORE:
                has_ended = _is_at_store(job, hold)
            case End.ORDER_STOPS:
                has_ended = isinstance(job.decision, Withdraw)
            case _:
                has_ended = False  # ended above, in withdraw.py, in next_check.py or by an operator
        if has_ended:
            return True
    return False


async def _cap_has_room(context: Context, job: OrderJob, hold: Hold) -> bool:
    """Whether the cap has room again: time passed, or the cap was raised."""
    shipment = next((s for s in job.in_state(_S.HELD) if s.id == hold.shipment_id), None)
    now, caps = context.clock.now(), context.settings.guard
    if hold.code is HoldCode.PRICE_UNKNOWN:
        return shipment is None or not caps.has_caps
    if shipment is None or shipment.rate is None:
        return True
    price = shipment.rate.price
    if job.fetched is not None:
        bounds = limits.order_limits(context, job, shipment)
        exceeded = await context.ledger.read(order_limits.objection, bounds, shipment, price)
        if exceeded and exceeded.code is hold.code:
            return False
    elif hold.code is HoldCode.LABELS_EXCEED_TOTAL:
        return False
    if hold.code is HoldCode.LABELS_EXCEED_TOTAL:
        return True
    return not await context.ledger.read(guard.check_caps, now, caps, shipment, price)


def _is_at_store(job: OrderJob, hold: Hold) -> bool:
    order = job.fetched
    return order is not None and not any(
        s.id == hold.shipment_id and is_missing_at_store(order, s) for s in job.shipments
    )


def _is_current(context: Context, job: OrderJob, hold: Hold, code: HoldCode, note: str) -> bool:
    """Whether this hold of the order gives this reason, for the facts as they are now."""
    facts = context.fingerprint(job, code)
    return (hold.shipment_id, hold.code, hold.note, hold.fingerprint) == ("", code, note, facts)


async def _move_with_holds(context: Context, job: OrderJob) -> None:
    """Hold a planned shipment that a hold blocks; let a held one continue, to its purchase or to its void."""
    for shipment in job.in_state(_S.PLANNED, _S.HELD):
        is_blocked = bool(job.blocks_buying(shipment))
        if is_blocked and shipment.state is _S.PLANNED:
            await context.move(job, shipment, _S.HELD)
        elif not is_blocked and shipment.state is _S.HELD and shipment.label is None:
            entry = Entry(job.order_id, "resumed", "No hold is active any more.", shipment.id)
            await context.move(job, shipment, _S.PLANNED, entry)
        elif not is_blocked and shipment.label and shipment.label.state is LabelState.VOID_REFUSED:
            entry = Entry(job.order_id, "voiding", "The void is requested once more.", shipment.id)
            await context.move_label(job, shipment, _S.VOIDING, LabelState.VOIDING, entry, void_again=True)
