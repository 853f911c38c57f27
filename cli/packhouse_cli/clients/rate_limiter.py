"""When the store calls of a command may start: at the rate that the store allows, shared with the daemon."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from packhouse.errors import StoreThrottled
from packhouse.store.ceiling import Ceiling
from packhouse.store.rate import Rate
from packhouse.store.rate_file import OwnRate

# As the daemon's clock: one for all processes of the machine.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Stopped(Exception):
    """The operator asked the run to stop; no new call starts."""


class Turn(NamedTuple):
    """A call that may start: when, whether there was more demand than the rate allows, and whether the call
    had to wait because the store had refused one.
    """

    started: float
    pressed: bool
    was_paused: bool


def machine_time_s() -> float:
    """The monotonic clock of the machine, in seconds."""
    return time.clock_gettime(_CLOCK)


class RateLimiter:
    """Decides when the calls of all threads may start.

    At most `max_per_s` calls start in a second (0: as many as the store allows), and none before a wait that
    the store requested is over. `stop` ends every wait with Stopped. `throttled` counts the calls that the
    store refused for their rate.
    """

    def __init__(
        self,
        max_per_s: float,
        stop: threading.Event,
        monotonic: Callable[[], float] = machine_time_s,
        rate: OwnRate | None = None,
    ) -> None:
        self.stop = stop
        self.throttled = 0
        self._monotonic = monotonic
        self._ceiling = Ceiling(max_per_s)
        self._rate = rate or OwnRate()
        self._first = threading.Lock()  # its holder waits for the next turn, the other threads for the lock

    def acquire(self, on_pause: Callable[[float], None] | None = None) -> Turn:
        """Wait until this call may start. `on_pause` is called with the seconds before a wait that the store
        requested. Raises Stopped.
        """
        arrived = self.time_s()
        waited = not self._first.acquire(blocking=False)
        if waited:
            self._first.acquire()
        try:
            while True:
                if self.stop.is_set():
                    raise Stopped
                now = self.time_s()
                wait_s, pressed, resumes_at = self._take(now, waited)
                if not wait_s:
                    return Turn(now, pressed, was_paused=resumes_at > arrived)
                if on_pause is not None and resumes_at > now:
                    on_pause(wait_s)
                    on_pause = None
                self.wait(wait_s)
                waited = True
        finally:
            self._first.release()

    def time_s(self) -> float:
        """The monotonic clock that measures the waits, in seconds."""
        return self._monotonic()

    def wait(self, seconds: float) -> None:
        """Wait. Raises Stopped."""
        if self.stop.wait(seconds):
            raise Stopped

    def answered(self, turn: Turn) -> None:
        """The store answered the call of this turn, with anything but 429."""
        now = self.time_s()
        with self._step(now) as rate:
            rate.answered(now, started=turn.started, pressed=turn.pressed)

    def refused(self, turn: Turn, error: StoreThrottled) -> None:
        """The store answered the call of this turn with 429: all calls pause."""
        self.throttled += 1
        now = self.time_s()
        with self._step(now) as rate:
            rate.refused(now, started=turn.started, pressed=turn.pressed, retry_after_s=error.retry_after_s)

    def _take(self, now: float, waited: bool) -> tuple[float, bool, float]:
        with self._step(now) as rate:
            resumes_at = rate.resumes_at
            wait_s, pressed = self._ceiling.wait_s(now), False
            if not wait_s:
                wait_s, pressed = rate.take(now, waited=waited)
        if not wait_s:
            self._ceiling.start(now)
        return wait_s, pressed, resumes_at

    @contextmanager
    def _step(self, now: float) -> Iterator[Rate]:
        rate = self._rate.begin(now)
        try:
            yield rate
        finally:
            self._rate.end()


def daemons_folder(data_dir: str) -> str:
    """The folder of the rates that the daemon uses, if it has this data folder and this user may write there;
    else "".
    """
    import os

    from packhouse.store.rate_file import FOLDER

    folder = f"{data_dir}/{FOLDER}"
    is_usable = os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)  # noqa: PTH112 - loads slowly
    return folder if is_usable else ""


def open_shared(environ_folder: str, data_dir: str, url: str, api_key: str) -> OwnRate:
    """The rate that the daemon of this machine uses, where its data folder is this user's too; else one that
    this user's commands share; else one of this process alone.
    """
    from packhouse.store.rate_file import open_rate

    folder = daemons_folder(data_dir) or environ_folder
    return open_rate(folder, url, api_key) if folder else OwnRate()
