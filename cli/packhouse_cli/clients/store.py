"""The store's client for a command: it waits and tries again when the store limits the rate of calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from packhouse.store.client import StoreClient

if TYPE_CHECKING:
    from packhouse.store.requests import StoreRequest
    from packhouse.store.responses import StoreResponse
    from packhouse_cli.clients.rate_limiter import RateLimiter

LONGEST_WAIT_S = 300.0  # in all, for one call; then the 429 is raised
_FIRST_WAIT_S = 1.0  # where the store does not say how long
# After "retry in 0 seconds" we still wait a little: 0.05, 0.1, 0.2, ... seconds at least.
_LEAST_SHARE, _LONGEST_LEAST_S = 0.05, 5.0


class RetryingStore(StoreClient):
    """A store client that retries after a 429: when the store says, else after 1, 2, 4, ... seconds.

    It waits LONGEST_WAIT_S at most for one call. With `retries` False a 429 is raised at once. `on_wait` is
    called with the seconds before each wait. `limiter` says when a call may start.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout_s: float,
        retries: bool = True,
        on_wait: Callable[[float], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        limiter: RateLimiter | None = None,
    ) -> None:
        super().__init__(url, api_key, timeout_s=timeout_s)
        self._retries = retries
        self._on_wait = on_wait
        self._sleep = sleep
        self._limiter = limiter

    def ask(self, request: StoreRequest) -> StoreResponse:
        """Send the request. A throttled call had no effect, so the same bytes are sent again."""
        from packhouse.errors import StoreThrottled

        waited, next_s = 0.0, _FIRST_WAIT_S
        while True:
            try:
                # The wait after a refusal was shown below, and is the limiter's too.
                return self._ask_in_turn(request, None if waited else self._on_wait)
            except StoreThrottled as error:
                least_s = min(next_s * _LEAST_SHARE, _LONGEST_LEAST_S)
                wait_s = next_s if error.retry_after_s is None else max(error.retry_after_s, least_s)
                if not self._retries or waited + wait_s > LONGEST_WAIT_S:
                    raise
            if self._on_wait is not None:
                self._on_wait(wait_s)
            self._sleep(wait_s)
            waited, next_s = waited + wait_s, next_s * 2

    def _ask_in_turn(self, request: StoreRequest, on_pause: Callable[[float], None] | None) -> StoreResponse:
        from packhouse.errors import StoreError, StoreThrottled

        if self._limiter is None:
            return super().ask(request)
        turn = self._limiter.acquire(on_pause)
        try:
            answer = super().ask(request)
        except StoreThrottled as error:
            self._limiter.refused(turn, error)
            raise
        except StoreError as error:
            if error.status is not None:
                self._limiter.answered(turn)
            raise
        self._limiter.answered(turn)
        return answer
