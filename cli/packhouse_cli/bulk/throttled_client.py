"""Rate-limited calls to the store. Reads are retried; a change is resent only if it surely had no effect."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import TypeVar

from packhouse.errors import StoreError, StoreThrottled, StoreUnreachable
from packhouse.model.order import Order
from packhouse.store.client import StoreClient
from packhouse.store.requests import StoreRequest
from packhouse.store.responses import StoreResponse
from packhouse_cli.clients.rate_limiter import RateLimiter

MAX_TRIES = 5
_FIRST_WAIT_S = 0.2
_MAX_THROTTLED = 60
# If the store delays a change longer than this, the order is read again first.
FRESH_S = 10.0

_T = TypeVar("_T")


class PreconditionsExpired(Exception):
    """The store delayed a change so long that the order may have changed; the change was not sent."""


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
            turn = self._limiter.acquire()
            if turn.was_paused and self._limiter.time_s() > fresh_until:
                raise PreconditionsExpired
            try:
                result = call()
            except StoreThrottled as error:
                self._limiter.refused(turn, error)
                if throttled == _MAX_THROTTLED:
                    raise
            except StoreError as error:
                if error.status is not None:
                    self._limiter.answered(turn)
                raise
            else:
                self._limiter.answered(turn)
                return result
        raise AssertionError("the last try returns or raises")
