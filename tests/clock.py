"""Clocks that move only when a test moves them."""

from __future__ import annotations

import asyncio
import heapq
import itertools

START = 1_800_000_000.0


class ManualClock:
    """Time moves only in `advance`, which wakes the sleepers in order."""

    def __init__(self) -> None:
        self._now = START
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + max(0.0, seconds), next(self._order), wake))
        await wake

    async def advance(self, seconds: float) -> None:
        end = self._now + seconds
        await let_tasks_run()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)
            await let_tasks_run()
        self._now = end


async def let_tasks_run() -> None:
    """Let every task that is ready run."""
    for _ in range(12):
        await asyncio.sleep(0)


class StillClock:
    """A clock that shows `time`; a sleep moves it at once."""

    def __init__(self, now: float) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
