"""Writes journal entries. Entries are only added, never changed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert

from packhouse.ledger import facts
from packhouse.ledger.statements import Prepared
from packhouse.ledger.tables import journal
from packhouse.ledger.tx import Tx
from packhouse.model.journal import Entry

_INSERT = Prepared(
    insert(journal).returning(journal.c.id),
    ("at", "order_id", "shipment_id", "actor", "action", "why", "data"),
)


def write(tx: Tx, entries: Sequence[Entry]) -> None:
    """Add entries, in this order."""
    for entry in entries:
        row = {
            "at": tx.now,
            "order_id": entry.order_id,
            "shipment_id": entry.shipment_id,
            "actor": entry.actor,
            "action": entry.action,
            "why": f"{entry.why} {entry.quoted}".strip(),
            "data": dict(entry.data) or None,
        }
        facts.note_entry(tx, _INSERT.scalar(tx.connection, row))
