"""Counts refusals and logs each kind at most once a second, so that a flood does not fill the log."""

from __future__ import annotations

from packhouse.clock import Clock

_INTERVAL_S = 1.0


class SparseLog:
    """For each kind, how many there were since its last line. Kinds come from a closed set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._unlogged: dict[str, int] = {}
        self._logged_at: dict[str, float] = {}

    def due(self, kind: str) -> int:
        """Count one. Returns how many a line must now report; 0 if no line is due."""
        count = self._unlogged.get(kind, 0) + 1
        now = self._clock.monotonic()
        if now - self._logged_at.get(kind, -_INTERVAL_S) < _INTERVAL_S:
            self._unlogged[kind] = count
            return 0
        self._logged_at[kind] = now
        self._unlogged[kind] = 0
        return count
