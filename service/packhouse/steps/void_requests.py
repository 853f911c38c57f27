"""Taking a label back because a person asked: the first thing that decide.py looks at.

A post that was on its way when the person asked may still reach the store, and what the store has told the
buyer cannot be taken back. So the label is let go only after a look that must have seen such a post.
"""

from __future__ import annotations

from dataclasses import replace

from packhouse.ledger import holds as hold_records
from packhouse.ledger import shipments
from packhouse.ledger.tx import Tx
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.timeouts import longest_post_s
from packhouse.steps.context import Context, OrderJob

_S = ShipmentState
_LIFTED = {
    "voiding": "The money is asked back.",
    "too_late": "The store has its tracking number already, so the label is not taken back.",
}


async def take_back(context: Context, job: OrderJob) -> None:
    """Move labeled shipments whose label a person wants back to `voiding`, or say that it is too late."""
    for shipment in tuple(job.shipments):
        asked = next(
            (hold for hold in job.active_holds(shipment) if hold.code is HoldCode.VOID_REQUESTED), None
        )
        if asked is None or shipment.label is None:
            continue
        if shipment.state is not _S.LABELED:
            gone = shipment.state in (_S.VOIDING, _S.VOIDED)
            await _lift(context, job, shipment, asked, "voiding" if gone else "too_late")
        elif job.order.has_tracking(shipment.label.tracking_number):
            await _lift(context, job, shipment, asked, "too_late")
        elif (settled_at := _settled_at(context, shipment, asked)) > context.clock.now():
            job.wake_at(settled_at)
        else:
            await _let_go(context, job, shipment, shipment.label, asked)


def _settled_at(context: Context, shipment: Shipment, asked: Hold) -> float:
    """When a post that was begun before the person asked must have ended."""
    if not shipment.post_body:
        return asked.placed_at
    return asked.placed_at + longest_post_s(context.settings)


async def _lift(context: Context, job: OrderJob, shipment: Shipment, asked: Hold, outcome: str) -> None:
    """What was asked for has been done meanwhile, or cannot be done any more."""
    why = _LIFTED[outcome]
    act = Entry(job.order_id, "released", f"{asked.code}: {why}", shipment.id)
    await context.write(job, hold_records.release_all, (asked,), why, (act,))
    context.record(act)
    job.holds.remove(asked)


async def _let_go(context: Context, job: OrderJob, shipment: Shipment, label: Label, asked: Hold) -> None:
    why = f"{asked.placed_by} asked for it."
    act = Entry(job.order_id, "voiding", f"{why} The label's money is asked back.", shipment.id)

    def unit(tx: Tx) -> None:
        shipments.move_with_label(tx, shipment, _S.VOIDING, LabelState.VOIDING, (act,))
        hold_records.release(tx, asked.id, by=MACHINE, reason=_LIFTED["voiding"])

    await context.write(job, unit)
    context.record(act)
    job.holds.remove(asked)
    job.update(shipment, state=_S.VOIDING, label=replace(label, state=LabelState.VOIDING))
