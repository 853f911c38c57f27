"""Several threads share work: each part is done once, an error ends the run, a stop lets calls finish."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from packhouse_cli.bulk.threads import run_in_threads, stop_on_signal


def test_all_work_is_done_once_by_workers_that_run_in_parallel() -> None:
    met = threading.Barrier(4)
    seen: dict[int, set[int]] = {}

    def worker(name: int) -> Callable[[int], int]:
        def work(item: int) -> int:
            if name not in seen:
                met.wait(20)  # wait until all four have started
            seen.setdefault(name, set()).add(item)
            return item

        return work

    results = run_in_threads(range(100), [worker(name) for name in range(4)], threading.Event())
    assert sorted(one for one in results if one is not None) == list(range(100))
    assert len(seen) == 4


def test_an_error_stops_the_other_workers_and_is_raised_after_they_finish() -> None:
    stop = threading.Event()
    done: list[int] = []

    def work(item: int) -> int:
        if item == 3:
            raise ValueError("no")
        done.append(item)
        return item

    with pytest.raises(ValueError, match="no"):
        list(run_in_threads(range(10_000_000), [work, work], stop))
    assert stop.is_set()
    assert len(done) < 10_000_000


def test_a_stop_ends_the_work_without_an_error() -> None:
    stop = threading.Event()

    def work(item: int) -> int:
        if item == 5:
            stop.set()
        return item

    assert [one for one in run_in_threads(range(100), [work], stop) if one is not None] == list(range(6))


def test_the_first_interrupt_requests_a_stop_and_the_second_interrupts() -> None:
    stop = threading.Event()
    calls: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stop_on_signal(stop, lambda: calls.append("stopping")):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(20)
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(20)
    assert calls == ["stopping"]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_that_ends_programs_lets_the_requests_in_flight_finish(number: signal.Signals) -> None:
    stop = threading.Event()
    calls: list[str] = []
    before = signal.signal(number, signal.default_int_handler)
    try:
        with stop_on_signal(stop, lambda: calls.append("stopping")):
            os.kill(os.getpid(), number)
            assert stop.wait(60)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    assert calls == ["stopping"]


def test_under_nohup_the_end_of_the_terminal_does_not_stop_a_run() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signal(threading.Event(), lambda: None):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
