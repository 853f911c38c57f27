"""follow: ask the carrier where the parcels are, now and then, until they have arrived."""

from __future__ import annotations

from packhouse.errors import ProviderError
from packhouse.ledger import shipments
from packhouse.model.journal import Entry
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.providers.port import TrackerState
from packhouse.steps.context import Context, OrderJob

# Nobody expects news of a parcel after this long.
_FOLLOW_FOR_S = 45 * 86_400.0


async def track(context: Context, job: OrderJob) -> None:
    """Look at the trackers of what was shipped in an earlier pass, and say when to look again."""
    every = context.settings.poll.track_interval_s
    if not every:
        return
    now = context.clock.now()
    for shipment in job.in_state(ShipmentState.FULFILLED):
        label = shipment.label
        if label is None or now - label.bought_at > _FOLLOW_FOR_S:
            continue
        if job.lease.phase is OrderPhase.SHIPPED and now - label.bought_at >= every:
            try:
                state = await context.provider(label.provider).track(label)
            except ProviderError as error:
                context.log.warning("track_failed", shipment_id=shipment.id, error=str(error))
                state = TrackerState.UNKNOWN
            if state is TrackerState.DELIVERED:
                act = Entry(job.order_id, "delivered", "The carrier says it has arrived.", shipment.id)
                await context.write(job, shipments.move, shipment, ShipmentState.DELIVERED, (act,))
                context.record(act)
                job.update(shipment, state=ShipmentState.DELIVERED)
                continue
        job.recheck_at(now + every)
