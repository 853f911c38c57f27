"""A carrier that refuses again and again is left alone for a while, then tried with one order."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Resting:
    """How each carrier has answered lately. Times are seconds on the monotonic clock.

    After `after` refusals in a row a carrier rests for `rest_s`; then one order may try it, and its answer
    decides. Kept in memory: a process that starts anew asks anew.
    """

    after: int
    rest_s: float
    _refusals: dict[str, int] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def wait_s(self, carrier: str, now: float) -> float:
        """How long not to ask this carrier; 0: ask it. The first to ask after a rest is the one who tries."""
        until = self._until.get(carrier)
        if until is None:
            return 0.0
        if now < until:
            return until - now
        self._until[carrier] = now + self.rest_s
        return 0.0

    def refused(self, carrier: str, now: float) -> bool:
        """It did not sell; answers whether it rests from now on, and did not before."""
        count = self._refusals[carrier] = self._refusals.get(carrier, 0) + 1
        if count < self.after:
            return False
        began = carrier not in self._until
        self._until[carrier] = now + self.rest_s
        return began

    def sold(self, carrier: str) -> None:
        """It sold: all is well again."""
        self._refusals.pop(carrier, None)
        self._until.pop(carrier, None)
