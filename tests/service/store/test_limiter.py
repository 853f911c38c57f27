"""The turns of calls to the store: their order, their longest wait, and what people are told of them."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from packhouse.errors import StoreThrottled
from packhouse.model.store_limit import LONGEST_CHANGE_WAIT_S
from packhouse.store.limiter import LONGEST_READ_WAIT_S, RateLimiter
from packhouse.store.rate import FOUND
from packhouse.store.rate_file import OwnRate
from tests.clock import ManualClock, let_tasks_run


class SleptClock:
    """Time that passes by sleeping."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def known(calls_per_s: float) -> OwnRate:
    """A rate that was found, of a store that refuses any burst."""
    own = OwnRate()
    rate = own.begin(0.0)
    rate.rate, rate.phase, rate.credit, rate.strict = calls_per_s, FOUND, 0.0, 1.0
    own.end()
    return own


@settings(max_examples=50)
@example(2, [0.0, 0.5, 0.0])
@given(st.integers(1, 20), st.lists(st.floats(0, 2), min_size=1, max_size=80))
def test_no_second_holds_more_calls_than_the_ceiling(ceiling: int, gaps: list[float]) -> None:
    clock = SleptClock()
    limiter = RateLimiter(clock, ceiling_per_s=ceiling)
    starts: list[float] = []

    async def make() -> None:
        for gap in gaps:
            clock.time += gap
            limiter.answered(await limiter.turn(), 200)
            starts.append(clock.time)

    asyncio.run(make())
    for earlier, later in zip(starts, starts[ceiling:], strict=False):
        assert later - earlier >= 1.0 - 1e-6


async def test_calls_wait_evenly_and_in_their_order() -> None:
    clock, started = ManualClock(), []
    limiter = RateLimiter(clock, rate=known(10))

    async def call(number: int) -> None:
        await limiter.turn()
        started.append((number, round(clock.monotonic() - begun, 2)))

    begun = clock.monotonic()
    tasks = [asyncio.create_task(call(number)) for number in range(4)]
    await let_tasks_run()
    for _ in range(40):
        await clock.advance(0.01)
    await asyncio.gather(*tasks)
    assert [number for number, _ in started] == [0, 1, 2, 3]
    assert [at for _, at in started] == pytest.approx([0, 0.1, 0.2, 0.3], abs=0.021)


async def test_changes_go_before_reads_that_wait() -> None:
    clock, started = ManualClock(), []
    limiter = RateLimiter(clock, rate=known(10))

    async def call(name: str, *, changes: bool = False) -> None:
        await limiter.turn(changes=changes)
        started.append(name)

    tasks = [asyncio.create_task(call(f"read {number}")) for number in range(3)]
    await let_tasks_run()
    tasks.append(asyncio.create_task(call("change", changes=True)))
    await let_tasks_run()
    for _ in range(60):
        await clock.advance(0.01)
    await asyncio.gather(*tasks)
    assert started == ["read 0", "change", "read 1", "read 2"]


async def test_a_cancelled_call_leaves_its_turn_to_the_next() -> None:
    clock = ManualClock()
    limiter = RateLimiter(clock, rate=known(1))
    await limiter.turn()
    first, second = (asyncio.create_task(limiter.turn()) for _ in range(2))
    await let_tasks_run()
    first.cancel()
    await let_tasks_run()
    for _ in range(12):
        await clock.advance(0.1)
    assert second.done()


@pytest.mark.parametrize(
    ("changes", "longest_s"), [(True, LONGEST_CHANGE_WAIT_S), (False, LONGEST_READ_WAIT_S)]
)
async def test_a_call_that_would_wait_too_long_is_refused_and_says_when_to_come_again(
    changes: bool, longest_s: float
) -> None:
    clock = ManualClock()
    limiter = RateLimiter(clock)
    limiter.answered(await limiter.turn(), 429, longest_s + 5)
    with pytest.raises(StoreThrottled, match="Nothing was sent") as refused:
        await limiter.turn(changes=changes)
    assert refused.value.retry_after_s == pytest.approx(longest_s + 5)


async def test_a_call_that_has_waited_too_long_is_refused_when_its_turn_comes() -> None:
    clock = ManualClock()
    limiter = RateLimiter(clock, rate=known(0.15))
    await limiter.turn()
    tasks = [asyncio.create_task(limiter.turn(changes=True)) for _ in range(3)]
    await let_tasks_run()
    for _ in range(50):
        await clock.advance(0.5)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(one, StoreThrottled) for one in results] == [False, True, True]


async def test_the_limit_says_what_waits_and_what_was_found_is_told_once() -> None:
    clock = ManualClock()
    told: list[float] = []
    limiter = RateLimiter(clock, rate=known(2), found=told.append)
    limiter.answered(await limiter.turn(), 200)
    waiting = [asyncio.create_task(limiter.turn()) for _ in range(3)]
    await let_tasks_run()
    await clock.advance(0.25)
    limit = limiter.limit()
    assert (limit.calls_per_s, limit.waiting) == (2, 3)
    assert limit.longest_s == pytest.approx(0.25)
    assert told == [2]
    for task in waiting:
        task.cancel()


async def test_while_nothing_was_refused_no_limit_is_known() -> None:
    clock = ManualClock()
    assert RateLimiter(clock).limit() == (0.0, 0, 0.0)
    assert RateLimiter(clock, ceiling_per_s=5).limit() == (5, 0, 0.0)
