"""track: ask the provider now and then where the parcels are, until they are delivered.

A parcel that comes back or fails places a hold, so that people learn of it; the hold stops nothing else.
"""

from __future__ import annotations

from packhouse.errors import ProviderError
from packhouse.model.hold import HoldCode
from packhouse.model.hold_kind import End
from packhouse.model.journal import Entry
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.providers.port import TrackerState, Tracking
from packhouse.steps.context import Context, OrderJob

# A tracker has no news of a parcel after this long.
_TRACK_FOR_S = 45 * 86_400.0

_PROBLEMS = {
    TrackerState.RETURNED: HoldCode.PARCEL_RETURNED,
    TrackerState.FAILURE: HoldCode.PARCEL_FAILED,
}
_MOVING = (TrackerState.IN_TRANSIT, TrackerState.OUT_FOR_DELIVERY, TrackerState.READY_FOR_PICKUP)
_DELIVERED = "The carrier delivered the parcel."


async def track(context: Context, job: OrderJob) -> None:
    """Read the trackers of what was posted, and set the time of the next check."""
    every = context.settings.poll.track_interval_s
    if not every:
        return
    now = context.clock.now()
    for shipment in job.in_state(ShipmentState.FULFILLED):
        label = shipment.label
        if label is None or now - label.bought_at > _TRACK_FOR_S:
            continue
        wait_s = _wait_s(context, label, every)
        # An order that is woken early, or that waits on a hold, must not ask each time.
        if wait_s <= every / 4:
            context.tracked[label.id] = context.clock.monotonic()
            await _record(context, job, shipment, label, await _ask(context, shipment, label))
            wait_s = every
        if shipment in job.shipments:  # it is not delivered
            job.recheck_at(now + wait_s)


def _wait_s(context: Context, label: Label, every: float) -> float:
    """Seconds until so long has passed since the purchase, or since this process last asked."""
    asked_at = context.tracked.get(label.id)
    if asked_at is None:
        return label.bought_at + every - context.clock.now()
    return asked_at + every - context.clock.monotonic()


async def _ask(context: Context, shipment: Shipment, label: Label) -> Tracking:
    try:
        return await context.provider(label.provider).track(label)
    except ProviderError as error:
        context.log.warning("track_failed", shipment_id=shipment.id, error=str(error))
        return Tracking()


async def _record(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, tracking: Tracking
) -> None:
    """Record a delivery; place a hold for a parcel that comes back or fails, and end one that it belies."""
    code = _PROBLEMS.get(tracking.state)
    if tracking.state is TrackerState.DELIVERED:
        await _release(context, job, shipment, (End.DELIVERED, End.PARCEL_MOVES), _DELIVERED)
        context.tracked.pop(label.id, None)
        context.metrics.parcel(label.provider, "delivered")
        entry = Entry(job.order_id, "delivered", _DELIVERED, shipment.id)
        await context.move(job, shipment, ShipmentState.DELIVERED, entry)
    elif tracking.state in _MOVING:
        await _release(context, job, shipment, (End.PARCEL_MOVES,), "The carrier carries the parcel on.")
    elif code is not None and not _is_known(context, job, shipment, code):
        context.metrics.parcel(label.provider, tracking.state.value)
        note = f"{label.carrier} {label.tracking_number}: {tracking.note or tracking.state.value}"
        await context.hold(job, code, note, shipment=shipment)


def _is_known(context: Context, job: OrderJob, shipment: Shipment, code: HoldCode) -> bool:
    """Whether people know of this: the hold is active, or an operator has released it."""
    is_active = any((one.code, one.shipment_id) == (code, shipment.id) for one in job.active_holds())
    return is_active or context.is_waived(job, code, shipment)


async def _release(
    context: Context, job: OrderJob, shipment: Shipment, ends: tuple[End, ...], why: str
) -> None:
    ended = [
        one
        for one in job.active_holds()
        if one.shipment_id == shipment.id and any(end in one.kind.ends for end in ends)
    ]
    if ended:
        await context.release(job, ended, why)
