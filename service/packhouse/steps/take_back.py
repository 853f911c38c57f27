"""Taking a label back because a person asked: the first thing that decide.py looks at.

A post that was on its way when the person asked may still reach the store, and what the store has told the
buyer cannot be taken back. So the label is let go only after a look that must have seen such a post.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from packhouse.ledger import holds as hold_records
from packhouse.ledger import shipments
from packhouse.ledger.leases import Lease
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import MACHINE, Act
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.patience import longest_post_s
from packhouse.steps.desk import Desk, Work

_S = ShipmentState
_LIFTED = {
    "voiding": "The money is asked back.",
    "too_late": "The store has its tracking number already, so the label is not taken back.",
}


async def take_back(desk: Desk, work: Work) -> None:
    """Move labeled shipments whose label a person wants back to `voiding`, or say that it is too late."""
    for shipment in tuple(work.shipments):
        asked = next((hold for hold in work.standing(shipment) if hold.code is HoldCode.VOID_ASKED), None)
        if asked is None or shipment.label is None:
            continue
        if shipment.state is not _S.LABELED:
            gone = shipment.state in (_S.VOIDING, _S.VOIDED)
            await _lift(desk, work, shipment, asked, "voiding" if gone else "too_late")
        elif work.seen.has_tracking(shipment.label.tracking_number):
            await _lift(desk, work, shipment, asked, "too_late")
        elif (settled_at := _settled_at(desk, shipment, asked)) > desk.clock.now():
            work.wake_at(settled_at)
        else:
            await _let_go(desk, work, shipment, shipment.label, asked)


def _settled_at(desk: Desk, shipment: Shipment, asked: Hold) -> float:
    """When a post that was begun before the person asked must have ended."""
    if not shipment.post_body:
        return asked.placed_at
    return asked.placed_at + longest_post_s(desk.settings)


async def _lift(desk: Desk, work: Work, shipment: Shipment, asked: Hold, outcome: str) -> None:
    """What was asked for has been done meanwhile, or cannot be done any more."""
    why = _LIFTED[outcome]
    act = Act(work.order_id, "released", f"{asked.code}: {why}", shipment.id)
    await desk.write(work, hold_records.release_all, (asked,), why, (act,))
    desk.tell(act)
    work.holds.remove(asked)


async def _let_go(desk: Desk, work: Work, shipment: Shipment, label: Label, asked: Hold) -> None:
    why = f"{asked.placed_by} asked for it."
    act = Act(work.order_id, "voiding", f"{why} The label's money is asked back.", shipment.id)

    def unit(connection: Connection, now: float, lease: Lease) -> None:
        shipments.label_moved(connection, now, lease, shipment, _S.VOIDING, LabelState.VOIDING, (act,))
        hold_records.release(connection, now, asked.id, by=MACHINE, reason=_LIFTED["voiding"])

    await desk.write(work, unit)
    desk.tell(act)
    work.holds.remove(asked)
    work.update(shipment, state=_S.VOIDING, label=replace(label, state=LabelState.VOIDING))
