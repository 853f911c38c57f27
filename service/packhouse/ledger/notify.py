"""The bell: a unit of work says that it made an order due; once that is committed, every replica is told.

It is rung after the transaction and not in it: a commit that carries a NOTIFY waits for all others that do,
and for the disk while it waits. A ring that is lost costs a tick, no more.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from packhouse.ledger.tx import Tx

CHANNEL: Final = "packhouse_due"

_SAID = "an order became due"
_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', '')")


def mark_due(tx: Tx, due_at: float | None) -> None:
    """Have the others told, after the commit, if this order is due; one that is due later is the tick's."""
    if due_at is not None and due_at <= tx.now:
        tx.connection.info[_SAID] = True


def take_mark(connection: Connection) -> bool:
    """Whether a unit rang since this was last asked."""
    return bool(connection.info.pop(_SAID, False))


def send(tx: Tx) -> None:
    """Wake whoever listens; PostgreSQL alone knows how."""
    tx.connection.execute(_NOTIFY)
