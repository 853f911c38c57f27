"""Our own limit on calls, with a clock that moves only when a caller sleeps."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse.store.limiter import RateLimiter


class SleptClock:
    """Time that passes by sleeping. Sleepers wake in the order of their times."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.sleeps = 0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.sleeps += 1


def starts(rate_limit_per_s: float, gaps: list[float], clock: SleptClock | None = None) -> list[float]:
    """When calls start that are made one after the other, each so long after the one before."""
    clock = clock or SleptClock()
    limiter = RateLimiter(rate_limit_per_s, clock)
    found: list[float] = []

    async def make() -> None:
        for gap in gaps:
            clock.time += gap
            await limiter.turn()
            found.append(clock.time)

    asyncio.run(make())
    return found


def test_calls_up_to_the_limit_start_at_once_and_the_next_waits_for_its_second() -> None:
    assert starts(3, [0.0] * 7) == [1000.0] * 3 + [1001.0] * 3 + [1002.0]


def test_a_call_that_may_start_at_once_does_not_sleep() -> None:
    clock = SleptClock()
    assert starts(2, [0.0, 0.0, 1.0, 0.25, 0.5], clock) == [1000.0, 1000.0, 1001.0, 1001.25, 1002.0]
    assert clock.sleeps == 1


def test_a_limit_below_one_a_second_spaces_the_calls() -> None:
    assert starts(0.5, [0.0] * 3) == [1000.0, 1002.0, 1004.0]


def test_zero_means_no_limit() -> None:
    assert starts(0, [0.0] * 1000) == [1000.0] * 1000


def test_calls_slower_than_the_limit_never_wait() -> None:
    assert starts(10, [0.2] * 50) == pytest.approx([1000.0 + 0.2 * n for n in range(1, 51)])


@settings(max_examples=50)
@given(st.integers(1, 20), st.lists(st.floats(0, 2), min_size=1, max_size=80))
def test_no_second_holds_more_calls_than_allowed(rate_limit_per_s: int, gaps: list[float]) -> None:
    found = starts(rate_limit_per_s, gaps)
    for earlier, later in zip(found, found[rate_limit_per_s:], strict=False):
        assert later - earlier >= 1.0 - 1e-6


def test_callers_at_the_same_time_are_let_through_in_their_order() -> None:
    async def run() -> list[int]:
        slept: list[tuple[float, int]] = []

        class Recording(SleptClock):
            async def sleep(self, seconds: float) -> None:
                await asyncio.sleep(0)
                slept.append((seconds, len(slept)))

        limiter = RateLimiter(1, Recording())
        order: list[int] = []

        async def call(number: int) -> None:
            await limiter.turn()
            order.append(number)

        await asyncio.gather(*(call(n) for n in range(5)))
        assert [seconds for seconds, _ in slept] == [1.0, 2.0, 3.0, 4.0]
        return order

    assert asyncio.run(run()) == [0, 1, 2, 3, 4]
