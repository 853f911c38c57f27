"""decide: compare the order with what we planned and bought, and say what may be planned now."""

from __future__ import annotations

from packhouse.ledger import shipments
from packhouse.model.hold import Hold
from packhouse.model.journal import MACHINE, Act
from packhouse.model.order import Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.fit import misfit
from packhouse.rules.may_ship import judge
from packhouse.rules.verdict import StopShipping
from packhouse.steps import catalogue
from packhouse.steps.desk import Desk, Work

_S = ShipmentState


async def decide(desk: Desk, work: Work) -> None:
    """Leave a verdict in `work`; cancel or void what no longer fits the order."""
    if work.order is None:
        return
    for shipment in work.in_state(_S.PLANNED, _S.HELD, _S.LABELED):
        if why := misfit(work.order, shipment):
            await _drop(desk, work, shipment, f"It no longer fits: {why}.")
    digital = await catalogue.digital_by_line(desk, work.order)
    waived = {hold.code for hold in work.holds if _is_waived(hold, work.order)}
    work.verdict = judge(work.order, work.shipments, digital, desk.settings.rules, waived)
    if isinstance(work.verdict, StopShipping):
        for shipment in work.in_state(_S.PLANNED, _S.HELD, _S.LABELED):
            await _drop(desk, work, shipment, work.verdict.why)


def _is_waived(hold: Hold, order: Order) -> bool:
    """A person has released this reason, and the order has not changed since it was given."""
    return (
        not hold.stands and hold.released_by not in ("", MACHINE) and hold.fingerprint == order.fingerprint()
    )


async def _drop(desk: Desk, work: Work, shipment: Shipment, why: str) -> None:
    """Let a shipment go: what is bought is to be voided, what is not is cancelled."""
    if shipment.label is None or shipment.label.state is not LabelState.BOUGHT:
        if shipment.label is not None:
            return  # a void was refused: its hold tells a person
        act = Act(work.order_id, "cancelled", why, shipment.id)
        await desk.write(work, shipments.move, shipment, _S.CANCELLED, (act,))
        work.update(shipment, state=_S.CANCELLED)
    elif shipment.state is _S.LABELED:
        act = Act(work.order_id, "voiding", f"{why} The label's money is asked back.", shipment.id)
        await desk.write(work, shipments.label_moved, shipment, _S.VOIDING, LabelState.VOIDING, (act,))
        work.update(shipment, state=_S.VOIDING)
    else:
        return
    desk.tell(act)
