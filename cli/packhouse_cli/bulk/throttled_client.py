"""One thread's line to the store: paced, patient with what passes, and never sure of what it cannot know."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from packhouse.errors import StoreError, StoreThrottled, StoreUnreachable
from packhouse.model.order import Order
from packhouse.store.client import StoreClient
from packhouse.store.requests import StoreRequest

TRIES = 5
_FIRST_WAIT_S = 0.2
_THROTTLED_WAIT_S = 1.0  # where the store does not say how long
_MOST_THROTTLED = 60
_SHORTEST_WAIT_S = 0.05  # doubled each time: "wait 0 seconds" is no leave to hammer
_LONGEST_SHORT_WAIT_S = 5.0
# A change relies on a look before it. One that the store made wait longer than this needs another look.
FRESH_S = 10.0

_T = TypeVar("_T")


class Stopped(Exception):
    """The person asked to stop; nothing more is begun."""


class Late(Exception):
    """The store made a change wait so long that what was seen before it may not hold; it was not sent."""


class Pace:
    """Lets calls of many threads start: at most `max_per_s` in any second (0: no limit of our own), and none
    before a wait that the store asked of anybody is over. `stop` ends every wait with Stopped.
    """

    def __init__(
        self, max_per_s: float, stop: threading.Event, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.stop = stop
        self.waits = 0
        self._monotonic = monotonic
        self._calls = max(1, int(max_per_s))
        self._window_s = self._calls / max_per_s if max_per_s > 0 else 0.0
        self._starts: deque[float] = deque(maxlen=self._calls)
        self._not_before = 0.0
        self._lock = threading.Lock()

    def turn(self) -> bool:
        """Return when this call may start, and whether the store made it wait. Raises Stopped."""
        if self.stop.is_set():
            raise Stopped
        came = self.time_s()
        with self._lock:
            start = self._due()
        while (left := start - self.time_s()) > 0:
            self.rest(left)
            start = max(start, self._not_before)  # somebody else was told to wait meanwhile
        return self._not_before > came

    def time_s(self) -> float:
        """The clock that waits are measured with, in seconds."""
        return self._monotonic()

    def rest(self, seconds: float) -> None:
        """Wait. Raises Stopped."""
        if self.stop.wait(seconds):
            raise Stopped

    def hold_off(self, seconds: float) -> None:
        """The store said to wait: nobody starts a call before that is over."""
        with self._lock:
            self.waits += 1
            self._not_before = max(self._not_before, self._monotonic() + seconds)

    def _due(self) -> float:
        start = max(self._monotonic(), self._not_before)
        if self._window_s:
            if len(self._starts) == self._calls:
                start = max(start, self._starts[0] + self._window_s)
            self._starts.append(start)
        return start


class Caller:
    """Calls one store. A 429 is waited for by all callers of this `pace`."""

    def __init__(self, store: StoreClient, pace: Pace) -> None:
        self.store = store
        self._pace = pace

    def order(self, order_id: str) -> Order:
        """The order as the store has it now. Raises StoreError, Stopped."""
        return self.patiently(lambda: self.store.order(order_id))

    def patiently(self, read: Callable[[], _T]) -> _T:
        """What a reading call answers; what may pass is tried again. Raises StoreError, Stopped."""
        for tried in range(1, TRIES + 1):
            try:
                return self._paced(read)
            except StoreError as error:
                if not error.transient or isinstance(error, StoreThrottled) or tried == TRIES:
                    raise
            self.back_off(tried)
        raise AssertionError("the last try returns or raises")

    def send(self, request: StoreRequest) -> None:
        """Send a change. Only what surely had no effect (no connection, 429) is tried again here.

        Raises StoreError for every other answer, Stopped and Late while nothing was sent.
        """
        fresh_until = self._pace.time_s() + FRESH_S
        for tried in range(1, TRIES + 1):
            try:
                self._paced(lambda: self.store.ask(request), fresh_until)
                return
            except StoreUnreachable:
                if tried == TRIES:
                    raise
            self.back_off(tried)

    def back_off(self, tried: int) -> None:
        """Wait longer after each try, never in step with the other threads. Raises Stopped."""
        self._pace.rest(_FIRST_WAIT_S * 2 ** (tried - 1) * (0.5 + random.random()))

    def close(self) -> None:
        """Give back the connection."""
        self.store.close()

    def _paced(self, call: Callable[[], _T], fresh_until: float = math.inf) -> _T:
        for throttled in range(_MOST_THROTTLED + 1):
            if self._pace.turn() and self._pace.time_s() > fresh_until:
                raise Late
            try:
                return call()
            except StoreThrottled as error:
                if throttled == _MOST_THROTTLED:
                    raise
                asked = _THROTTLED_WAIT_S if error.retry_after_s is None else error.retry_after_s
                least = min(_SHORTEST_WAIT_S * 2**throttled, _LONGEST_SHORT_WAIT_S)
                self._pace.hold_off(max(asked, least))
        raise AssertionError("the last try returns or raises")
