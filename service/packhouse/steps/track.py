"""track: ask the provider now and then where the parcels are, until they are delivered."""

from __future__ import annotations

from packhouse.errors import ProviderError
from packhouse.model.journal import Entry
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.providers.port import TrackerState, Tracking
from packhouse.steps.context import Context, OrderJob

# A tracker has no news of a parcel after this long.
_TRACK_FOR_S = 45 * 86_400.0


async def track(context: Context, job: OrderJob) -> None:
    """Read the trackers of what was shipped in an earlier pass, and set the time of the next check."""
    every = context.settings.poll.track_interval_s
    if not every:
        return
    now = context.clock.now()
    for shipment in job.in_state(ShipmentState.FULFILLED):
        label = shipment.label
        if label is None or now - label.bought_at > _TRACK_FOR_S:
            continue
        if job.lease.phase is OrderPhase.SHIPPED and now - label.bought_at >= every:
            try:
                tracking = await context.provider(label.provider).track(label)
            except ProviderError as error:
                context.log.warning("track_failed", shipment_id=shipment.id, error=str(error))
                tracking = Tracking()
            if tracking.state is TrackerState.DELIVERED:
                entry = Entry(job.order_id, "delivered", "The carrier delivered the parcel.", shipment.id)
                await context.move(job, shipment, ShipmentState.DELIVERED, entry)
                continue
        job.recheck_at(now + every)
