"""When the calls of a command's threads may start, and a stop that ends every wait."""

from __future__ import annotations

import threading

import pytest

from packhouse.errors import StoreThrottled
from packhouse_cli.clients.rate_limiter import RateLimiter, Stopped


class Clocked(RateLimiter):
    """A limiter whose waits advance its clock."""

    def __init__(self, max_per_s: float) -> None:
        self.now = 0.0
        super().__init__(max_per_s, threading.Event(), monotonic=lambda: self.now)

    def wait(self, seconds: float) -> None:
        if self.stop.is_set():
            raise Stopped
        self.now += seconds

    def starts(self, count: int) -> list[float]:
        moments = []
        for _ in range(count):
            turn = self.acquire()
            moments.append(self.now)
            self.answered(turn)
        return moments


@pytest.mark.parametrize("max_per_s", [0.5, 2, 5])
def test_no_more_calls_start_in_a_second_than_allowed(max_per_s: float) -> None:
    starts = Clocked(max_per_s).starts(20)
    window_s, calls = (1, int(max_per_s)) if max_per_s >= 1 else (1 / max_per_s, 1)
    assert all(later - first >= window_s - 1e-9 for first, later in zip(starts, starts[calls:], strict=False))
    assert starts[-1] == pytest.approx((20 - 1) / max_per_s, abs=1 / max_per_s)


def test_a_store_that_refuses_nothing_soon_gets_every_call_at_once() -> None:
    assert Clocked(0).starts(1000)[-1] < 2


def test_a_wait_requested_of_one_thread_applies_to_all() -> None:
    limiter = Clocked(0)
    turn, other = limiter.acquire(), limiter.acquire()
    limiter.refused(turn, StoreThrottled("no", status=429, retry_after_s=7))
    limiter.refused(other, StoreThrottled("no", status=429, retry_after_s=3))
    paused = limiter.acquire()
    assert (limiter.now, paused.was_paused, limiter.throttled) == (7, True, 2)


def test_a_wait_that_the_store_requested_is_announced_once() -> None:
    limiter = Clocked(0)
    announced: list[float] = []
    limiter.refused(limiter.acquire(), StoreThrottled("no", status=429, retry_after_s=7))
    limiter.acquire(announced.append)
    limiter.acquire(announced.append)
    assert announced == [7]


def test_a_stop_ends_every_wait() -> None:
    limiter = RateLimiter(0, threading.Event())
    limiter.refused(limiter.acquire(), StoreThrottled("no", status=429, retry_after_s=200))
    ended = threading.Barrier(4)

    def wait() -> None:
        with pytest.raises(Stopped):
            limiter.acquire()
        ended.wait(20)

    threads = [threading.Thread(target=wait, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    limiter.stop.set()
    ended.wait(20)
