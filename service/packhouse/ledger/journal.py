"""Writing the story down. Entries are only ever added."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert

from packhouse.ledger.tables import journal
from packhouse.ledger.tx import Tx
from packhouse.model.journal import Entry

_INSERT = insert(journal)


def write(tx: Tx, entries: Sequence[Entry]) -> None:
    """Add entries, in order."""
    if entries:
        tx.connection.execute(
            _INSERT,
            [
                {
                    "at": tx.now,
                    "order_id": act.order_id,
                    "shipment_id": act.shipment_id,
                    "actor": act.actor,
                    "action": act.action,
                    "why": f"{act.why} {act.quoted}".strip(),
                    "data": dict(act.data) or None,
                }
                for act in entries
            ],
        )
