"""The watchdog ends a process whose event loop does one thing for too long, or that does not stop."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from packhouse.worker.watchdog import LOOP_STALLED, STOP_FORCED, Watchdog


class Ticks:
    """A clock that the test moves, and the end of a process that only notes why."""

    def __init__(self, stalled_after_s: float = 10.0) -> None:
        self.time = 0.0
        self.ends: list[tuple[int, str, Mapping[str, Any]]] = []
        self.watchdog = Watchdog(stalled_after_s, lambda: ["ord_1"], self, lambda *how: self.ends.append(how))

    def monotonic(self) -> float:
        return self.time

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def run(self, seconds: float, *, beats: bool = False) -> None:
        for _ in range(int(seconds * 2)):
            self.time += 0.5
            if beats:
                self.watchdog.beat()
            self.watchdog.tick()


def test_a_loop_that_is_silent_for_too_long_ends_the_process_and_names_the_orders() -> None:
    ticks = Ticks()
    ticks.run(60, beats=True)
    ticks.run(10)
    assert ticks.ends == []
    ticks.run(1)
    code, event, facts = ticks.ends[0]
    assert (code, event) == (LOOP_STALLED, "event_loop_stalled")
    assert facts == {"silent_s": 10.5, "orders": ["ord_1"]}


def test_a_process_that_was_frozen_is_no_stall() -> None:
    ticks = Ticks()
    for _ in range(5):
        ticks.time += 600.0  # the machine slept; the loop had no chance to beat
        ticks.watchdog.tick()
        ticks.run(4)
        ticks.run(1, beats=True)
    assert ticks.ends == []


def test_a_watchdog_that_is_off_still_ends_a_stop() -> None:
    ticks = Ticks(0)
    ticks.run(1000)
    assert ticks.ends == []
    ticks.watchdog.expect_stop(7.0)
    ticks.run(5, beats=True)
    ticks.watchdog.expect_stop(100.0)  # a second signal gives no more time
    ticks.run(2)
    assert ticks.ends == []
    ticks.run(1)
    assert ticks.ends[0] == (STOP_FORCED, "stop_forced", {"after_s": 7.5, "orders": ["ord_1"]})


_PROGRAM = """
import asyncio, re, sys
from packhouse.clock import SystemClock
from packhouse.worker.watchdog import Watchdog

async def main():
    watchdog = Watchdog(2.0, lambda: ["ord_1"], SystemClock())
    watchdog.start()
    beating = asyncio.get_running_loop().create_task(watchdog.keep_beating())
    await asyncio.sleep(0)  # it has begun
    {work}

asyncio.run(main())
"""


_ONLY_THE_THREAD = "import signal; signal.setitimer(signal.ITIMER_PROF, 0)"


@pytest.mark.parametrize(
    ("work", "code", "told"),
    [
        # On a busy machine the processor's time could be used up before the thread has spoken.
        (f"{_ONLY_THE_THREAD}\n    while True: pass", LOOP_STALLED, "event_loop_stalled"),
        ("import time; time.sleep(60)", LOOP_STALLED, "event_loop_stalled"),
        # It holds the interpreter's lock, so no thread of ours can run.
        ("sum(range(10**14))", -signal.SIGPROF, "in main"),
    ],
    ids=["loop", "wait", "lock"],
)
def test_a_real_process_ends_with_its_stack(work: str, code: int, told: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(work=work)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code
    assert told in done.stdout + done.stderr
    assert "in main" in done.stderr
