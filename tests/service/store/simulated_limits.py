"""Stores that limit calls in several ways, and a run of many callers against one in virtual time."""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from dataclasses import dataclass, field

from packhouse.store.rate import Rate


class TokenBucket:
    """Allows `capacity` calls at once, and `rate` a second on average."""

    def __init__(self, rate: float, capacity: float | None = None) -> None:
        self.rate, self.capacity = rate, max(1.0, rate if capacity is None else capacity)
        self.tokens, self.at = self.capacity, 0.0

    def allows(self, now: float) -> bool:
        self.tokens = min(self.capacity, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens >= 1 - 1e-9:
            self.tokens -= 1
            return True
        return False

    def wait_s(self, now: float) -> float:
        return (1 - self.tokens) / self.rate


class FixedWindow:
    """Allows `count` calls in each window of the clock."""

    def __init__(self, rate: float, window_s: float = 1.0) -> None:
        self.window_s = max(window_s, 1 / rate)
        self.count = int(rate * self.window_s + 1e-9)
        self.rate = self.count / self.window_s
        self.window, self.used = -1, 0

    def allows(self, now: float) -> bool:
        window = int(now / self.window_s)
        if window != self.window:
            self.window, self.used = window, 0
        if self.used < self.count:
            self.used += 1
            return True
        return False

    def wait_s(self, now: float) -> float:
        return (self.window + 1) * self.window_s - now


class SlidingWindow:
    """Allows `count` calls in any time of the window's length."""

    def __init__(self, rate: float, window_s: float = 1.0) -> None:
        self.window_s = max(window_s, 1 / rate)
        self.count = int(rate * self.window_s + 1e-9)
        self.rate = self.count / self.window_s
        self.calls: deque[float] = deque()

    def allows(self, now: float) -> bool:
        while self.calls and self.calls[0] <= now - self.window_s + 1e-9:
            self.calls.popleft()
        if len(self.calls) < self.count:
            self.calls.append(now)
            return True
        return False

    def wait_s(self, now: float) -> float:
        return self.calls[0] + self.window_s - now


class NoLimit:
    rate = math.inf

    def allows(self, now: float) -> bool:
        return True

    def wait_s(self, now: float) -> float:
        return 0.0


Limit = TokenBucket | FixedWindow | SlidingWindow | NoLimit


@dataclass
class Run:
    """What happened: when calls were accepted, and when refused."""

    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def share(self, start: float, end: float, rate: float) -> float:
        return sum(start <= at < end for at in self.accepted) / (rate * (end - start))

    def refusals(self, start: float, end: float = math.inf) -> int:
        return sum(start <= at < end for at in self.refused)


def run(
    limit: Limit,
    *,
    seconds: float,
    callers: int = 16,
    latency_s: float = 0.05,
    jitter: float = 0.1,
    retry_after: str = "",
    rate: Rate | None = None,
    changes: tuple[tuple[float, Limit], ...] = (),
    demand: tuple[tuple[float, float], ...] = (),
    lateness_s: float = 0.002,
    stall_every_s: float = math.inf,
    seed: int = 1,
    calls: int | None = None,
) -> Run:
    """`callers` call one after the other without a rest, for so many seconds, or as long as `demand` says:
    spans with callers. One at a time waits for its turn, as in `RateLimiter`. `retry_after`: "" for none,
    "exact", or "seconds": rounded up as HTTP has it. About every `stall_every_s` the process does nothing
    for 0.1 to 2 s, and its answers wait.
    """
    rate = rate or Rate()
    chance = random.Random(seed)
    found = Run()
    at = 1000.0
    idle: int = callers
    answers: list[tuple[float, int, float, bool, bool, float | None]] = []
    number = 0
    waited = False
    end = at + seconds
    pending = [(at + moment, one) for moment, one in changes]
    left = math.inf if calls is None else calls
    stalls_at = at + chance.uniform(0.5, 1.5) * stall_every_s if stall_every_s < math.inf else math.inf

    def is_wanted(now: float) -> bool:
        return left > 0 and (not demand or any(a <= now - 1000.0 < b for a, b in demand))

    while at < end and (left > 0 or answers):
        if at >= stalls_at:
            at += chance.uniform(0.1, 2.0)
            stalls_at = at + chance.uniform(0.5, 1.5) * stall_every_s
        while pending and pending[0][0] <= at:
            limit = pending.pop(0)[1]
        while answers and answers[0][0] <= at:
            _, _, started, pressed, is_accepted, wait_s = heapq.heappop(answers)
            idle += 1
            if is_accepted:
                rate.answered(at, started=started, pressed=pressed)
            else:
                rate.refused(at, started=started, pressed=pressed, retry_after_s=wait_s)
        upcoming = answers[0][0] if answers else math.inf
        if not idle or not is_wanted(at):
            waited = False
            later = [at_ + 1000.0 for at_, _ in demand if at_ + 1000.0 > at]
            at = min(upcoming, *(later or [math.inf]), end)
            continue
        wait, pressed = rate.take(at, waited=waited)
        if wait > 0:
            waited = True
            # Answers that come meanwhile are handled first; the waiting caller then asks again.
            at = min(at + wait + chance.uniform(0, lateness_s), upcoming) if upcoming > at else at + wait
            continue
        waited = False
        idle -= 1
        left -= 1
        delay = latency_s * (1 + jitter * chance.uniform(-1, 1))
        arrives = at + delay / 2
        number += 1
        heapq.heappush(answers, (at + delay, number, at, pressed, *_ask(limit, arrives, retry_after, found)))
    return found


def _ask(limit: Limit, arrives: float, retry_after: str, found: Run) -> tuple[bool, float | None]:
    moment = arrives - 1000.0
    if limit.allows(moment):
        found.accepted.append(moment)
        return True, None
    found.refused.append(moment)
    wait_s = limit.wait_s(moment)
    given = {"": None, "exact": wait_s, "seconds": float(max(1, math.ceil(wait_s)))}[retry_after]
    return False, given
