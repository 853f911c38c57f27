"""A clock for tests that need no time to pass by itself."""

from __future__ import annotations


class StillClock:
    """A clock that stands still until a test moves it or something sleeps."""

    def __init__(self, now: float) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
