"""One time for all replicas: the database's, continued by each replica's monotonic clock."""

from __future__ import annotations

from packhouse.clock import Clock


class DatabaseClock:
    """Implements clock.Clock. Replicas whose wall clocks differ or jump agree on what is due, and on leases.

    Nothing that spends money relies on it: that is fenced by lease tokens and timed on monotonic clocks.
    """

    def __init__(self, local: Clock, database_now: float, took_s: float) -> None:
        self._local = local
        self.set(database_now, took_s)

    def set(self, database_now: float, took_s: float) -> None:
        """Set the database's time, which arrived `took_s` seconds after it was asked for."""
        self._ahead_s = database_now + took_s / 2 - self._local.monotonic()

    def now(self) -> float:
        """The database's wall clock, seconds since 1970 UTC."""
        return self._local.monotonic() + self._ahead_s

    def monotonic(self) -> float:
        """Seconds on the local monotonic clock."""
        return self._local.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep by the local clock."""
        await self._local.sleep(seconds)
