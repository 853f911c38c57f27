"""Small durable facts by name, and which replica may run a duty now."""

from __future__ import annotations

from sqlalchemy import Connection, text

_READ = text("SELECT value FROM marks WHERE name = :name")
_WRITE = text(
    "INSERT INTO marks (name, value, updated_at) VALUES (:name, :value, :now) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at"
)
_TAKE = text(
    "INSERT INTO marks (name, value, updated_at) VALUES (:name, :value, :now) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at "
    "WHERE marks.updated_at <= :before OR marks.updated_at > :now"
)


def read(connection: Connection, name: str) -> str | None:
    """The fact's value, if it was ever written."""
    value = connection.execute(_READ, {"name": name}).scalar()
    return None if value is None else str(value)


def write(connection: Connection, now: float, name: str, value: str) -> None:
    """Write or replace a fact."""
    connection.execute(_WRITE, {"name": name, "value": value, "now": now})


def claim_turn(connection: Connection, now: float, duty: str, who: str, every_s: float) -> bool:
    """Whether this replica runs the duty now: nobody else did within `every_s`. A time ahead of ours (a clock
    that was set back) does not block it.
    """
    return (
        connection.execute(
            _TAKE, {"name": f"duty:{duty}", "value": who, "now": now, "before": now - every_s}
        ).rowcount
        == 1
    )
