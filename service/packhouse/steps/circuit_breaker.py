"""Stops asking a provider that keeps refusing, then lets one order try it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class CircuitBreaker:
    """How each provider answered lately. Times are seconds on the monotonic clock.

    After `after` refusals in a row the breaker of a provider is open for `breaker_cooldown_s`; then one order
    tries the provider, and the answer decides. The count is kept in memory, so a restart closes all breakers.
    """

    after: int
    breaker_cooldown_s: float
    _refusals: dict[str, int] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def wait_s(self, provider: str, now: float) -> float:
        """Seconds to wait before asking this provider; 0: ask now. After a wait, one caller tries it."""
        until = self._until.get(provider)
        if until is None:
            return 0.0
        if now < until:
            return until - now
        self._until[provider] = now + self.breaker_cooldown_s
        return 0.0

    def refused(self, provider: str, now: float) -> bool:
        """Count an attempt that sold no label. Returns whether this one opened the breaker."""
        count = self._refusals[provider] = self._refusals.get(provider, 0) + 1
        if count < self.after:
            return False
        is_new = provider not in self._until
        self._until[provider] = now + self.breaker_cooldown_s
        return is_new

    def sold(self, provider: str) -> None:
        """Close the breaker: the provider sold a label."""
        self._refusals.pop(provider, None)
        self._until.pop(provider, None)
