"""A provider that refuses again and again is left alone for a while, then tried with one order."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class CircuitBreaker:
    """How each provider has answered lately. Times are seconds on the monotonic clock.

    After `after` refusals in a row a provider rests for `breaker_cooldown_s`; then one order may try it, and its answer
    decides. Kept in memory: a process that starts anew asks anew.
    """

    after: int
    breaker_cooldown_s: float
    _refusals: dict[str, int] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def wait_s(self, provider: str, now: float) -> float:
        """How long not to ask this provider; 0: ask it. The first to ask after a rest is the one who tries."""
        until = self._until.get(provider)
        if until is None:
            return 0.0
        if now < until:
            return until - now
        self._until[provider] = now + self.breaker_cooldown_s
        return 0.0

    def refused(self, provider: str, now: float) -> bool:
        """It did not sell; answers whether it rests from now on, and did not before."""
        count = self._refusals[provider] = self._refusals.get(provider, 0) + 1
        if count < self.after:
            return False
        began = provider not in self._until
        self._until[provider] = now + self.breaker_cooldown_s
        return began

    def sold(self, provider: str) -> None:
        """It sold: all is well again."""
        self._refusals.pop(provider, None)
        self._until.pop(provider, None)
