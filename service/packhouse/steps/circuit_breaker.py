"""Stops buying at a provider account that refuses or keeps failing, then lets one order try it."""

from __future__ import annotations

from dataclasses import dataclass, field

from packhouse.clock import Clock
from packhouse.model.account import AccountState, Whose


@dataclass(slots=True)
class _Series:
    """The refusals of one account in a row. `since` is wall time; `until` is monotonic, None while closed."""

    since: float
    whose: Whose = Whose.MOMENT
    reason: str = ""
    refusals: int = 0
    until: float | None = None


@dataclass(slots=True)
class CircuitBreaker:
    """The recent results of each provider account. `now` is seconds on the monotonic clock.

    A refusal of the account itself opens its breaker at once, `threshold` failures in a row open it too. Then
    the account is not asked for `cooldown_s`; after that one order tries it, and the result decides. What a
    provider says about one order never counts, and neither does an unknown outcome. The state is kept in
    memory, so a restart closes all breakers.
    """

    threshold: int
    cooldown_s: float
    _series: dict[str, _Series] = field(default_factory=dict)

    def wait_s(self, account: str, now: float) -> float:
        """Seconds to wait before asking this account; 0: ask now. After a wait, one caller tries it."""
        series = self._series.get(account)
        if series is None or series.until is None:
            return 0.0
        if now < series.until:
            return series.until - now
        series.until = now + self.cooldown_s
        return 0.0

    def not_tried(self, account: str, now: float) -> None:
        """The caller's result says nothing about the account, so the next caller tries it."""
        series = self._series.get(account)
        if series is not None and series.until is not None and series.until > now:
            series.until = now

    def refused(
        self, account: str, whose: Whose, reason: str, clock: Clock, retry_after_s: float | None = None
    ) -> bool:
        """Count a purchase that the account refused (ACCOUNT) or failed to make (MOMENT).

        `retry_after_s` is the wait that the provider asks for. Returns whether this opened the breaker.
        """
        series = self._series.setdefault(account, _Series(clock.now()))
        series.whose, series.reason, series.refusals = whose, reason, series.refusals + 1
        was_open = series.until is not None
        if was_open or whose is Whose.ACCOUNT or series.refusals >= self.threshold:
            series.until = clock.monotonic() + max(self.cooldown_s, retry_after_s or 0.0)
        return series.until is not None and not was_open

    def sold(self, account: str) -> bool:
        """Close the breaker: the account sold a label. Returns whether it was open."""
        series = self._series.pop(account, None)
        return series is not None and series.until is not None

    def state(self, account: str, clock: Clock) -> AccountState | None:
        """Why this account buys no labels now; None if it does."""
        series = self._series.get(account)
        if series is None or series.until is None:
            return None
        until = clock.now() + series.until - clock.monotonic()
        return AccountState(account, series.whose, series.reason, series.since, until, series.refusals)

    def states(self, clock: Clock) -> tuple[AccountState, ...]:
        """The accounts that buy no labels now, by name."""
        found = (self.state(account, clock) for account in sorted(self._series))
        return tuple(state for state in found if state is not None)
