"""Opens the ledger: SQLite in one file, or PostgreSQL, which many replicas can share."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.engine import make_url

from packhouse.errors import LedgerUnusable
from packhouse.ledger.postgres import PostgresLedger
from packhouse.ledger.sqlite import SqliteLedger


def open_ledger(
    url: str, *, connections: int = 8, on_batch: Callable[[int], None] | None = None
) -> SqliteLedger | PostgresLedger:
    """Open the ledger at this SQLAlchemy address and migrate it.

    Raises LedgerUnavailable if it cannot be reached, LedgerUnusable if it is damaged or its version unknown.
    """
    backend = make_url(url).get_backend_name()
    if backend == "sqlite":
        return SqliteLedger(url, on_batch=on_batch)
    if backend == "postgresql":
        return PostgresLedger(url, connections=connections)
    raise LedgerUnusable(
        f"PACKHOUSE_LEDGER__URL names {backend!r}, which is not supported; use sqlite:///... or postgresql+psycopg://..."
    )
