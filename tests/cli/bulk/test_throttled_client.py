"""The rate limit: our own limit, the waits that the store requests, and a stop that ends every wait."""

from __future__ import annotations

import threading

import pytest

from packhouse_cli.bulk.throttled_client import RateLimiter, Stopped


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
            self.acquire()
            moments.append(self.now)
        return moments


@pytest.mark.parametrize("max_per_s", [0.5, 2, 5])
def test_no_more_calls_start_in_a_second_than_allowed(max_per_s: float) -> None:
    starts = Clocked(max_per_s).starts(20)
    window_s, calls = (1, int(max_per_s)) if max_per_s >= 1 else (1 / max_per_s, 1)
    assert all(later - first >= window_s for first, later in zip(starts, starts[calls:], strict=False))
    assert starts[-1] == pytest.approx((20 - 1) // calls * window_s)


def test_without_a_limit_nothing_waits() -> None:
    assert Clocked(0).starts(1000)[-1] == 0


def test_a_wait_requested_of_one_thread_applies_to_all() -> None:
    limiter = Clocked(0)
    limiter.pause(7)
    limiter.pause(3)
    assert limiter.starts(2) == [7, 7]


def test_a_stop_ends_every_wait() -> None:
    limiter = RateLimiter(0, threading.Event())
    limiter.pause(3600)
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(Stopped):
            limiter.acquire()
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    limiter.stop.set()
    thread.join(20)
    assert ended.is_set()
