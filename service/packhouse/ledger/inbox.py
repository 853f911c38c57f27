"""Events as they arrive: recorded once, and their order woken, in one transaction."""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy import Connection, delete, insert

from packhouse.ledger import journal, leases
from packhouse.ledger.statements import insert_or_ignore
from packhouse.ledger.tables import dead_letters, events
from packhouse.model.event import ECHO_EVENTS, Event
from packhouse.model.journal import Act

_INSERT = insert_or_ignore(events, ("id", "type", "order_id", "site_slug", "received_at", "outcome", "body"))
_INSERT_DEAD = insert(dead_letters)

Receipt = Literal["new", "duplicate", "ignored"]
NEW: Final = "new"
DUPLICATE: Final = "duplicate"
IGNORED: Final = "ignored"


def receive(
    connection: Connection, now: float, event: Event, echo_delay_s: float, mine: bool = True
) -> Receipt:
    """Record an event and wake its order; answers "new", "duplicate" or "ignored" (of no concern to us).

    `mine` is False for an event of a site this daemon does not serve.
    """
    outcome: Receipt = NEW if event.is_known and mine else IGNORED
    inserted = connection.execute(
        _INSERT,
        {
            "id": event.id,
            "type": event.type,
            "order_id": event.order_id,
            "site_slug": event.site_slug,
            "received_at": now,
            "outcome": outcome,
            "body": event.body,
        },
    )
    if inserted.rowcount == 0:
        return DUPLICATE
    if outcome == NEW:
        leases.wake(
            connection,
            now,
            event.order_id,
            site_slug=event.site_slug,
            shipped_delay_s=echo_delay_s if event.type in ECHO_EVENTS else 0.0,
        )
        journal.write(
            connection,
            now,
            [Act(event.order_id, "heard", f"The store sent {event.type}.", data={"event": event.id})],
        )
    return outcome


def keep_dead_letter(connection: Connection, now: float, body: bytes, reason: str) -> None:
    """Keep a well-signed body that could not be read."""
    connection.execute(_INSERT_DEAD, {"received_at": now, "reason": reason, "body": body})


def prune(connection: Connection, before: float) -> int:
    """Forget events and dead letters received before this time; answers how many."""
    gone = connection.execute(delete(events).where(events.c.received_at < before)).rowcount
    return gone + connection.execute(delete(dead_letters).where(dead_letters.c.received_at < before)).rowcount
