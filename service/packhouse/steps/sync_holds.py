"""hold: make the standing holds say what the verdict says, and planned shipments wait while one stands."""

from __future__ import annotations

from dataclasses import replace

from packhouse.ledger import guard, shipments
from packhouse.ledger import holds as hold_records
from packhouse.model.hold import RECHECKED, UNTIL_CHANGED, Hold, HoldCode
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.changes import is_missing_at_store
from packhouse.rules.decision import NeedsHold, Withdraw
from packhouse.rules.fingerprints import hold_fingerprint
from packhouse.steps.context import Context, OrderJob

_S = ShipmentState
_ENDED = (_S.CANCELLED, _S.VOIDED)


async def sync_holds(context: Context, job: OrderJob) -> None:
    """Place the machine's holds and lift those whose cause has gone; a person's holds are never touched."""
    reasons = job.decision.reasons if isinstance(job.decision, NeedsHold) else ()
    wanted = {reason.code: reason.note for reason in reasons}
    gone = [one for one in job.holds if _has_no_cause(one, job, set(wanted))]
    gone += await _caps_with_room(context, job)
    if gone:
        why = "Its cause has gone."
        entries = [Entry(job.order_id, "released", f"{one.code}: {why}", one.shipment_id) for one in gone]
        await context.write(job, hold_records.release_all, gone, why, entries)
        context.record(*entries)
        job.holds = [one for one in job.holds if one not in gone]
    for code, note in wanted.items():
        if not any(_says(one, job, code, note) for one in job.active_holds()):
            await context.hold(job, code, note)
    await _let_shipments_follow(context, job)


async def _caps_with_room(context: Context, job: OrderJob) -> list[Hold]:
    """Holds at a spending cap that has room again: a day passed, or somebody raised it."""
    roomy = []
    for one in job.holds:
        if one.is_active and one.code is HoldCode.CAP_REACHED and one.placed_by == MACHINE:
            shipment = next((s for s in job.in_state(_S.HELD) if s.id == one.shipment_id), None)
            if (
                shipment is None
                or shipment.rate is None
                or not await context.ledger.read(
                    guard.check_caps,
                    context.clock.now(),
                    context.settings.guard,
                    shipment,
                    shipment.rate.price,
                )
            ):
                roomy.append(one)
    return roomy


def _says(one: Hold, job: OrderJob, code: HoldCode, note: str) -> bool:
    """Whether this hold of the order gives this reason, for the facts as they are now."""
    facts = hold_fingerprint(code, job.fetched) if job.fetched else ""
    return (one.shipment_id, one.code, one.note, one.fingerprint) == ("", code, note, facts)


def _has_no_cause(one: Hold, job: OrderJob, wanted: set[str]) -> bool:
    if not one.is_active or one.placed_by != MACHINE:
        return False
    if one.shipment_id and any(s.id == one.shipment_id and s.state in _ENDED for s in job.shipments):
        return True
    if one.code is HoldCode.VOID_PENDING:
        return isinstance(job.decision, Withdraw)
    if one.code is HoldCode.FULFILLMENT_MISSING and job.fetched is not None:
        return not any(s.id == one.shipment_id and is_missing_at_store(job.fetched, s) for s in job.shipments)
    if one.code in UNTIL_CHANGED and job.fetched is not None:
        return one.fingerprint != hold_fingerprint(one.code, job.fetched)
    return one.code in RECHECKED and one.code not in wanted


async def _let_shipments_follow(context: Context, job: OrderJob) -> None:
    """A planned shipment with a hold is held; a held one without goes on: to be bought, or to be voided."""
    for shipment in job.in_state(_S.PLANNED, _S.HELD):
        held = bool(job.blocks_buying(shipment))
        if held and shipment.state is _S.PLANNED:
            await context.write(job, shipments.move, shipment, _S.HELD, ())
            job.update(shipment, state=_S.HELD)
        elif not held and shipment.state is _S.HELD and shipment.label is None:
            act = Entry(job.order_id, "resumed", "No hold stands any more.", shipment.id)
            await context.write(job, shipments.move, shipment, _S.PLANNED, (act,))
            context.record(act)
            job.update(shipment, state=_S.PLANNED)
        elif not held and shipment.label is not None and shipment.label.state is LabelState.VOID_REFUSED:
            act = Entry(job.order_id, "voiding", "The carrier is asked once more.", shipment.id)
            await context.write(
                job, shipments.move_with_label, shipment, _S.VOIDING, LabelState.VOIDING, (act,)
            )
            context.record(act)
            label = replace(shipment.label, state=LabelState.VOIDING, void_refusals=0)
            job.update(shipment, state=_S.VOIDING, label=label)
