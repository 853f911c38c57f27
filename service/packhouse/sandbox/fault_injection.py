"""Carries out the calls to one fake API, with its latency and with every fault that is on."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from packhouse.clock import Clock
from packhouse.sandbox.faults import Faults
from packhouse.sandbox.http import ApiError, ConnectionReset, NoResponse, Request, Response

_PAGE = b"<!doctype html><title>504</title><h1>Gateway time-out</h1>"


@dataclass(slots=True)
class Latency:
    """How slow one API is, in seconds.

    `latency_s` delays every call, `slow_s` a call with the fault `slow`. With `late_effect`, a purchase takes
    effect `late_s` after the call. `retry_after_s` is the Retry-After of a throttled call; 0: it has none.
    Of more than `limit_per_s` calls in any second, the later ones are throttled; 0: no limit.
    """

    latency_s: float = 0.0
    slow_s: float = 2.0
    late_s: float = 2.5
    retry_after_s: int = 1
    limit_per_s: int = 0


class FaultInjection:
    """Carries out calls to the API named `api`. `error_response` writes an error in that API's envelope."""

    def __init__(
        self,
        api: str,
        faults: Faults,
        clock: Clock,
        rng: random.Random,
        latency: Latency,
        error_response: Callable[[ApiError], Response],
    ) -> None:
        self._api = api
        self._faults = faults
        self._clock = clock
        self._rng = rng
        self._latency = latency
        self._error_response = error_response
        self._allowed_at: deque[float] = deque()

    async def call(self, request: Request, effect: Callable[[Request], Response]) -> Response:
        """Run `effect` completely and without interruption, or not at all.

        Raises NoResponse or ConnectionReset.
        """
        if self._latency.latency_s:
            await self._clock.sleep(self._latency.latency_s)
        if self._latency.limit_per_s and self._is_over_limit():
            return self._throttled()
        if self._faults.all_off:
            return effect(request)
        if self._triggers("slow"):
            await self._clock.sleep(self._latency.slow_s)
        if self._triggers("throttle"):
            return self._throttled()
        if self._triggers("error_before_effect"):
            return self._server_error()
        self._maybe_drop_response("before")
        response = effect(request)
        if self._triggers("error_after_effect"):
            return self._server_error()
        self._maybe_drop_response("after")
        if self._triggers("garbage_body"):
            body = response.body[: len(response.body) // 2] if self._rng.random() < 0.5 else _PAGE
            return Response(response.status, body, response.content_type)
        return response

    def _throttled(self) -> Response:
        response = self._error_response(ApiError(429, "rate_limited", "Too many requests."))
        wait_s = self._latency.retry_after_s
        return Response(
            429, response.body, headers=((b"retry-after", str(wait_s).encode()),) if wait_s else ()
        )

    def _is_over_limit(self) -> bool:
        """Whether the limit's calls of the last second were allowed already; else this one is allowed."""
        now, allowed = self._clock.monotonic(), self._allowed_at
        while allowed and allowed[0] <= now - 1:
            allowed.popleft()
        if len(allowed) >= self._latency.limit_per_s:
            self._faults.count(f"{self._api}.limit")
            return True
        allowed.append(now)
        return False

    def _triggers(self, name: str) -> bool:
        return self._faults.triggers(f"{self._api}.{name}")

    def _maybe_drop_response(self, when: str) -> None:
        if self._triggers(f"no_response_{when}_effect"):
            raise NoResponse
        if self._triggers(f"reset_{when}_effect"):
            raise ConnectionReset

    def _server_error(self) -> Response:
        return self._error_response(ApiError(500, "internal_error", "Something went wrong on our side."))
