"""Reads EasyPost's trackers: where a parcel is, and the carrier's words about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from packhouse.model.label import Label
from packhouse.model.tracking_number import canonical
from packhouse.providers import rest
from packhouse.providers.port import TrackerState, Tracking

_STATES = {
    "pre_transit": TrackerState.PRE_TRANSIT,
    "in_transit": TrackerState.IN_TRANSIT,
    "out_for_delivery": TrackerState.OUT_FOR_DELIVERY,
    "available_for_pickup": TrackerState.READY_FOR_PICKUP,
    "delivered": TrackerState.DELIVERED,
    "return_to_sender": TrackerState.RETURNED,
    "failure": TrackerState.FAILURE,
    "cancelled": TrackerState.FAILURE,
    "error": TrackerState.FAILURE,
}
# Details that say more than the status next to them.
_RETURNING = frozenset({"return", "returned", "return_to_sender"})
_LOST = frozenset({"lost", "damaged", "refused", "destroyed"})
_TO_SENDER = ("original sender", "return to sender", "returned to sender", "returned to shipper")
_SCANNED = frozenset(
    {
        TrackerState.IN_TRANSIT,
        TrackerState.OUT_FOR_DELIVERY,
        TrackerState.READY_FOR_PICKUP,
        TrackerState.DELIVERED,
        TrackerState.RETURNED,
    }
)
_MAX_NOTE = 300


def read_tracking(shipment: Mapping[str, Any]) -> Tracking:
    """Where the shipment's parcel is. The note has the status, its detail and the carrier's last message."""
    return _read(rest.mapping(shipment.get("tracker")), _word(shipment.get("status")))


def read_trackers(answer: Mapping[str, Any], labels: Sequence[Label]) -> dict[str, Tracking]:
    """Where the parcels of these labels are, by the label's id, from a list of trackers.

    A tracker names its shipment. One of the same number that names none may be the label's; one that names
    another shipment is that of an earlier parcel with the same number.
    """
    by_shipment: dict[str, Tracking] = {}
    by_number: dict[str, Tracking] = {}
    for tracker in map(rest.mapping, rest.items(answer.get("trackers"))):
        reported = _read(tracker)
        if shipment_id := rest.text(tracker.get("shipment_id")):
            by_shipment.setdefault(shipment_id, reported)
        elif number := canonical(rest.text(tracker.get("tracking_code"))):
            by_number.setdefault(number, reported)
    found: dict[str, Tracking] = {}
    for label in labels:
        known = by_shipment.get(label.provider_id) or by_number.get(canonical(label.tracking_number))
        if known:
            found[label.id] = known
    return found


def _read(tracker: Mapping[str, Any], shipment_status: str = "") -> Tracking:
    status = _word(tracker.get("status"))
    if status in ("", "unknown"):
        status = shipment_status or status
    detail, last = _word(tracker.get("status_detail")), _last(tracker.get("tracking_details"))
    message = rest.reason_of(last.get("message"), last.get("description"))
    state = _STATES.get(status, TrackerState.UNKNOWN)
    is_delivered = state is TrackerState.DELIVERED
    if detail in _RETURNING or (is_delivered and any(word in message.lower() for word in _TO_SENDER)):
        state = TrackerState.RETURNED
    elif detail in _LOST and not is_delivered:
        state = TrackerState.FAILURE
    place = _place(rest.mapping(last.get("tracking_location"))) if message else ""
    words = dict.fromkeys((status, detail, message, place))
    note = "; ".join(word for word in words if word not in ("", "status_update", "unknown"))
    return Tracking(state, rest.shorten(note, _MAX_NOTE), _time(tracker.get("est_delivery_date")))


def was_scanned(shipment: Mapping[str, Any]) -> bool:
    """Whether the carrier has handled the parcel: its label is used."""
    return read_tracking(shipment).state in _SCANNED


def _word(value: Any) -> str:
    return rest.text(value).lower().replace("-", "_").replace(" ", "_")


def _time(value: Any) -> float | None:
    """Seconds since 1970 UTC of a time in ISO 8601; None if there is none that can be read."""
    try:
        at = datetime.fromisoformat(rest.text(value))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _last(details: Any) -> Mapping[str, Any]:
    """The newest scan that has a time, else the last one in the list."""
    rows = [rest.mapping(row) for row in rest.items(details)]
    return max(reversed(rows), key=lambda row: rest.text(row.get("datetime")), default={})


def _place(location: Mapping[str, Any]) -> str:
    return ", ".join(filter(None, (rest.text(location.get(part)) for part in ("city", "state", "country"))))
