"""The search for the store's limit, in virtual time, against stores that limit calls in several ways."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse.store.rate import FIRST_BURST, FOUND, GROWING, HIGHEST, LONGEST_PAUSE_S, LOWEST, Rate
from tests.service.store.simulated_limits import (
    FixedWindow,
    Limit,
    NoLimit,
    SlidingWindow,
    TokenBucket,
    run,
)

KINDS = [TokenBucket, FixedWindow, SlidingWindow]
RETRY_AFTERS = ["", "exact", "seconds"]


@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("retry_after", RETRY_AFTERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_of_ten_a_second_is_used_without_a_refusal_after_the_first_minute(
    kind: type[TokenBucket | FixedWindow | SlidingWindow], retry_after: str, seed: int
) -> None:
    found = run(kind(10), seconds=12 * 60, retry_after=retry_after, seed=seed)
    assert found.refusals(60) == 0
    assert found.share(60, 12 * 60, 10) >= 0.95
    assert len(found.refused) < 60


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.floats(0.5, 60),
    st.sampled_from(RETRY_AFTERS),
    st.integers(2, 64),
    st.floats(0.001, 2),
    st.integers(1, 1000),
)
def test_any_limit_is_found_and_used(
    kind: type[TokenBucket | FixedWindow | SlidingWindow],
    limit: float,
    retry_after: str,
    callers: int,
    latency_s: float,
    seed: int,
) -> None:
    """Latencies vary by a tenth: calls that leave evenly arrive unevenly."""
    store = kind(limit if limit < 2 else math.floor(limit))
    warm_up = max(90.0, 90 / limit)
    seconds = warm_up + 100
    demand = callers / (latency_s * 1.1)
    found = run(
        store, seconds=seconds, callers=callers, latency_s=latency_s, retry_after=retry_after, seed=seed
    )
    usable = min(store.rate, demand)
    assert found.share(warm_up, seconds, usable) >= (0.8 if latency_s < 1 else 0.7)
    assert found.refusals(warm_up) <= 0.02 * usable * 100 + callers


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(KINDS), st.sampled_from(RETRY_AFTERS), st.integers(1, 64), st.integers(1, 1000))
def test_bursts_after_a_found_limit_are_not_refused(
    kind: type[TokenBucket | FixedWindow | SlidingWindow], retry_after: str, callers: int, seed: int
) -> None:
    demand = ((0.0, 90.0), *((100.0 + 20 * n, 107.0 + 20 * n) for n in range(20)))
    found = run(
        kind(20),
        seconds=500,
        callers=callers,
        latency_s=0.02,
        retry_after=retry_after,
        demand=demand,
        seed=seed,
    )
    assert found.refusals(100) <= 3 + callers
    if callers > 1:
        assert found.share(200, 207, 20) >= 0.8


@pytest.mark.parametrize("retry_after", RETRY_AFTERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_lower_limit_is_learned_within_a_minute(
    kind: type[TokenBucket | FixedWindow | SlidingWindow], retry_after: str
) -> None:
    found = run(kind(100), seconds=600, callers=32, retry_after=retry_after, changes=((300.0, kind(10)),))
    assert found.share(200, 300, 100) >= 0.9
    assert found.refusals(360, 600) <= 1
    assert found.share(360, 600, 10) >= 0.85


@pytest.mark.parametrize("retry_after", RETRY_AFTERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_rate_does_not_sink_where_the_process_is_often_stopped(
    kind: type[TokenBucket | FixedWindow | SlidingWindow], retry_after: str
) -> None:
    """A second in every thirty, in which no call starts."""
    found = run(kind(10), seconds=1200, retry_after=retry_after, stall_every_s=30)
    assert found.share(60, 1200, 10) >= 0.9
    assert found.share(900, 1200, 10) >= 0.88
    assert found.refusals(60) <= 10


@pytest.mark.parametrize("higher", [12, 15, 50])
@pytest.mark.parametrize("kind", KINDS)
def test_a_higher_limit_is_learned_by_the_next_probe(
    kind: type[TokenBucket | FixedWindow | SlidingWindow], higher: float
) -> None:
    found = run(kind(10), seconds=2400, callers=32, changes=((300.0, kind(higher)),))
    assert found.share(1200, 2400, higher) >= 0.85
    assert found.refusals(1200, 2400) <= 3


def test_a_store_without_a_limit_does_not_slow_a_burst_of_orders() -> None:
    found = run(NoLimit(), seconds=10, callers=64, latency_s=0.02)
    assert sum(2 <= at < 3 for at in found.accepted) > 1000


def test_light_load_does_not_wait() -> None:
    rate = Rate()
    now = 1000.0
    for _ in range(200):
        for _ in range(5):
            wait_s, pressed = rate.take(now, waited=False)
            assert wait_s == 0
            rate.answered(now + 0.001, started=now, pressed=pressed)
            now += 0.001
        now += 0.2
    assert rate.phase == GROWING


def test_a_rate_does_not_grow_while_nothing_waits() -> None:
    rate, now = Rate(), 1000.0
    for _ in range(1000):
        rate.take(now, waited=False)
        rate.answered(now + 0.01, started=now, pressed=False)
        now += 0.1
    assert rate.rate == Rate().rate


def test_a_retry_after_pauses_all_calls_and_is_clamped() -> None:
    for asked, paused in ((7.0, 7.0), (0.0, 0.05), (1e9, LONGEST_PAUSE_S), (None, 0.5)):
        rate = Rate()
        rate.take(1000.0, waited=False)
        rate.refused(1000.1, started=1000.0, pressed=True, retry_after_s=asked)
        assert rate.take(1000.1, waited=False)[0] == pytest.approx(paused)


def test_without_a_retry_after_each_pause_in_a_row_is_twice_the_last() -> None:
    rate, now, pauses = Rate(), 1000.0, []
    for _ in range(9):
        rate.take(now, waited=True)
        rate.refused(now, started=now, pressed=True, retry_after_s=None)
        pauses.append(rate.resumes_at - now)
        now = rate.resumes_at
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, 32, 60, 60])
    assert rate.rate >= 5  # one exhausted window says nothing about each of these rates


def test_calls_in_flight_at_a_refusal_halve_the_rate_once() -> None:
    rate = Rate(phase=FOUND, rate=40.0, credit=0.0, strict=1.0, stepped_at=999.0)
    starts = []
    now = 1000.0
    for _ in range(20):
        wait_s, pressed = rate.take(now, waited=True)
        now += wait_s
        starts.append((now, pressed))
    for started, _ in starts:
        rate.refused(now + 0.1, started=started, pressed=True, retry_after_s=None)
    assert rate.rate == pytest.approx(20, rel=0.05)


def refuse(rate: Rate, *, after_calls: int, now: float) -> float:
    """Refuse the call after so many that were accepted at the present rate; returns when."""
    for _ in range(after_calls):
        now = max(now + 1 / rate.rate, rate.resumes_at)
        rate.answered(now, started=now, pressed=True)
    rate.refused(now, started=now, pressed=True, retry_after_s=1)
    return now


def test_a_refusal_after_a_long_time_lowers_a_proven_rate_a_little() -> None:
    rate = Rate(phase=FOUND, rate=40.0, high=41.0, proven=40.0, stepped_at=0.0)
    now = refuse(rate, after_calls=5000, now=1000.0)
    assert rate.rate == pytest.approx(39.8)
    now = refuse(rate, after_calls=400, now=now)
    assert rate.rate == pytest.approx(39.6, rel=0.001)
    now = refuse(rate, after_calls=400, now=now)
    assert rate.rate == pytest.approx(39.4, rel=0.001)
    for _ in range(40 * 300):
        now += 1 / rate.rate
        rate.answered(now, started=now, pressed=True)
    assert 39.4 <= rate.rate < 40


def test_refusals_soon_one_after_the_other_start_a_new_search() -> None:
    rate = Rate(phase=FOUND, rate=40.0, high=41.0, proven=40.0, stepped_at=0.0)
    now = refuse(rate, after_calls=20, now=1000.0)
    assert rate.phase == FOUND
    refuse(rate, after_calls=20, now=now)
    assert rate.rate == pytest.approx(20, rel=0.05)


def test_a_refusal_after_a_stall_of_this_process_changes_nothing() -> None:
    rate = Rate(phase=FOUND, rate=40.0, proven=40.0, stepped_at=0.0, next_at=999.0)
    assert rate.take(1000.0, waited=True) == (0.0, True)
    refuse(rate, after_calls=50, now=1000.0)
    assert (rate.phase, rate.rate) == (FOUND, 40)


def test_times_of_a_clock_that_was_set_back_do_not_stop_the_calls() -> None:
    rate = Rate(phase=FOUND, rate=9.7, next_at=5e6, resumes_at=5e6, refused_at=5e6, probe_at=6e6)
    rate.correct_times(100.0)
    assert rate.take(100.0, waited=False)[0] == 0
    assert (rate.rate, rate.phase) == (9.7, FOUND)
    assert rate.probe_at < 100 + 3600


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.floats(0, 5), st.booleans(), st.booleans(), st.one_of(st.none(), st.floats(0, 5000))),
        max_size=60,
    )
)
def test_whatever_the_store_answers_a_call_starts_again_within_the_longest_pause(
    answers: list[tuple[float, bool, bool, float | None]],
) -> None:
    rate, now = Rate(), 1000.0
    for gap, is_refused, pressed, retry_after_s in answers:
        now += gap
        if is_refused:
            rate.refused(now, started=now, pressed=pressed, retry_after_s=retry_after_s)
        else:
            rate.answered(now, started=now, pressed=pressed)
        assert LOWEST <= rate.rate <= HIGHEST
        assert 0 <= rate.credit <= FIRST_BURST
    wait_s, _ = rate.take(now, waited=False)
    assert wait_s <= LONGEST_PAUSE_S + 1 / LOWEST
    if wait_s:
        assert rate.take(now + wait_s + 1e-6, waited=True)[0] == 0


def test_a_store_that_refuses_any_burst_gets_none() -> None:
    limit: Limit = TokenBucket(10, capacity=1.05)
    demand = ((0.0, 90.0), *((100.0 + 10 * n, 101.0 + 10 * n) for n in range(20)))
    found = run(limit, seconds=300, callers=8, latency_s=0.01, jitter=0.0, demand=demand, lateness_s=0.0)
    assert found.refusals(130) == 0
