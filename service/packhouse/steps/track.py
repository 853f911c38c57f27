"""track: have the trackers of what was posted asked, and act on what they said of the order's parcels.

worker/tracking.py asks them, for many orders at once, and wakes an order whose parcel has news. A parcel that
comes back or fails places a hold, so that people learn of it; the hold stops nothing else.
"""

from __future__ import annotations

from functools import partial

from packhouse.ledger import tracking as records
from packhouse.model.hold import HoldCode
from packhouse.model.hold_kind import End
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.providers.manual import ManualProvider
from packhouse.providers.port import TrackerState
from packhouse.rules.tracking_schedule import MOVING, next_look
from packhouse.steps.context import Context, OrderJob

_PROBLEMS = {
    TrackerState.RETURNED: HoldCode.PARCEL_RETURNED,
    TrackerState.FAILURE: HoldCode.PARCEL_FAILED,
}


async def track(context: Context, job: OrderJob) -> None:
    """Set when the trackers of posted parcels are asked first, and act on what they said last."""
    if not context.settings.poll.track_interval_s:
        return
    for shipment in job.in_state(ShipmentState.FULFILLED):
        label = shipment.label
        if label is None or label.provider == ManualProvider.account:
            continue
        if label.track_due_at is None:
            _begin(context, job, shipment, label)
        await _act(context, job, shipment, label)


def _begin(context: Context, job: OrderJob, shipment: Shipment, label: Label) -> None:
    """Have the label's tracker asked, unless it is too old to have news."""
    days = shipment.rate.days if shipment.rate else None
    due_at = next_look(label, context.clock.now(), context.settings.poll.track_interval_s, days)
    if due_at is not None:
        job.deferred.append(partial(records.begin, label_id=label.id, due_at=due_at))


async def _act(context: Context, job: OrderJob, shipment: Shipment, label: Label) -> None:
    """Record a delivery; place a hold for a parcel that comes back or fails, and end one that it belies."""
    state = label.tracking.state
    code = _PROBLEMS.get(state)
    if state is TrackerState.DELIVERED:
        await _release(context, job, shipment, (End.DELIVERED, End.PARCEL_MOVES), records.DELIVERED)
        context.metrics.parcel(label.provider, "delivered")
        await context.move(job, shipment, ShipmentState.DELIVERED, records.delivery(shipment))
    elif state in MOVING:
        await _release(context, job, shipment, (End.PARCEL_MOVES,), "The carrier carries the parcel on.")
    elif code is not None and not _is_known(context, job, shipment, code):
        context.metrics.parcel(label.provider, state.value)
        note = f"{label.carrier} {label.tracking_number}: {label.tracking.note or state.value}"
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
