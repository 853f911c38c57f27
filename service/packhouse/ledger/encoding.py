"""PostgreSQL's encodings: a ledger holds names in every script, so its database must be in UTF-8."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from packhouse.errors import LedgerUnusable

# Whatever the URL, the environment or the database says of it. Without it, texts of a database in SQL_ASCII
# come as bytes.
CLIENT_ENCODING: Final[dict[str, Any]] = {"client_encoding": "UTF8"}


def require_utf8(connection: Connection) -> None:
    """Raise LedgerUnusable for a database in another encoding, with the command that makes one."""
    encoding, name = connection.exec_driver_sql(
        "SELECT pg_encoding_to_char(encoding), datname FROM pg_database WHERE datname = current_database()"
    ).one()
    if encoding != "UTF8":
        raise LedgerUnusable(
            f"the ledger's database {name!r} is in {encoding}, which cannot hold every name and address. "
            f"Create another one with: createdb --template=template0 --encoding=UTF8 {name}_utf8, and "
            "name it in PACKHOUSE_LEDGER__URL. To move a ledger there, use pg_dump and psql."
        )
