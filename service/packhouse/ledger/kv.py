"""Small durable values by name, and which replica may run a periodic task now."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Connection, select, text

from packhouse.ledger.statements import Prepared
from packhouse.ledger.tables import kv
from packhouse.ledger.tx import Tx

_READ = Prepared(text("SELECT value FROM kv WHERE name = :name"))
_READ_WITH_TIME = text("SELECT value, updated_at FROM kv WHERE name = :name")
_WRITE = text(
    "INSERT INTO kv (name, value, updated_at) VALUES (:name, :value, :now) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at"
)
_CLAIM = text(
    "INSERT INTO kv (name, value, updated_at) VALUES (:name, :value, :now) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at "
    "WHERE kv.updated_at <= :before OR kv.updated_at > :now"
)


def read(connection: Connection, name: str) -> str | None:
    """The value, or None if it was never written."""
    value = _READ.scalar(connection, {"name": name})
    return None if value is None else str(value)


def read_many(connection: Connection, names: tuple[str, ...]) -> dict[str, str]:
    """The values of those names that were ever written, read together."""
    return dict(_of_names(names).rows(connection, {}))


@lru_cache(maxsize=16)
def _of_names(names: tuple[str, ...]) -> Prepared:
    return Prepared(select(kv.c.name, kv.c.value).where(kv.c.name.in_(names)))


def read_with_time(connection: Connection, name: str) -> tuple[str, float] | None:
    """The value and when it was written, in seconds since 1970 UTC; None if it never was."""
    row = connection.execute(_READ_WITH_TIME, {"name": name}).first()
    return None if row is None else (str(row.value), float(row.updated_at))


def write(tx: Tx, name: str, value: str) -> None:
    """Write or replace a value."""
    tx.connection.execute(_WRITE, {"name": name, "value": value, "now": tx.now})


def claim_turn(tx: Tx, task: str, worker_id: str, every_s: float) -> bool:
    """Whether this replica may run the task now, because no replica did within `every_s`.

    A time in the future, written before a clock was set back, does not block the task.
    """
    return (
        tx.connection.execute(
            _CLAIM, {"name": f"task:{task}", "value": worker_id, "now": tx.now, "before": tx.now - every_s}
        ).rowcount
        == 1
    )
