"""Letting go of a shipment that must not leave: what was bought is voided, what was not is cancelled, and
what is not certain waits for time or a person.
"""

from __future__ import annotations

from packhouse.ledger import shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Act
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.patience import longest_post_s
from packhouse.steps.by_hand import ByHand
from packhouse.steps.desk import Desk, Work

_S = ShipmentState
_ASK_THE_STORE = "It may have been posted, and the store does not say: look there. Released, it is voided."


def is_in_doubt(work: Work, shipment: Shipment) -> bool:
    """Money may have moved for it, and only a person can find out: its units stay spoken for until then."""
    return any(
        hold.stands and hold.code is HoldCode.PURCHASE_UNKNOWN and hold.shipment_id == shipment.id
        for hold in work.holds
    )


async def _may_be_posted(desk: Desk, work: Work, shipment: Shipment, why: str) -> bool:
    """Whether a post of ours may have reached the store, or be on its way: no time to take the label back.

    A store that tells of fulfillments is given time to write ours down; of another a person knows more.
    """
    if not shipment.post_body or work.order is None:
        return False
    if work.seen.fulfillments is None:
        if work.waives(HoldCode.LABEL_OUTDATED, shipment):
            return False
        if not work.blocking(shipment):
            note = f"{why} {_ASK_THE_STORE}"
            await desk.hold(work, HoldCode.LABEL_OUTDATED, note, shipment=shipment)
        return True
    now = desk.clock.monotonic()
    met = desk.settling.setdefault((shipment.post_key, None), now)
    settled_at = met + longest_post_s(desk.settings)
    if now < settled_at:
        work.wake_at(desk.clock.now() + settled_at - now)
        return True
    return False


async def let_go(desk: Desk, work: Work, shipment: Shipment, why: str) -> None:
    """Let a shipment go: what is bought is to be voided, what is not is cancelled."""
    if is_in_doubt(work, shipment):
        return
    if shipment.label is None or shipment.label.state is not LabelState.BOUGHT:
        if shipment.label is not None:
            return  # a void was refused: its hold tells a person
        act = Act(work.order_id, "cancelled", why, shipment.id)
        await desk.write(work, shipments.move, shipment, _S.CANCELLED, (act,))
        work.update(shipment, state=_S.CANCELLED)
    elif shipment.label.adapter == ByHand.name:
        told = any(one.code is HoldCode.LABEL_OUTDATED for one in work.standing(shipment))
        if not told and not work.waives(HoldCode.LABEL_OUTDATED, shipment):
            await desk.hold(work, HoldCode.LABEL_OUTDATED, why, shipment=shipment)
        return
    elif shipment.state is _S.LABELED:
        if await _may_be_posted(desk, work, shipment, why):
            return
        act = Act(work.order_id, "voiding", f"{why} The label's money is asked back.", shipment.id)
        await desk.write(work, shipments.label_moved, shipment, _S.VOIDING, LabelState.VOIDING, (act,))
        work.update(shipment, state=_S.VOIDING)
    else:
        return
    desk.tell(act)
