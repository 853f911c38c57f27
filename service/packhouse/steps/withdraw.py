"""Letting go of a shipment that must not leave: what was bought is voided, what was not is cancelled, and
what is not certain waits for time or a person.
"""

from __future__ import annotations

from packhouse.ledger import shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.manual import ManualProvider
from packhouse.rules.timeouts import longest_post_s
from packhouse.steps.context import Context, OrderJob

_S = ShipmentState
_ASK_THE_STORE = "It may have been posted, and the store does not say: look there. Released, it is voided."


def is_in_doubt(job: OrderJob, shipment: Shipment) -> bool:
    """Money may have moved for it, and only a person can find out: its units stay spoken for until then."""
    return any(
        hold.is_active and hold.code is HoldCode.PURCHASE_UNKNOWN and hold.shipment_id == shipment.id
        for hold in job.holds
    )


async def _may_be_posted(context: Context, job: OrderJob, shipment: Shipment, why: str) -> bool:
    """Whether a post of ours may have reached the store, or be on its way: no time to take the label back.

    A store that tells of fulfillments is given time to write ours down; of another a person knows more.
    """
    if not shipment.post_body or job.fetched is None:
        return False
    if job.order.fulfillments is None:
        if job.is_waived(HoldCode.ORDER_CHANGED, shipment):
            return False
        if not job.blocking(shipment):
            note = f"{why} {_ASK_THE_STORE}"
            await context.hold(job, HoldCode.ORDER_CHANGED, note, shipment=shipment)
        return True
    now = context.clock.monotonic()
    met = context.settling.setdefault((shipment.post_key, None), now)
    settled_at = met + longest_post_s(context.settings)
    if now < settled_at:
        job.wake_at(context.clock.now() + settled_at - now)
        return True
    return False


async def let_go(context: Context, job: OrderJob, shipment: Shipment, why: str) -> None:
    """Let a shipment go: what is bought is to be voided, what is not is cancelled."""
    if is_in_doubt(job, shipment):
        return
    if shipment.label is None or shipment.label.state is not LabelState.BOUGHT:
        if shipment.label is not None:
            return  # a void was refused: its hold tells a person
        act = Entry(job.order_id, "cancelled", why, shipment.id)
        await context.write(job, shipments.move, shipment, _S.CANCELLED, (act,))
        job.update(shipment, state=_S.CANCELLED)
    elif shipment.label.provider == ManualProvider.account:
        told = any(one.code is HoldCode.ORDER_CHANGED for one in job.active_holds(shipment))
        if not told and not job.is_waived(HoldCode.ORDER_CHANGED, shipment):
            await context.hold(job, HoldCode.ORDER_CHANGED, why, shipment=shipment)
        return
    elif shipment.state is _S.LABELED:
        if await _may_be_posted(context, job, shipment, why):
            return
        act = Entry(job.order_id, "voiding", f"{why} The label's money is asked back.", shipment.id)
        await context.write(job, shipments.move_with_label, shipment, _S.VOIDING, LabelState.VOIDING, (act,))
        job.update(shipment, state=_S.VOIDING)
    else:
        return
    context.record(act)
