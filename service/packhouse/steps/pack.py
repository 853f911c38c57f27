"""pack: turn the units that may ship into parcels, and plan a shipment for each."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.config.guard import GuardSettings
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.order import counted
from packhouse.model.parcel import PackedParcel
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.packing.boxes import CannotPack
from packhouse.packing.boxes import pack as fill_boxes
from packhouse.rules.changes import fingerprint
from packhouse.rules.customs import Incomplete
from packhouse.rules.decision import NeedsHold, Reason, Ship
from packhouse.steps import customs
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.limits import most_parcels

_ENDED = (ShipmentState.CANCELLED, ShipmentState.VOIDED)


async def pack(context: Context, job: OrderJob) -> None:
    """Plan shipments for the units of a `Ship` decision; if they cannot be packed, it becomes `NeedsHold`."""
    if not isinstance(job.decision, Ship):
        return
    settings = context.settings
    weights = await context.products.weights_g(job.order)
    there = sum(1 for shipment in job.shipments if shipment.state not in _ENDED)
    most = most_parcels(context, job)
    boxes = fill_boxes(
        job.order, job.decision.units, settings.products, settings.parcel, weights, max(0, most - there)
    )
    if isinstance(boxes, CannotPack):
        job.decision = NeedsHold((Reason(boxes.code, _explained(boxes, there, most, settings.guard)),))
        return
    if why := await _customs_missing(context, job, boxes):
        job.decision = NeedsHold((Reason(HoldCode.CUSTOMS_INCOMPLETE, why),))
        return
    planned = _numbered(job, boxes)
    entries = [
        Entry(
            job.order_id,
            "planned",
            f"{counted(box.units)} in a parcel of {box.parcel.weight_g} g.",
            shipment.id,
            data={"units": {some.line_id: some.quantity for some in box.units}},
        )
        for shipment, box in zip(planned, boxes, strict=True)
    ]
    await context.plan(job, planned, entries)


def _explained(cannot: CannotPack, there: int, most: int, limits: GuardSettings) -> str:
    """Why the units cannot be packed; of too many parcels, also the limit."""
    if cannot.code is not HoldCode.TOO_MANY_PARCELS:
        return cannot.note
    also = f", and the order has {there} already" if there else ""
    if most > limits.max_parcels:
        return f"{cannot.note}{also}; Packhouse plans {most} at most, even after a release"
    return f"{cannot.note}{also}; guard.max_parcels is {most}"


async def _customs_missing(context: Context, job: OrderJob, boxes: Sequence[PackedParcel]) -> str:
    """Why a parcel that leaves the customs area cannot be declared; "" if none has to be, or all can."""
    planned = [some for box in boxes for some in box.units]
    for box in boxes:
        declared = await customs.declare(context, job, box.units, box.parcel.weight_g, planned)
        if isinstance(declared, Incomplete):
            return str(declared)
    return ""


def _numbered(job: OrderJob, boxes: Sequence[PackedParcel]) -> list[Shipment]:
    """Give each parcel a new number, or that of a shipment whose label was voided, in the next generation."""
    highest = max((shipment.seq for shipment in job.shipments), default=0)
    replaceable = _voided_and_not_replaced(job)
    planned = []
    for box in boxes:
        if replaceable:
            before = replaceable.pop(0)
            seq, generation = before.seq, before.generation + 1
        else:
            highest += 1
            seq, generation = highest, 1
        planned.append(
            Shipment(
                id=f"{job.order_id}-{seq}" + (f".{generation}" if generation > 1 else ""),
                order_id=job.order_id,
                seq=seq,
                generation=generation,
                state=ShipmentState.PLANNED,
                units=box.units,
                fingerprint=fingerprint(job.order, box.units),
                parcel=box.parcel,
            )
        )
    return planned


def _voided_and_not_replaced(job: OrderJob) -> list[Shipment]:
    """The last generation of each number, if its label was voided or an operator has freed its units."""
    last = {shipment.seq: shipment for shipment in sorted(job.shipments, key=lambda s: (s.seq, s.generation))}
    return [
        shipment
        for shipment in last.values()
        if shipment.units and shipment.label and not job.reserves_units(shipment)
    ]
