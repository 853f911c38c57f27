"""Stops asking a provider account that keeps refusing, then lets one order try it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class CircuitBreaker:
    """The recent results of each provider account. Times are seconds on the monotonic clock.

    After `threshold` refusals in a row the breaker of an account is open for `cooldown_s`; then one order
    tries the account, and the result decides. The count is kept in memory, so a restart closes all breakers.
    """

    threshold: int
    cooldown_s: float
    _refusals: dict[str, int] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def wait_s(self, account: str, now: float) -> float:
        """Seconds to wait before asking this account; 0: ask now. After a wait, one caller tries it."""
        until = self._until.get(account)
        if until is None:
            return 0.0
        if now < until:
            return until - now
        self._until[account] = now + self.cooldown_s
        return 0.0

    def not_tried(self, account: str, now: float) -> None:
        """The caller bought elsewhere, so the account is still untried: the next caller tries it."""
        if account in self._until:
            self._until[account] = now

    def refused(self, account: str, now: float) -> bool:
        """Count an attempt that sold no label. Returns whether this one opened the breaker."""
        count = self._refusals[account] = self._refusals.get(account, 0) + 1
        if count < self.threshold:
            return False
        is_new = account not in self._until
        self._until[account] = now + self.cooldown_s
        return is_new

    def sold(self, account: str) -> None:
        """Close the breaker: the account sold a label."""
        self._refusals.pop(account, None)
        self._until.pop(account, None)
