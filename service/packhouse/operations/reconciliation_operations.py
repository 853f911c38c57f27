"""The reconciliation after a restore of the ledger: what it found, and what does not add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from packhouse.clock import Clock
from packhouse.errors import OperationRefused
from packhouse.ledger import queries, reconciliation, restores
from packhouse.ledger.port import Ledger
from packhouse.model.journal import JournalEntry

# The newest entries of a report; the journal has them all.
_MOST_ENTRIES = 200
_ACTIONS = ("restore_noticed", "restored", "recalled", "reconciled")


@dataclass(frozen=True, slots=True)
class ReconciliationReport:
    """One reconciliation. Times are seconds since 1970 UTC.

    `state` is "none" (no restore was noticed), "checking" (the accounts are asked at the start), "active" or
    "done". `why` says by what the restore was noticed, `known_until` is the last entry of the backup.
    `open_points` is what does not add up yet, `entries` what was found: the journal's entries, oldest first.
    """

    state: str
    why: str = ""
    noticed_at: float | None = None
    known_until: float | None = None
    open_points: tuple[str, ...] = ()
    entries: tuple[JournalEntry, ...] = ()


class ReconciliationOperations:
    """Shows the reconciliation, and ends it. `listing` are the accounts that list their purchases."""

    def __init__(
        self, ledger: Ledger, clock: Clock, listing: Sequence[str], wake: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._listing = tuple(listing)
        self._wake = wake

    async def report(self) -> ReconciliationReport:
        """The reconciliation that is active, or the last one."""
        return await self._ledger.read(_report, self._listing)

    async def accept(self, *, reason: str, actor: str) -> ReconciliationReport:
        """Continue, even if not everything adds up. Raises OperationRefused if none is active."""
        now = self._clock.now()
        if await self._ledger.write(reconciliation.accept, now, self._listing, reason, actor) is None:
            raise OperationRefused(
                "nothing_to_accept",
                "No restore of the ledger is being reconciled.",
                "To continue after a pause: packhouse resume --reason WHY",
            )
        self._wake()
        return await self.report()


def _report(connection: Connection, listing: Sequence[str]) -> ReconciliationReport:
    first = restores.first_entry(connection)
    found = (
        queries.entries_of_actions(connection, _ACTIONS, first, _MOST_ENTRIES) if first is not None else []
    )
    record = restores.current(connection)
    if record is not None:
        return ReconciliationReport(
            "active",
            restores.CAUSE_MEANING[record.cause],
            record.noticed_at,
            record.known_until,
            reconciliation.open_points(connection, record, listing),
            tuple(entry for entry in found if entry.at >= record.noticed_at),
        )
    if restores.check_since(connection) is not None:
        points = tuple(f"{one.sentence}." for one in restores.unasked(connection))
        why = "the provider accounts are asked for purchases that this ledger does not know"
        return ReconciliationReport("checking", why, open_points=points or (restores.NOT_ANSWERED,))
    if not found:
        return ReconciliationReport("none")
    return ReconciliationReport("done", found[0].why, found[0].at, entries=tuple(found))
