"""announce: notify the sinks of each posted shipment. A sink that fails never blocks a shipment."""

from __future__ import annotations

from functools import partial

from packhouse.ledger import shipments
from packhouse.model.label import LabelFormat
from packhouse.model.states import ShipmentState
from packhouse.sinks.port import Announcement
from packhouse.steps.context import Context, OrderJob


async def announce(context: Context, job: OrderJob) -> None:
    """Announce each posted shipment that has not been announced yet."""
    for shipment in job.in_state(ShipmentState.FULFILLED):
        if shipment.announced_at is not None:
            continue
        label = shipment.label
        file = None
        if label and label.document and label.document_format not in (None, LabelFormat.RAW):
            file = context.documents.path(label.document, label.document_format)
        for sink in context.sinks:
            try:
                await sink.announce(Announcement(shipment, file))
            except Exception as error:  # noqa: BLE001 - a printer out of paper must not stop a shop
                context.log.warning(
                    "announce_failed", sink=sink.name, shipment_id=shipment.id, error=str(error)
                )
        now = context.clock.now()
        job.deferred.append(partial(shipments.mark_announced, shipment_id=shipment.id, at=now))
        job.update(shipment, announced_at=now)
