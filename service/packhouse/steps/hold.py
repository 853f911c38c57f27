"""hold: make the standing holds say what the verdict says, and planned shipments wait while one stands."""

from __future__ import annotations

from dataclasses import replace

from packhouse.ledger import guard, shipments
from packhouse.ledger import holds as hold_records
from packhouse.model.hold import RECHECKED, UNTIL_CHANGED, Hold, HoldCode
from packhouse.model.journal import MACHINE, Act
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.causes import cause
from packhouse.rules.fit import unrecorded
from packhouse.rules.verdict import HoldIt, StopShipping
from packhouse.steps.desk import Desk, Work

_S = ShipmentState
_ENDED = (_S.CANCELLED, _S.VOIDED)


async def hold(desk: Desk, work: Work) -> None:
    """Place the machine's holds and lift those whose cause has gone; a person's holds are never touched."""
    reasons = work.verdict.reasons if isinstance(work.verdict, HoldIt) else ()
    wanted = {reason.code: reason.note for reason in reasons}
    gone = [one for one in work.holds if _has_no_cause(one, work, set(wanted))]
    gone += await _caps_with_room(desk, work)
    if gone:
        why = "Its cause has gone."
        acts = [Act(work.order_id, "released", f"{one.code}: {why}", one.shipment_id) for one in gone]
        await desk.write(work, hold_records.release_all, gone, why, acts)
        desk.tell(*acts)
        work.holds = [one for one in work.holds if one not in gone]
    for code, note in wanted.items():
        if not any(_says(one, work, code, note) for one in work.standing()):
            await desk.hold(work, code, note)
    await _let_shipments_follow(desk, work)


async def _caps_with_room(desk: Desk, work: Work) -> list[Hold]:
    """Holds at a spending cap that has room again: a day passed, or somebody raised it."""
    roomy = []
    for one in work.holds:
        if one.stands and one.code is HoldCode.CAP_REACHED and one.placed_by == MACHINE:
            shipment = next((s for s in work.in_state(_S.HELD) if s.id == one.shipment_id), None)
            if (
                shipment is None
                or shipment.rate is None
                or not await desk.ledger.read(
                    guard.objection, desk.clock.now(), desk.settings.guard, shipment, shipment.rate.price
                )
            ):
                roomy.append(one)
    return roomy


def _says(one: Hold, work: Work, code: HoldCode, note: str) -> bool:
    """Whether this hold of the order gives this reason, for the facts as they are now."""
    facts = cause(code, work.order) if work.order else ""
    return (one.shipment_id, one.code, one.note, one.fingerprint) == ("", code, note, facts)


def _has_no_cause(one: Hold, work: Work, wanted: set[str]) -> bool:
    if not one.stands or one.placed_by != MACHINE:
        return False
    if one.shipment_id and any(s.id == one.shipment_id and s.state in _ENDED for s in work.shipments):
        return True
    if one.code is HoldCode.REFUND_PENDING:
        return isinstance(work.verdict, StopShipping)
    if one.code is HoldCode.NOT_RECORDED and work.order is not None:
        return not any(s.id == one.shipment_id and unrecorded(work.order, s) for s in work.shipments)
    if one.code in UNTIL_CHANGED and work.order is not None:
        return one.fingerprint != cause(one.code, work.order)
    return one.code in RECHECKED and one.code not in wanted


async def _let_shipments_follow(desk: Desk, work: Work) -> None:
    """A planned shipment with a hold is held; a held one without goes on: to be bought, or to be voided."""
    for shipment in work.in_state(_S.PLANNED, _S.HELD):
        held = bool(work.bars_buying(shipment))
        if held and shipment.state is _S.PLANNED:
            await desk.write(work, shipments.move, shipment, _S.HELD, ())
            work.update(shipment, state=_S.HELD)
        elif not held and shipment.state is _S.HELD and shipment.label is None:
            act = Act(work.order_id, "resumed", "No hold stands any more.", shipment.id)
            await desk.write(work, shipments.move, shipment, _S.PLANNED, (act,))
            desk.tell(act)
            work.update(shipment, state=_S.PLANNED)
        elif not held and shipment.label is not None and shipment.label.state is LabelState.VOID_REFUSED:
            act = Act(work.order_id, "voiding", "The carrier is asked once more.", shipment.id)
            await desk.write(work, shipments.label_moved, shipment, _S.VOIDING, LabelState.VOIDING, (act,))
            desk.tell(act)
            label = replace(shipment.label, state=LabelState.VOIDING, void_refusals=0)
            work.update(shipment, state=_S.VOIDING, label=label)
