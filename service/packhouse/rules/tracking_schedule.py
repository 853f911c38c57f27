"""When the tracker of a posted parcel is asked, and which of its answers need the order's steps. Pure.

Every wait is a multiple of `poll.track_interval_s`: a parcel that is about to arrive is asked about often,
one that is young or quiet rarely. After 45 days no tracker has news.
"""

from __future__ import annotations

import zlib

from packhouse.model.label import Label
from packhouse.model.tracking import TrackerState, Tracking

_S = TrackerState
_DAY_S = 86_400.0
_TRACKED_FOR_S = 45 * _DAY_S
_LONGEST = 12.0

# In intervals. A parcel without its first scan, or that waits to be picked up, is asked about rarely.
_WAITS = {
    _S.UNKNOWN: 4.0,
    _S.PRE_TRANSIT: 4.0,
    _S.IN_TRANSIT: 1.0,
    _S.OUT_FOR_DELIVERY: 1 / 6,
    _S.READY_FOR_PICKUP: 2.0,
    _S.RETURNED: 2.0,
    _S.FAILURE: 2.0,
}
_PROBLEMS = (_S.RETURNED, _S.FAILURE)
MOVING = (_S.IN_TRANSIT, _S.OUT_FOR_DELIVERY, _S.READY_FOR_PICKUP)


def next_look(label: Label, now: float, every_s: float, days: int | None = None) -> float | None:
    """When a posted label's tracker is asked next, in seconds since 1970 UTC; None: never again.

    `every_s` is `poll.track_interval_s`, `days` how long the carrier's service promised to take.
    """
    ends_at = label.bought_at + _TRACKED_FOR_S
    if not every_s or now >= ends_at or label.tracking.state is _S.DELIVERED:
        return None
    # A label's own share keeps the labels of one morning apart, at each look.
    share = 0.9 + 0.2 * (zlib.crc32(label.id.encode()) / 2**32)
    return min(now + _intervals(label, now, days) * every_s * share, ends_at)


def longest_wait_s(every_s: float) -> float:
    """Longer than any tracker waits by design: one that is due later was set by a clock that ran ahead."""
    return 2 * _LONGEST * every_s


def _intervals(label: Label, now: float, days: int | None) -> float:
    state = label.tracking.state
    changed_at = label.bought_at if label.tracking_changed_at is None else label.tracking_changed_at
    quiet_s = now - changed_at
    if quiet_s > 14 * _DAY_S:
        return _LONGEST
    if quiet_s > 4 * _DAY_S:
        return _WAITS[_S.UNKNOWN]
    expected_at = _expected_at(label, days)
    if state is _S.OUT_FOR_DELIVERY and quiet_s > _DAY_S:
        return _WAITS[_S.IN_TRANSIT]  # it was not delivered that day
    if state is _S.IN_TRANSIT and expected_at is not None:
        early_s = expected_at - now
        if early_s > _DAY_S:
            return 2.0
        if early_s > -2 * _DAY_S:
            return 0.5
    return _WAITS[state]


def _expected_at(label: Label, days: int | None) -> float | None:
    """When the parcel should arrive, as its tracker says, or else its service."""
    if label.tracking.expected_at is not None:
        return label.tracking.expected_at
    return None if days is None else label.bought_at + days * _DAY_S


def is_news(known: Tracking, reported: Tracking) -> bool:
    """Whether a tracker says something new. One that knows nothing, or nothing any more, has no news."""
    if reported.state is _S.UNKNOWN or reported.state is known.state:
        return False
    return reported.state is not _S.PRE_TRANSIT or known.state is _S.UNKNOWN


def needs_step(known: Tracking, reported: Tracking) -> bool:
    """Whether news of a parcel changes its order: its end, trouble, or the end of trouble."""
    if reported.state is _S.DELIVERED or reported.state in _PROBLEMS:
        return True
    return reported.state in MOVING and known.state in _PROBLEMS
