"""Writes journal entries. Entries are only added, never changed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert

from packhouse.ledger import facts
from packhouse.ledger.tables import journal
from packhouse.ledger.tx import Tx
from packhouse.model.journal import Entry

_INSERT = insert(journal).returning(journal.c.id)


def write(tx: Tx, entries: Sequence[Entry]) -> None:
    """Add entries, in this order."""
    if entries:
        added = tx.connection.execute(
            _INSERT,
            [
                {
                    "at": tx.now,
                    "order_id": entry.order_id,
                    "shipment_id": entry.shipment_id,
                    "actor": entry.actor,
                    "action": entry.action,
                    "why": f"{entry.why} {entry.quoted}".strip(),
                    "data": dict(entry.data) or None,
                }
                for entry in entries
            ],
        )
        facts.note_entry(tx, max(added.scalars()))
