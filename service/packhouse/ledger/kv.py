"""Small durable facts by name, and which replica may run a duty now."""

from __future__ import annotations

from sqlalchemy import Connection, text

from packhouse.ledger.tx import Tx

_READ = text("SELECT value FROM kv WHERE name = :name")
_WRITE = text(
    "INSERT INTO kv (name, value, updated_at) VALUES (:name, :value, :now) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at"
)
_TAKE = text(
    "INSERT INTO kv (name, value, updated_at) VALUES (:name, :value, :now) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at "
    "WHERE kv.updated_at <= :before OR kv.updated_at > :now"
)


def read(connection: Connection, name: str) -> str | None:
    """The fact's value, if it was ever written."""
    value = connection.execute(_READ, {"name": name}).scalar()
    return None if value is None else str(value)


def write(tx: Tx, name: str, value: str) -> None:
    """Write or replace a fact."""
    tx.connection.execute(_WRITE, {"name": name, "value": value, "now": tx.now})


def claim_turn(tx: Tx, duty: str, who: str, every_s: float) -> bool:
    """Whether this replica runs the duty now: nobody else did within `every_s`. A time ahead of ours (a clock
    that was set back) does not block it.
    """
    return (
        tx.connection.execute(
            _TAKE, {"name": f"duty:{duty}", "value": who, "now": tx.now, "before": tx.now - every_s}
        ).rowcount
        == 1
    )
