"""Time, handed in: steps and duties never ask the operating system themselves."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What time it is, two ways, and how to wait."""

    def now(self) -> float:
        """Wall clock, seconds since 1970 UTC. May jump; good for records and for what people read."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start that never run backwards; good for waiting and for leases."""

    async def sleep(self, seconds: float) -> None:
        """Let others work for this long."""


# Unlike the monotonic clock, Linux's boot clock continues while the machine is suspended: a daemon that
# was suspended did not hold its leases meanwhile.
_RUNNING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The operating system's clock."""

    def now(self) -> float:
        """Seconds since 1970 UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since the machine was started."""
        return time.clock_gettime(_RUNNING)

    async def sleep(self, seconds: float) -> None:
        """Sleep on the event loop."""
        await asyncio.sleep(seconds)
