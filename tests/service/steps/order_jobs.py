"""Orders of one line and their shipments, written to the ledger without their way through the steps."""

from __future__ import annotations

from dataclasses import replace

from packhouse.model.order import Line, Units
from packhouse.model.parcel import Parcel
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.rules.changes import fingerprint
from packhouse.steps.context import OrderJob
from tests.service.harness import Harness
from tests.service.steps.restored_orders import NUMBER, claimed, labeled

_S = ShipmentState


async def order_of(harness: Harness, quantity: int) -> OrderJob:
    """An order of so many units of one line, with nothing planned."""
    job = await claimed(harness)
    job.restored_at = 0.0
    line = Line("li_1", name="Tea", quantity=quantity, is_digital=False)
    job.fetched = replace(job.order, lines=(line,), fulfillments=())
    return job


async def plan(harness: Harness, job: OrderJob, *to: ShipmentState, quantity: int = 1) -> Shipment:
    """A shipment of so many units, moved through these states."""
    seq, units = len(job.shipments) + 1, (Units("li_1", quantity),)
    parcel, hash_ = Parcel(500, 10, 10, 10), fingerprint(job.order, units)
    shipment = Shipment(f"{job.order_id}-{seq}", job.order_id, seq, _S.PLANNED, units, 1, hash_, parcel)
    await harness.context.plan(job, [shipment], [])
    for state in to:
        if state is _S.LABELED:
            shipment = await labeled(harness, job, shipment, tracking_number=f"{NUMBER}{seq}")
        else:
            shipment = await harness.context.move(job, shipment, state)
    return shipment
