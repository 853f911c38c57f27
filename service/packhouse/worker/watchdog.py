"""Ends the process when its event loop no longer runs, or when a stop takes longer than it may.

The end is safe at any moment: each intent is on disk before its call. A supervisor starts the process again.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog

from packhouse.clock import Clock

STOP_FORCED, LOOP_STALLED = 16, 17
_TICK_S: Final = 0.5
_BEAT_S: Final = 1.0
_LAST_WORDS_S: Final = 2.0
# Of the processor's time, which only passes while the process works; the thread below is to be first.
_PROCESSOR_SHARE: Final = 1.5
_PROCESSOR_MARGIN_S: Final = 4 * _TICK_S

End = Callable[[int, str, Mapping[str, Any]], None]


class Watchdog:
    """Watches one event loop from a thread. `stalled_after_s` 0: only a stop is watched.

    Time in which the whole process was frozen counts for one tick only, so a paused machine is no stall.
    `running` returns the orders in work, and `end` ends the process.
    """

    def __init__(
        self,
        stalled_after_s: float,
        running: Callable[[], Sequence[str]],
        clock: Clock,
        end: End | None = None,
    ) -> None:
        self._stalled_after_s = stalled_after_s
        self._running = running
        self._clock = clock
        self._end = end or end_process
        self._beats = self._seen_beats = 0
        self._silent_s = self._stopping_s = 0.0
        self._stop_within_s: float | None = None
        self._last_tick = clock.monotonic()

    def expect_stop(self, within_s: float) -> None:
        """Let the process end within so many seconds from now; the first call counts.

        Safe in a signal handler.
        """
        if self._stop_within_s is None:
            self._stop_within_s = within_s

    def beat(self) -> None:
        """Note that the event loop runs."""
        self._beats += 1

    def tick(self) -> None:
        """Add the time since the last tick, and end the process if the loop or the stop takes too long."""
        now = self._clock.monotonic()
        passed_s, self._last_tick = min(now - self._last_tick, 2 * _TICK_S), now
        self._silent_s = self._silent_s + passed_s if self._beats == self._seen_beats else 0.0
        self._seen_beats = self._beats
        if self._stop_within_s is not None:
            self._stopping_s += passed_s
            if self._stopping_s > self._stop_within_s:
                facts = {"after_s": round(self._stopping_s, 1), "orders": list(self._running())}
                self._end(STOP_FORCED, "stop_forced", facts)
        elif self._stalled_after_s and self._silent_s > self._stalled_after_s:
            facts = {"silent_s": round(self._silent_s, 1), "orders": list(self._running())}
            self._end(LOOP_STALLED, "event_loop_stalled", facts)

    def start(self) -> None:
        """Watch from a thread until the process ends."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    async def keep_beating(self) -> None:
        """Beat from the event loop, until it is cancelled."""
        if self._stalled_after_s:
            with contextlib.suppress(OSError, RuntimeError, ValueError):  # standard error is closed
                faulthandler.register(signal.SIGPROF, all_threads=True, chain=True)
        try:
            while True:
                self.beat()
                # For code that never lets the thread above run, such as an endless search of a pattern:
                # the system itself then ends the process, and its threads are printed.
                allowed_s = self._stalled_after_s * _PROCESSOR_SHARE + _PROCESSOR_MARGIN_S
                signal.setitimer(signal.ITIMER_PROF, allowed_s)
                await asyncio.sleep(_BEAT_S)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)

    def _watch(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(_TICK_S)
            self.tick()


def end_process(code: int, event: str, facts: Mapping[str, Any]) -> None:
    """End this process at once, whatever its other threads do. Its last words may take a moment."""

    def tell() -> None:
        structlog.get_logger("packhouse").critical(event, exit_code=code, **facts)
        sys.stdout.flush()
        faulthandler.dump_traceback(all_threads=True)

    # In a thread of its own: what reads our output may be what hangs.
    last_words = threading.Thread(target=tell, daemon=True)
    last_words.start()
    last_words.join(_LAST_WORDS_S)
    os._exit(code)
