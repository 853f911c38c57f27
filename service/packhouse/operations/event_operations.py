"""Operations on received webhook events: replay."""

from __future__ import annotations

from collections.abc import Callable

from packhouse.clock import Clock
from packhouse.errors import OperationRefused
from packhouse.ledger import inbox, journal, leases
from packhouse.ledger.port import Ledger
from packhouse.ledger.tx import Tx
from packhouse.model.event import EventRecord
from packhouse.model.journal import Entry
from packhouse.operations.queries import unknown_event


class EventOperations:
    """Replays webhook events. `wake` makes the workers look for due orders at once."""

    def __init__(self, ledger: Ledger, clock: Clock, wake: Callable[[], None]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._wake = wake

    async def replay(self, event_id: str, *, reason: str, actor: str) -> EventRecord:
        """Process the event's order again, now. Raises OperationRefused for an event that was ignored."""
        record = await self._ledger.write(_replay, self._clock.now(), event_id, reason, actor)
        self._wake()
        return record


def _replay(tx: Tx, event_id: str, reason: str, actor: str) -> EventRecord:
    record = inbox.record(tx.connection, event_id)
    if record is None:
        raise unknown_event(event_id)
    if record.outcome == inbox.IGNORED or not record.order_id:
        raise OperationRefused(
            "event_ignored",
            f"Event {event_id} ({record.type}) was ignored: it is about no order that this daemon serves.",
            "To process an order again: packhouse shipments retry SHIPMENT --reason WHY",
        )
    leases.wake(tx, record.order_id, site_slug=record.site_slug)
    entry = Entry(
        record.order_id, "replayed", f"{record.type}: {reason}", actor=actor, data={"event": event_id}
    )
    journal.write(tx, [entry])
    return record
