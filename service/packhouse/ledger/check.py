"""Checks a ledger for `doctor` without changing it: is it there, undamaged, and of a version we know?"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from packhouse.errors import LedgerUnusable, SettingsError
from packhouse.ledger import migrate
from packhouse.ledger.encoding import CLIENT_ENCODING, require_utf8
from packhouse.ledger.listener import REACH
from packhouse.ledger.port import damaged, translated


def check_ledger(url: str) -> str:
    """One sentence about the ledger at this address. Safe while a daemon uses the ledger.

    Raises LedgerUnavailable, LedgerUnusable, or SettingsError where the driver is missing.
    """
    address = make_url(url)
    try:
        if address.get_backend_name() == "sqlite":
            return _sqlite(Path(address.database or ""))
        return _postgres(url)
    except DBAPIError as error:
        raise translated(error) from error


def _sqlite(file: Path) -> str:
    if not file.exists():
        return f"does not exist yet; the first start creates {file}"
    # The driver reads a URI here, in which %, ? and # of a folder's name must be encoded.
    address = URL.create(
        "sqlite", database=f"file:{quote(str(file.absolute()))}", query={"mode": "ro", "uri": "true"}
    )
    engine = create_engine(address, hide_parameters=True)
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            if found != "ok":
                raise damaged(str(found))
            release = connection.exec_driver_sql("SELECT sqlite_version()").scalar()
            return f"SQLite {release}, undamaged, {_version(connection)}"
    finally:
        engine.dispose()


def _postgres(url: str) -> str:
    address = make_url(url)
    try:
        engine = create_engine(
            address.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            connect_args={name: how for name, how in REACH.items() if name not in address.query}
            | CLIENT_ENCODING,
        )
    except ModuleNotFoundError as error:
        raise SettingsError(
            "PACKHOUSE_LEDGER__URL names a PostgreSQL database, and its driver is not installed. Run: "
            "pip install 'packhouse[postgres]'"
        ) from error
    try:
        with engine.connect() as connection:
            release = connection.exec_driver_sql("SHOW server_version").scalar()
            if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
                raise LedgerUnusable(
                    f"PostgreSQL {release} is a standby, which accepts no writes. Name the primary in "
                    "PACKHOUSE_LEDGER__URL."
                )
            require_utf8(connection)
            return f"PostgreSQL {release}, {_version(connection)}"
    finally:
        engine.dispose()


def _version(connection: Connection) -> str:
    """The version of its tables, compared with ours. Raises LedgerUnusable for one that we do not know."""
    version, ours = migrate.current(connection), migrate.head()
    if version is None:
        return "empty; the first start creates its tables"
    if not migrate.knows(version):
        raise migrate.unknown(version)
    return f"version {version}" + ("" if version == ours else f"; the next start migrates it to {ours}")
