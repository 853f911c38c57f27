"""Rate-limited calls to the store. Reads are retried; a change is resent only if it surely had no effect."""

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
from packhouse.store.responses import StoreResponse

MAX_TRIES = 5
_FIRST_WAIT_S = 0.2
_THROTTLED_WAIT_S = 1.0  # if the store does not say how long
_MAX_THROTTLED = 60
_MIN_THROTTLED_WAIT_S = 0.05  # doubled each time, because "Retry-After: 0" must not cause a busy loop
_MAX_MIN_WAIT_S = 5.0
# If the store delays a change longer than this, the order is read again first.
FRESH_S = 10.0

_T = TypeVar("_T")


class Stopped(Exception):
    """The operator asked the run to stop; no new call starts."""


class PreconditionsExpired(Exception):
    """The store delayed a change so long that the order may have changed; the change was not sent."""


class RateLimiter:
    """Decides when the calls of all threads may start.

    At most `max_per_s` calls start in any second (0: no limit), and no call starts before a wait that the
    store requested is over. `stop` ends every wait with Stopped.
    """

    def __init__(
        self, max_per_s: float, stop: threading.Event, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.stop = stop
        self.throttled = 0
        self._monotonic = monotonic
        self._calls = max(1, int(max_per_s))
        self._window_s = self._calls / max_per_s if max_per_s > 0 else 0.0
        self._starts: deque[float] = deque(maxlen=self._calls)
        self._not_before = 0.0
        self._lock = threading.Lock()

    def acquire(self) -> bool:
        """Wait until this call may start. Returns whether the store made it wait. Raises Stopped."""
        if self.stop.is_set():
            raise Stopped
        arrived = self.time_s()
        with self._lock:
            start = self._next_start()
        while (left := start - self.time_s()) > 0:
            self.wait(left)
            start = max(start, self._not_before)  # the store may have throttled another thread meanwhile
        return self._not_before > arrived

    def time_s(self) -> float:
        """The monotonic clock that measures the waits, in seconds."""
        return self._monotonic()

    def wait(self, seconds: float) -> None:
        """Wait. Raises Stopped."""
        if self.stop.wait(seconds):
            raise Stopped

    def pause(self, seconds: float) -> None:
        """The store asked for a wait: no call starts before it is over."""
        with self._lock:
            self.throttled += 1
            self._not_before = max(self._not_before, self._monotonic() + seconds)

    def _next_start(self) -> float:
        start = max(self._monotonic(), self._not_before)
        if self._window_s:
            if len(self._starts) == self._calls:
                start = max(start, self._starts[0] + self._window_s)
            self._starts.append(start)
        return start


class ThrottledClient:
    """Calls one store. After a 429, all clients that share the limiter wait."""

    def __init__(self, store: StoreClient, limiter: RateLimiter) -> None:
        self.store = store
        self._limiter = limiter

    def order(self, order_id: str) -> Order:
        """The order as the store has it now. Raises StoreError, Stopped."""
        return self.with_retries(lambda: self.store.order(order_id))

    def with_retries(self, read: Callable[[], _T]) -> _T:
        """The result of a read; transient errors are retried. Raises StoreError, Stopped."""
        for tried in range(1, MAX_TRIES + 1):
            try:
                return self._limited(read)
            except StoreError as error:
                if not error.transient or isinstance(error, StoreThrottled) or tried == MAX_TRIES:
                    raise
            self.back_off(tried)
        raise AssertionError("the last try returns or raises")

    def send(self, request: StoreRequest) -> StoreResponse:
        """Send a change and return the answer. It is resent only after failures that surely had no effect (no
        connection, 429).

        Raises StoreError for every other failure. Raises Stopped and PreconditionsExpired before it is sent.
        """
        fresh_until = self._limiter.time_s() + FRESH_S
        for tried in range(1, MAX_TRIES + 1):
            try:
                return self._limited(lambda: self.store.ask(request), fresh_until)
            except StoreUnreachable:
                if tried == MAX_TRIES:
                    raise
            self.back_off(tried)
        raise AssertionError("the last try returns or raises")

    def back_off(self, tried: int) -> None:
        """Wait longer after each try, with jitter so that threads do not retry together. Raises Stopped."""
        self._limiter.wait(_FIRST_WAIT_S * 2 ** (tried - 1) * (0.5 + random.random()))

    def close(self) -> None:
        """Close the connection."""
        self.store.close()

    def _limited(self, call: Callable[[], _T], fresh_until: float = math.inf) -> _T:
        for throttled in range(_MAX_THROTTLED + 1):
            if self._limiter.acquire() and self._limiter.time_s() > fresh_until:
                raise PreconditionsExpired
            try:
                return call()
            except StoreThrottled as error:
                if throttled == _MAX_THROTTLED:
                    raise
                wait_s = _THROTTLED_WAIT_S if error.retry_after_s is None else error.retry_after_s
                least_s = min(_MIN_THROTTLED_WAIT_S * 2**throttled, _MAX_MIN_WAIT_S)
                self._limiter.pause(max(wait_s, least_s))
        raise AssertionError("the last try returns or raises")
