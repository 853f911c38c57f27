"""Slows strangers while the event loop is late: a connection waits before its next request is read.

Only kept connections are slowed, after their response, and never one whose request was proven good. So a
flood over kept connections takes the time that is left, and not the time of deliveries and health.
"""

from __future__ import annotations

# A turn of the event loop may take so long; beyond it, strangers are slowed.
_LATE_S = 0.05
# The shortest and the longest time from one stranger's request to the next one's, over all connections.
_LEAST_S = 0.0001
_MOST_S = 0.01
# No connection waits longer: it may be that of a proxy, with good requests behind the bad ones.
_LONGEST_S = 1.0


class Pacer:
    """Adapts the pace to the lateness of the event loop: quickly slower, gradually faster again."""

    def __init__(self) -> None:
        self._interval_s = 0.0
        self._next_at = 0.0

    def note_lateness(self, late_s: float) -> None:
        """Note how late the event loop was; called at a regular interval."""
        if late_s > _LATE_S:
            self._interval_s = min(max(self._interval_s * 1.5, _LEAST_S), _MOST_S)
        else:
            self._interval_s *= 0.9
            if self._interval_s < _LEAST_S:
                self._interval_s = 0.0

    def wait_s(self, now: float) -> float:
        """How long the connection of a stranger waits after its response; 0 unless the loop is late."""
        if not self._interval_s:
            return 0.0
        self._next_at = min(max(self._next_at, now) + self._interval_s, now + _LONGEST_S)
        return self._next_at - now
