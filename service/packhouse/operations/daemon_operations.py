"""Operations on the daemon as a whole: pause and resume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import OperationRefused
from packhouse.ledger import guard, journal
from packhouse.ledger.port import Ledger
from packhouse.ledger.tx import Tx
from packhouse.model.journal import Entry
from packhouse.operations.queries import Queries
from packhouse.operations.transaction import add_reason
from packhouse.operations.views import StatusReport


class DaemonOperations:
    """Stops and restarts buying and posting for all orders. `wake` makes the workers look for due orders."""

    def __init__(
        self, ledger: Ledger, clock: Clock, settings: Settings, queries: Queries, wake: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._queries = queries
        self._wake = wake

    async def pause(self, *, reason: str, actor: str) -> StatusReport:
        """Stop buying and posting. Webhooks are still accepted, orders still read, labels still voided."""
        await self._ledger.write(_pause, self._clock.now(), reason, actor)
        return await self._queries.status()

    async def resume(self, *, reason: str, actor: str) -> StatusReport:
        """Buy and post again; what waited is due at once.

        Raises OperationRefused while a setting pauses the daemon.
        """
        if self._settings.guard.paused:
            raise OperationRefused(
                "paused_by_setting",
                "The setting PACKHOUSE_GUARD__PAUSED pauses the daemon.",
                "Remove the setting and restart the daemon.",
            )
        await self._ledger.write(_resume, self._clock.now(), reason, actor)
        self._wake()
        return await self._queries.status()


def _pause(tx: Tx, reason: str, actor: str) -> None:
    known, since = guard.pause_record(tx.connection) or ("", None)
    why = add_reason(known, f"{actor}: {reason}")
    if why == known:
        return
    # A pause that gets another reason began when it began.
    guard.pause(tx if since is None else replace(tx, now=since), why)
    journal.write(tx, [Entry("", "paused", reason, actor=actor)])


def _resume(tx: Tx, reason: str, actor: str) -> None:
    guard.pause(tx, "")
    journal.write(tx, [Entry("", "resumed", reason, actor=actor)])
