"""Received events: each is recorded once, and its order woken, in one transaction."""

from __future__ import annotations

from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, bindparam, delete, insert, literal, select

from packhouse.ledger import journal, leases
from packhouse.ledger.statements import Prepared, insert_or_ignore
from packhouse.ledger.tables import dead_letters, events
from packhouse.ledger.tx import Tx
from packhouse.model.event import ECHO_EVENTS, STORE, Event, EventRecord
from packhouse.model.journal import Entry

_INSERT = Prepared(
    insert_or_ignore(
        events, ("source", "external_id", "type", "order_id", "site_slug", "received_at", "outcome", "body")
    )
)
_INSERT_DEAD = insert(dead_letters)

_PRUNE = tuple(
    delete(table).where(
        table.c.id.in_(
            select(table.c.id).where(table.c.received_at < bindparam("before")).limit(bindparam("most"))
        )
    )
    for table in (events, dead_letters)
)

UNREADABLE: Final = "unreadable"
_RECORD = select(
    *(events.c[name] for name in ("external_id", "type", "order_id", "site_slug", "received_at", "outcome"))
)

Receipt = Literal["accepted", "duplicate", "ignored"]
ACCEPTED: Final = "accepted"
DUPLICATE: Final = "duplicate"
IGNORED: Final = "ignored"


def receive(tx: Tx, event: Event, echo_delay_s: float, mine: bool = True) -> Receipt:
    """Record an event and wake its order; returns "accepted", "duplicate", or "ignored" (no order of ours).

    `mine` is False for an event of a site this daemon does not serve.
    """
    outcome: Receipt = ACCEPTED if event.is_known and mine else IGNORED
    inserted = _INSERT.run(
        tx.connection,
        {
            "source": event.source,
            "external_id": event.id,
            "type": event.type,
            "order_id": event.order_id,
            "site_slug": event.site_slug,
            "received_at": tx.now,
            "outcome": outcome,
            "body": event.body,
        },
    )
    if not inserted:
        return DUPLICATE
    if outcome == ACCEPTED:
        leases.wake(
            tx,
            event.order_id,
            site_slug=event.site_slug,
            shipped_delay_s=echo_delay_s if event.type in ECHO_EVENTS else 0.0,
        )
        journal.write(
            tx,
            [
                Entry(
                    event.order_id,
                    "event_received",
                    f"The store sent {event.type}.",
                    data={"event": event.id},
                )
            ],
        )
    return outcome


def keep_dead_letter(tx: Tx, body: bytes, reason: str) -> None:
    """Keep a correctly signed body that cannot be read."""
    tx.connection.execute(_INSERT_DEAD, {"received_at": tx.now, "reason": reason, "body": body})


def records(
    connection: Connection, order_id: str, outcome: str, limit: int, before: float | None
) -> list[EventRecord]:
    """Events, the newest first: an order's, of one outcome, from before a time; "" and None for any."""
    if outcome == UNREADABLE:
        return _unreadable(connection, limit, before)
    statement = _RECORD.order_by(events.c.received_at.desc(), events.c.id.desc()).limit(limit)
    if order_id:
        statement = statement.where(events.c.order_id == order_id)
    if outcome:
        # As a literal, which the index of the ignored ones needs.
        statement = statement.where(events.c.outcome == literal(outcome, literal_execute=True))
    if before is not None:
        statement = statement.where(events.c.received_at < before)
    return [_record(row) for row in connection.execute(statement)]


def _unreadable(connection: Connection, limit: int, before: float | None) -> list[EventRecord]:
    statement = (
        select(dead_letters.c.id, dead_letters.c.received_at, dead_letters.c.reason)
        .order_by(dead_letters.c.received_at.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(dead_letters.c.received_at < before)
    return [
        EventRecord(f"unreadable-{row.id}", "", "", "", row.received_at, UNREADABLE, row.reason)
        for row in connection.execute(statement)
    ]


def record(connection: Connection, event_id: str) -> EventRecord | None:
    """One event."""
    row = connection.execute(
        _RECORD.where(events.c.source == STORE, events.c.external_id == event_id)
    ).first()
    return _record(row) if row else None


def _record(row: Row[Any]) -> EventRecord:
    return EventRecord(row.external_id, row.type, row.order_id, row.site_slug, row.received_at, row.outcome)


def prune(tx: Tx, before: float, most: int) -> int:
    """Forget up to `most` events, and as many dead letters, received before this time; returns how many."""
    values = {"before": before, "most": most}
    return sum(tx.connection.execute(statement, values).rowcount for statement in _PRUNE)
