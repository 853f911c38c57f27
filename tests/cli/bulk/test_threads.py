"""Several hands at one heap: everything is done once, an error ends the work, a stop lets it finish."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from packhouse_cli.bulk.threads import stoppable, worked_through


def test_everything_is_done_once_by_hands_that_work_side_by_side() -> None:
    met = threading.Barrier(4)
    seen: dict[int, set[int]] = {}

    def hand(name: int) -> Callable[[int], int]:
        def work(item: int) -> int:
            if name not in seen:
                met.wait(20)  # nobody goes on before all four have begun
            seen.setdefault(name, set()).add(item)
            return item

        return work

    results = worked_through(range(100), [hand(name) for name in range(4)], threading.Event())
    assert sorted(one for one in results if one is not None) == list(range(100))
    assert len(seen) == 4


def test_an_error_stops_the_others_and_is_raised_when_they_have_finished() -> None:
    stop = threading.Event()
    done: list[int] = []

    def work(item: int) -> int:
        if item == 3:
            raise ValueError("no")
        done.append(item)
        return item

    with pytest.raises(ValueError, match="no"):
        list(worked_through(range(10_000_000), [work, work], stop))
    assert stop.is_set()
    assert len(done) < 10_000_000


def test_a_stop_ends_the_work_without_an_error() -> None:
    stop = threading.Event()

    def work(item: int) -> int:
        if item == 5:
            stop.set()
        return item

    assert [one for one in worked_through(range(100), [work], stop) if one is not None] == list(range(6))


def test_the_first_interrupt_asks_to_stop_and_the_second_interrupts() -> None:
    stop = threading.Event()
    told: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stoppable(stop, lambda: told.append("stopping")):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(20)
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(20)
    assert told == ["stopping"]
    assert signal.getsignal(signal.SIGINT) is before
