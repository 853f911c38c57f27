"""decide: compare the order with what we planned and bought, and say what may be planned now."""

from __future__ import annotations

from packhouse.model.hold import HoldCode
from packhouse.model.order import Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, OrderPhase, ShipmentState
from packhouse.rules.fit import fingerprint, misfit, unrecorded
from packhouse.rules.may_ship import judge
from packhouse.rules.verdict import LeaveAlone, StopShipping
from packhouse.steps import catalogue
from packhouse.steps.desk import Desk, Work
from packhouse.steps.let_go import is_in_doubt, let_go
from packhouse.steps.take_back import take_back

_S = ShipmentState
_BEYOND_RECALL = (_S.BUYING, _S.UNKNOWN, _S.FULFILLED, _S.DELIVERED)


async def decide(desk: Desk, work: Work) -> None:
    """Leave a verdict in `work`; cancel or void what no longer fits the order."""
    if work.order is None:
        await _let_go_of_a_vanished_order(desk, work)
        return
    await take_back(desk, work)
    await _drop_what_no_longer_fits(desk, work, work.order)
    digital = await catalogue.digital_by_line(desk, work.order)
    waived = {code for code in HoldCode if work.waives(code)}
    claiming = [shipment for shipment in work.shipments if work.claims(shipment)]
    work.verdict = judge(work.order, claiming, digital, desk.settings.rules, waived)
    await _warn_of_posted(desk, work, work.order)
    if isinstance(work.verdict, StopShipping):
        for shipment in work.in_state(_S.PLANNED, _S.HELD, _S.LABELED):
            if not _is_posted(work.order, shipment):
                await let_go(desk, work, shipment, work.verdict.why)


async def _let_go_of_a_vanished_order(desk: Desk, work: Work) -> None:
    if isinstance(work.verdict, LeaveAlone | StopShipping):
        for shipment in work.in_state(_S.PLANNED, _S.HELD, _S.LABELED):
            await let_go(desk, work, shipment, work.verdict.why)


async def _drop_what_no_longer_fits(desk: Desk, work: Work, order: Order) -> None:
    """Each shipment must fit beside those that come first: what may have left, what is bought, the rest."""
    kept = [shipment for shipment in work.shipments if _stays(work, shipment)]
    for shipment in (*work.in_state(_S.LABELED), *work.in_state(_S.PLANNED, _S.HELD)):
        if shipment in kept or _is_posted(order, shipment):
            continue
        if why := misfit(order, shipment, kept):
            await let_go(desk, work, shipment, f"It no longer fits: {why}.")
        elif shipment.label is None or shipment.label.state is LabelState.BOUGHT:
            kept.append(shipment)


def _stays(work: Work, shipment: Shipment) -> bool:
    return shipment.state in _BEYOND_RECALL or is_in_doubt(work, shipment)


def _is_posted(order: Order, shipment: Shipment) -> bool:
    """Whether the store tells its buyer of this very label: then it is not ours to take back."""
    label = shipment.label
    return shipment.state is _S.LABELED and label is not None and order.has_tracking(label.tracking_number)


async def _warn_of_posted(desk: Desk, work: Work, order: Order) -> None:
    """What is posted cannot be taken back; a person may still stop the parcel, or tell the buyer."""
    confirming = work.lease.phase is OrderPhase.SHIPPED
    for shipment in work.in_state(_S.FULFILLED):
        if confirming and unrecorded(order, shipment) and not work.waives(HoldCode.NOT_RECORDED, shipment):
            number = shipment.label.tracking_number if shipment.label else ""
            await desk.hold(work, HoldCode.NOT_RECORDED, f"Its number is {number}.", shipment=shipment)
        if order.status == "cancelled":
            why = "The store says the order is cancelled."
        elif shipment.fingerprint != fingerprint(order, shipment.units):
            why = "Its delivery address or its articles are others now."
        else:
            continue
        if not work.waives(HoldCode.LABEL_OUTDATED, shipment) and not work.blocking(shipment):
            await desk.hold(work, HoldCode.LABEL_OUTDATED, why, shipment=shipment)
