"""pack: turn the units that may ship into parcels, and plan a shipment for each."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.ledger import shipments
from packhouse.model.journal import Act
from packhouse.model.order import counted
from packhouse.model.parcel import PackedParcel
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.packing.boxes import CannotPack
from packhouse.packing.boxes import pack as fill_boxes
from packhouse.rules.fit import fingerprint
from packhouse.rules.verdict import HoldIt, Reason, Ship
from packhouse.steps import catalogue
from packhouse.steps.desk import Desk, Work


async def pack(desk: Desk, work: Work) -> None:
    """Plan shipments for the units of a Ship verdict; a verdict that cannot be packed becomes a HoldIt."""
    if not isinstance(work.verdict, Ship):
        return
    settings = desk.settings
    weights = await catalogue.weights_g(desk, work.seen)
    boxes = fill_boxes(work.seen, work.verdict.units, settings.products, settings.parcel, weights)
    if isinstance(boxes, CannotPack):
        work.verdict = HoldIt((Reason(boxes.code, boxes.note),))
        return
    planned = _numbered(work, boxes)
    acts = [
        Act(
            work.order_id,
            "planned",
            f"{counted(box.units)} in a parcel of {box.parcel.weight_g} g.",
            shipment.id,
            data={"units": {some.line_id: some.quantity for some in box.units}},
        )
        for shipment, box in zip(planned, boxes, strict=True)
    ]
    await desk.write(work, shipments.plan, planned, acts)
    desk.tell(*acts)
    work.shipments += planned


def _numbered(work: Work, boxes: Sequence[PackedParcel]) -> list[Shipment]:
    """Give each parcel its number: the one of a voided label's shipment started afresh, or the next."""
    highest = max((shipment.seq for shipment in work.shipments), default=0)
    afresh = _given_back_and_not_replaced(work)
    planned = []
    for box in boxes:
        if afresh:
            before = afresh.pop(0)
            seq, generation = before.seq, before.generation + 1
        else:
            highest += 1
            seq, generation = highest, 1
        planned.append(
            Shipment(
                id=f"{work.order_id}-{seq}" + (f".{generation}" if generation > 1 else ""),
                order_id=work.order_id,
                seq=seq,
                generation=generation,
                state=ShipmentState.PLANNED,
                units=box.units,
                fingerprint=fingerprint(work.seen, box.units),
                parcel=box.parcel,
            )
        )
    return planned


def _given_back_and_not_replaced(work: Work) -> list[Shipment]:
    """The last generation of each number, where its label was given back or a person let its units go."""
    last = {
        shipment.seq: shipment for shipment in sorted(work.shipments, key=lambda s: (s.seq, s.generation))
    }
    return [shipment for shipment in last.values() if shipment.label and not work.claims(shipment)]
