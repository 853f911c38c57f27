"""Where a parcel is, in one vocabulary for all providers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TrackerState(StrEnum):
    """Where a parcel is, in one vocabulary for all providers."""

    UNKNOWN = "unknown"
    PRE_TRANSIT = "pre_transit"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    READY_FOR_PICKUP = "ready_for_pickup"
    DELIVERED = "delivered"
    RETURNED = "returned"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Tracking:
    """Where a parcel is. `note` has the carrier's own words about it, "" if there are none.

    `expected_at` is when the carrier expects to deliver it, in seconds since 1970 UTC, if it says so.
    """

    state: TrackerState = TrackerState.UNKNOWN
    note: str = ""
    expected_at: float | None = None


# What a tracker says that knows nothing, and what is known before it is asked.
NO_NEWS = Tracking()
