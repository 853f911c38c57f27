"""decide: compare the order with what we planned and bought, and say what may be planned now."""

from __future__ import annotations

from packhouse.ledger import shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Act
from packhouse.model.order import Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.fit import fingerprint, misfit
from packhouse.rules.may_ship import judge
from packhouse.rules.verdict import StopShipping
from packhouse.steps import catalogue
from packhouse.steps.by_hand import ByHand
from packhouse.steps.desk import Desk, Work
from packhouse.steps.take_back import take_back

_S = ShipmentState
_BEYOND_RECALL = (_S.BUYING, _S.UNKNOWN, _S.FULFILLED, _S.DELIVERED)


async def decide(desk: Desk, work: Work) -> None:
    """Leave a verdict in `work`; cancel or void what no longer fits the order."""
    if work.order is None:
        return
    await take_back(desk, work)
    await _drop_what_no_longer_fits(desk, work, work.order)
    digital = await catalogue.digital_by_line(desk, work.order)
    waived = {code for code in HoldCode if work.waives(code)}
    work.verdict = judge(work.order, work.shipments, digital, desk.settings.rules, waived)
    await _warn_of_posted(desk, work, work.order)
    if isinstance(work.verdict, StopShipping):
        for shipment in work.in_state(_S.PLANNED, _S.HELD, _S.LABELED):
            await _drop(desk, work, shipment, work.verdict.why)


async def _drop_what_no_longer_fits(desk: Desk, work: Work, order: Order) -> None:
    """Each shipment must fit beside those that come first: what may have left, what is bought, the rest."""
    kept = [shipment for shipment in work.shipments if _stays(work, shipment)]
    for shipment in (*work.in_state(_S.LABELED), *work.in_state(_S.PLANNED, _S.HELD)):
        if shipment in kept:
            continue
        if why := misfit(order, shipment, kept):
            await _drop(desk, work, shipment, f"It no longer fits: {why}.")
        elif shipment.label is None or shipment.label.state is LabelState.BOUGHT:
            kept.append(shipment)


def _stays(work: Work, shipment: Shipment) -> bool:
    return shipment.state in _BEYOND_RECALL or _is_in_doubt(work, shipment)


async def _warn_of_posted(desk: Desk, work: Work, order: Order) -> None:
    """What is posted cannot be taken back; a person may still stop the parcel, or tell the buyer."""
    for shipment in work.in_state(_S.FULFILLED):
        if order.status == "cancelled":
            why = "The store says the order is cancelled."
        elif shipment.fingerprint != fingerprint(order, shipment.units):
            why = "Its delivery address or its articles are others now."
        else:
            continue
        if not work.waives(HoldCode.LABEL_OUTDATED) and not work.standing(shipment):
            await desk.hold(work, HoldCode.LABEL_OUTDATED, why, shipment=shipment)


def _is_in_doubt(work: Work, shipment: Shipment) -> bool:
    """Money may have moved for it, and only a person can find out: its units stay spoken for until then."""
    return any(
        hold.stands and hold.code is HoldCode.PURCHASE_UNKNOWN and hold.shipment_id == shipment.id
        for hold in work.holds
    )


async def _drop(desk: Desk, work: Work, shipment: Shipment, why: str) -> None:
    """Let a shipment go: what is bought is to be voided, what is not is cancelled."""
    if _is_in_doubt(work, shipment):
        return
    if shipment.label is None or shipment.label.state is not LabelState.BOUGHT:
        if shipment.label is not None:
            return  # a void was refused: its hold tells a person
        act = Act(work.order_id, "cancelled", why, shipment.id)
        await desk.write(work, shipments.move, shipment, _S.CANCELLED, (act,))
        work.update(shipment, state=_S.CANCELLED)
    elif shipment.label.adapter == ByHand.name:
        told = any(one.code is HoldCode.LABEL_OUTDATED for one in work.standing(shipment))
        if not told and not work.waives(HoldCode.LABEL_OUTDATED):
            await desk.hold(work, HoldCode.LABEL_OUTDATED, why, shipment=shipment)
        return
    elif shipment.state is _S.LABELED:
        act = Act(work.order_id, "voiding", f"{why} The label's money is asked back.", shipment.id)
        await desk.write(work, shipments.label_moved, shipment, _S.VOIDING, LabelState.VOIDING, (act,))
        work.update(shipment, state=_S.VOIDING)
    else:
        return
    desk.tell(act)
