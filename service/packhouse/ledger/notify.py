"""Notifies every replica of due orders, once the transaction that made them due is committed.

The notification follows the transaction, because commits that carry a NOTIFY wait for one another. A lost
notification delays an order until the next tick, no longer.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from packhouse.ledger.tx import Tx

CHANNEL: Final = "packhouse_due"

_MARK = "an order became due"
_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', '')")


def mark_due(tx: Tx, due_at: float | None) -> None:
    """Mark the transaction if this order is due now. An order that is due later waits for a tick."""
    if due_at is not None and due_at <= tx.now:
        tx.connection.info[_MARK] = True


def take_mark(connection: Connection) -> bool:
    """Whether a unit marked the transaction since the last call."""
    return bool(connection.info.pop(_MARK, False))


def send(tx: Tx) -> None:
    """Notify the listening replicas, on PostgreSQL."""
    tx.connection.execute(_NOTIFY)
