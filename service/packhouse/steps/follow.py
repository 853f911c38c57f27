"""follow: ask the carrier where the parcels are, now and then, until they have arrived."""

from __future__ import annotations

from packhouse.carriers.port import TrackerState
from packhouse.errors import CarrierError
from packhouse.ledger import shipments
from packhouse.model.journal import Act
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.steps.desk import Desk, Work

# Nobody expects news of a parcel after this long.
_FOLLOW_FOR_S = 45 * 86_400.0


async def follow(desk: Desk, work: Work) -> None:
    """Look at the trackers of what was shipped in an earlier pass, and say when to look again."""
    every = desk.settings.poll.track_s
    if not every:
        return
    now = desk.clock.now()
    for shipment in work.in_state(ShipmentState.FULFILLED):
        label = shipment.label
        if label is None or now - label.bought_at > _FOLLOW_FOR_S:
            continue
        if work.lease.phase is OrderPhase.SHIPPED and now - label.bought_at >= every:
            try:
                state = await desk.adapter(label.adapter).track(label)
            except CarrierError as error:
                desk.log.warning("track_failed", shipment_id=shipment.id, error=str(error))
                state = TrackerState.UNKNOWN
            if state is TrackerState.DELIVERED:
                act = Act(work.order_id, "delivered", "The carrier says it has arrived.", shipment.id)
                await desk.write(work, shipments.move, shipment, ShipmentState.DELIVERED, (act,))
                desk.tell(act)
                work.update(shipment, state=ShipmentState.DELIVERED)
                continue
        work.look_again_at(now + every)
