"""The turns of the daemon's calls to the store, at the rate that the store allows (see `rate`)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from packhouse.clock import Clock
from packhouse.errors import StoreThrottled
from packhouse.model.store_limit import LONGEST_CHANGE_WAIT_S, Limit
from packhouse.store.ceiling import Ceiling
from packhouse.store.rate import FOUND
from packhouse.store.rate_file import OwnRate

# A call that would wait longer is refused at once: its order waits in the ledger, and its worker is free.
LONGEST_READ_WAIT_S = 60.0
_MUCH = 0.2  # a found limit that differs by this share from the last one is worth a log line


class Turn(NamedTuple):
    """A call that may start: when, and whether there was more demand than the rate allows."""

    started: float
    pressed: bool


@dataclass(slots=True, eq=False)
class _Waiter:
    arrived: float
    until: float
    is_first: asyncio.Event = field(default_factory=asyncio.Event)


class RateLimiter:
    """Gives calls their turns: changes before reads, and each of them in the order of the callers.

    `ceiling_per_s` is the highest rate whatever the store allows, 0 for none. `found` is called with the
    calls a second when the limit was found, or was found to have changed much.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        ceiling_per_s: float = 0.0,
        rate: OwnRate | None = None,
        found: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._ceiling = Ceiling(ceiling_per_s)
        self._rate = rate or OwnRate()
        self._found = found
        self._reported = 0.0
        self._changes: deque[_Waiter] = deque()
        self._reads: deque[_Waiter] = deque()

    async def turn(self, *, changes: bool = False) -> Turn:
        """Return when this call may start. Raises StoreThrottled where it would wait too long; nothing was
        sent then.
        """
        now = self._clock.monotonic()
        if not self._changes and not self._reads:
            wait_s, pressed = self._take(now, waited=False)
            if not wait_s:
                return Turn(now, pressed)
        longest_s = LONGEST_CHANGE_WAIT_S if changes else LONGEST_READ_WAIT_S
        self._refuse_long_wait(now, changes, longest_s)
        return await self._wait(_Waiter(now, now + longest_s), changes)

    def answered(self, turn: Turn, status: int, retry_after_s: float | None = None) -> None:
        """The store answered the call of this turn with this HTTP status."""
        now = self._clock.monotonic()
        rate = self._rate.begin(now)
        try:
            if status == 429:
                rate.refused(now, started=turn.started, pressed=turn.pressed, retry_after_s=retry_after_s)
            else:
                rate.answered(now, started=turn.started, pressed=turn.pressed)
            found = rate.rate if rate.phase == FOUND else self._reported
        finally:
            self._rate.end()
        if abs(found - self._reported) > _MUCH * self._reported:
            self._reported = found
            self._found(found)

    def limit(self) -> Limit:
        """What calls wait for at this moment."""
        now = self._clock.monotonic()
        rate = self._rate.begin(now)
        allowed = rate.rate if rate.is_known else 0.0
        self._rate.end()
        ceiling = self._ceiling.calls_per_s
        if ceiling:
            allowed = min(allowed or ceiling, ceiling)
        waiters = (*self._changes, *self._reads)
        longest_s = now - min((one.arrived for one in waiters), default=now)
        return Limit(allowed, len(waiters), longest_s)

    def _take(self, now: float, *, waited: bool) -> tuple[float, bool]:
        if wait_s := self._ceiling.wait_s(now):
            return wait_s, False
        rate = self._rate.begin(now)
        try:
            wait_s, pressed = rate.take(now, waited=waited)
        finally:
            self._rate.end()
        if not wait_s:
            self._ceiling.start(now)
        return wait_s, pressed

    def _refuse_long_wait(self, now: float, changes: bool, longest_s: float) -> None:
        rate = self._rate.begin(now)
        pause_s = max(0.0, rate.resumes_at - now)
        self._rate.end()
        if pause_s > longest_s:
            raise _too_long(pause_s)

    async def _wait(self, waiter: _Waiter, changes: bool) -> Turn:
        queue = self._changes if changes else self._reads
        queue.append(waiter)
        try:
            while True:
                if self._first() is not waiter:
                    waiter.is_first.clear()
                    await waiter.is_first.wait()
                    continue
                now = self._clock.monotonic()
                if now >= waiter.until:
                    raise _too_long(now - waiter.arrived)
                wait_s, pressed = self._take(now, waited=True)
                if not wait_s:
                    return Turn(now, pressed)
                await self._clock.sleep(min(wait_s, waiter.until - now))
        finally:
            queue.remove(waiter)
            if first := self._first():
                first.is_first.set()

    def _first(self) -> _Waiter | None:
        return next(iter(self._changes or self._reads), None)


def _too_long(seconds: float) -> StoreThrottled:
    return StoreThrottled(
        f"The store limits the rate of calls: the turn of this one would come in more than {seconds:.0f} s. "
        "Nothing was sent.",
        retry_after_s=seconds,
    )
