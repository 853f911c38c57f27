"""Our own limit on calls to the store, which publishes no limits."""

from __future__ import annotations

from collections import deque

from packhouse.clock import Clock


class RateLimiter:
    """Starts at most `rate_limit_per_s` calls in any second, in the order of the callers; 0 means no limit.

    Calls up to the limit start at once. A fraction holds on average: 2.5 means 2 calls in any 0.8 s.
    """

    def __init__(self, rate_limit_per_s: float, clock: Clock) -> None:
        self._clock = clock
        self._calls = max(1, int(rate_limit_per_s))
        self._window_s = self._calls / rate_limit_per_s if rate_limit_per_s > 0 else 0.0
        self._starts: deque[float] = deque(maxlen=self._calls)

    async def turn(self) -> None:
        """Return when this call may start. Callers keep their order."""
        if not self._window_s:
            return
        now = self._clock.monotonic()
        start = now
        if len(self._starts) == self._calls:
            start = max(now, self._starts[0] + self._window_s)
        self._starts.append(start)
        if start > now:
            await self._clock.sleep(start - now)
