"""Stops purchases at an account that refuses again and again; after a while one order tries it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class CircuitBreaker:
    """The recent answers of each provider account. Times are seconds on the monotonic clock.

    After `threshold` refusals in a row an account's breaker is open for `cooldown_s`. Then one order may try
    the account, and the answer decides. The state is in memory: a new process starts with closed breakers.
    """

    threshold: int
    cooldown_s: float
    _refusals: dict[str, int] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def wait_s(self, account: str, now: float) -> float:
        """Seconds for which the breaker stays open; 0: ask the account. The first caller then tries it."""
        until = self._until.get(account)
        if until is None:
            return 0.0
        if now < until:
            return until - now
        self._until[account] = now + self.cooldown_s
        return 0.0

    def not_tried(self, account: str, now: float) -> None:
        """The order bought nothing at the account, so its answer is still due: the next order may try it."""
        if account in self._until:
            self._until[account] = now

    def refused(self, account: str, now: float) -> bool:
        """The account did not sell. Returns whether the breaker opens now."""
        count = self._refusals[account] = self._refusals.get(account, 0) + 1
        if count < self.threshold:
            return False
        opens = account not in self._until
        self._until[account] = now + self.cooldown_s
        return opens

    def sold(self, account: str) -> None:
        """The account sold: the breaker closes."""
        self._refusals.pop(account, None)
        self._until.pop(account, None)
