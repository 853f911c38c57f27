"""Looks at a ledger without touching it: is it there, whole, and of a version that this program knows?"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from packhouse.errors import LedgerUnusable, SettingsError
from packhouse.ledger import migrate
from packhouse.ledger.listener import REACH
from packhouse.ledger.port import damaged, translated


def inspect(url: str) -> str:
    """What is there, in a sentence. Changes nothing, whoever else uses it meanwhile.

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
        return f"none yet; the first start makes {file}"
    engine = create_engine(f"sqlite:///file:{file.absolute()}?mode=ro&uri=true", hide_parameters=True)
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            if found != "ok":
                raise damaged(str(found))
            release = connection.exec_driver_sql("SELECT sqlite_version()").scalar()
            return f"SQLite {release}, whole, {_version(connection)}"
    finally:
        engine.dispose()


def _postgres(url: str) -> str:
    address = make_url(url)
    try:
        engine = create_engine(
            address.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            connect_args={name: how for name, how in REACH.items() if name not in address.query},
        )
    except ModuleNotFoundError as error:
        raise SettingsError(
            "PACKHOUSE_LEDGER__URL names a PostgreSQL, whose driver is not installed: "
            "pip install 'packhouse[postgres]'"
        ) from error
    try:
        with engine.connect() as connection:
            release = connection.exec_driver_sql("SHOW server_version").scalar()
            if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
                raise LedgerUnusable(f"PostgreSQL {release} is a standby, which takes no writes")
            return f"PostgreSQL {release}, {_version(connection)}"
    finally:
        engine.dispose()


def _version(connection: Connection) -> str:
    """The tables' version against ours. Raises LedgerUnusable for a newer one."""
    version, ours = migrate.current(connection), migrate.head()
    if version is None:
        return "empty; the first start makes its tables"
    if not migrate.knows(version):
        raise LedgerUnusable(
            f"the ledger has version {version!r}, which this version of Packhouse does not know: it was "
            "written by a newer one. Start that one again, or restore a backup made before the upgrade."
        )
    return f"version {version}" + ("" if version == ours else f"; the next start migrates it to {ours}")
