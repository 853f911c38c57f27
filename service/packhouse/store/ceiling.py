"""The highest rate of calls to the store that the settings allow, whatever the store does."""

from __future__ import annotations

from collections import deque

_LARGEST_BURST = 5.0


class Ceiling:
    """Starts at most `calls_per_s` calls in any second, evenly; 0 means any number.

    After a time without calls a few may start at once. They are made up for by a wait after them. A fraction
    holds on average: 2.5 means 2 calls in any 0.8 s.
    """

    def __init__(self, calls_per_s: float) -> None:
        self.calls_per_s = calls_per_s
        calls = max(1, int(calls_per_s))
        self._window_s = calls / calls_per_s if calls_per_s else 0.0
        self._starts: deque[float] = deque(maxlen=calls)
        self._burst = min(_LARGEST_BURST, float(calls))
        self._credit = self._burst - 1
        self._next_at = 0.0

    def wait_s(self, now: float) -> float:
        """How long a call has to wait that would start now, in seconds."""
        if not self.calls_per_s:
            return 0.0
        next_at = self._next_at if self._credit < 1 else now
        if len(self._starts) == self._starts.maxlen:
            next_at = max(next_at, self._starts[0] + self._window_s)
        return max(0.0, next_at - now)

    def start(self, now: float) -> None:
        """A call starts now."""
        if not self.calls_per_s:
            return
        self._starts.append(now)
        if now >= self._next_at:
            self._credit = min(self._burst - 1, self._credit + (now - self._next_at) * self.calls_per_s)
        else:
            self._credit -= 1
        self._next_at = max(self._next_at, now) + 1 / self.calls_per_s
