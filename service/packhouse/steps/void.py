"""void: ask for a label's money back, and follow that to its end. It is the undo of buy.py."""

from __future__ import annotations

from dataclasses import replace

from packhouse.carriers.port import Voided, VoidPending, VoidRefused
from packhouse.ledger import shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Act
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.steps.desk import Desk, Work

_S = ShipmentState


async def void(desk: Desk, work: Work) -> None:
    """Ask, or ask again, for each label that will not ship."""
    for shipment in work.in_state(_S.VOIDING):
        if shipment.label is not None:
            await _void(desk, work, shipment, shipment.label)


async def _void(desk: Desk, work: Work, shipment: Shipment, label: Label) -> None:
    answer = await desk.adapter(label.adapter).void(label)
    match answer:
        case Voided():
            act = Act(work.order_id, "voided", f"{label.cost} came back.", shipment.id)
            await desk.write(work, shipments.label_moved, shipment, _S.VOIDED, LabelState.VOIDED, (act,))
            desk.tell(act)
            voided = replace(label, state=LabelState.VOIDED)
            work.update(shipment, state=_S.VOIDED, label=voided)
            work.wake_at(desk.clock.now())
        case VoidPending():
            # The older the request, the less often it is asked after.
            age = desk.clock.now() - (label.void_asked_at or desk.clock.now())
            wait = min(max(age, desk.settings.retry.base_s), desk.settings.poll.relook_s)
            work.wake_at(desk.clock.now() + wait)
        case VoidRefused():
            refused = replace(label, state=LabelState.VOID_REFUSED)
            await desk.hold(
                work,
                HoldCode.VOID_REFUSED,
                f"{label.cost} for {label.tracking_number}: {answer.reason}",
                shipment=shipment,
                also=lambda connection, now, lease: shipments.label_moved(
                    connection, now, lease, shipment, _S.HELD, LabelState.VOID_REFUSED, ()
                ),
            )
            work.update(shipment, state=_S.HELD, label=refused)
