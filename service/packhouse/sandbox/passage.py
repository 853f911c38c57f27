"""The way a call takes to the store or the carrier and back, and everything that may go wrong on it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from packhouse.clock import Clock
from packhouse.sandbox.faults import Faults
from packhouse.sandbox.wire import Answer, NoAnswer, Refusal, Request, Reset

_PAGE = b"<!doctype html><title>504</title><h1>Gateway time-out</h1>"


@dataclass(slots=True)
class Pace:
    """How slow one side is, in seconds.

    `latency_s` is the wait of every call, `slow_s` that of the slow ones, `late_s` how long after its lost
    answer a purchase happens, `retry_after_s` what a throttled caller is told.
    """

    latency_s: float = 0.0
    slow_s: float = 2.0
    late_s: float = 2.5
    retry_after_s: int = 1


class Passage:
    """Takes calls to one side. `refuse` writes an error in that side's envelope."""

    def __init__(
        self,
        side: str,
        faults: Faults,
        clock: Clock,
        rng: random.Random,
        pace: Pace,
        refuse: Callable[[Refusal], Answer],
    ) -> None:
        self._side = side
        self._faults = faults
        self._clock = clock
        self._rng = rng
        self._pace = pace
        self._refuse = refuse

    async def take(self, request: Request, effect: Callable[[Request], Answer]) -> Answer:
        """Do `effect`, whole and without interruption, or not at all. Raises NoAnswer or Reset."""
        if self._pace.latency_s:
            await self._clock.sleep(self._pace.latency_s)
        if self._faults.quiet:
            return effect(request)
        if self._strikes("slow"):
            await self._clock.sleep(self._pace.slow_s)
        if self._strikes("throttle"):
            answer = self._refuse(Refusal(429, "rate_limited", "Too many requests."))
            wait = str(self._pace.retry_after_s).encode()
            return Answer(429, answer.body, headers=((b"retry-after", wait),))
        if self._strikes("error_before_effect"):
            return self._broken()
        self._vanish("before")
        answer = effect(request)
        if self._strikes("error_after_effect"):
            return self._broken()
        self._vanish("after")
        if self._strikes("garbage_body"):
            body = answer.body[: len(answer.body) // 2] if self._rng.random() < 0.5 else _PAGE
            return Answer(answer.status, body, answer.content_type)
        return answer

    def _strikes(self, name: str) -> bool:
        return self._faults.strikes(f"{self._side}.{name}")

    def _vanish(self, when: str) -> None:
        if self._strikes(f"no_answer_{when}_effect"):
            raise NoAnswer
        if self._strikes(f"reset_{when}_effect"):
            raise Reset

    def _broken(self) -> Answer:
        return self._refuse(Refusal(500, "internal_error", "Something went wrong on our side."))
