"""announce: tell the sinks of each posted shipment. It never blocks one."""

from __future__ import annotations

from functools import partial

from packhouse.ledger import shipments
from packhouse.model.states import ShipmentState
from packhouse.sinks.port import Announcement
from packhouse.steps.desk import Desk, Work


async def announce(desk: Desk, work: Work) -> None:
    """Announce what was posted and has not been announced yet."""
    for shipment in work.in_state(ShipmentState.FULFILLED):
        if shipment.announced_at is not None:
            continue
        label = shipment.label
        file = None
        if label and label.document and label.document_format:
            file = desk.shelf.path(label.document, label.document_format)
        for sink in desk.sinks:
            try:
                await sink.announce(Announcement(shipment, file))
            except Exception as error:  # noqa: BLE001 - a printer out of paper must not stop a shop
                desk.log.warning("announce_failed", sink=sink.name, shipment_id=shipment.id, error=str(error))
        now = desk.clock.now()
        work.deferred.append(partial(shipments.announced, now=now, shipment_id=shipment.id))
        work.update(shipment, announced_at=now)
