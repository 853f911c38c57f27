"""Migrates a ledger's tables to this program's version, and reads which version they have.

Alembic is imported only where there is something to migrate: with what it imports, it is a tenth of a
daemon's memory, and most starts find the tables as they should be.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, inspect, text

from packhouse.errors import LedgerUnusable

_VERSIONS = Path(__file__).parent / "migrations" / "versions"
# Any number, the same in every replica: replicas that start at once migrate one after another.
_MIGRATION_LOCK = 7_402_163_055


def _config() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "packhouse.ledger:migrations")
    config.set_main_option("path_separator", "os")
    return config


@cache
def head() -> str:
    """The version this program writes: the number of its newest migration, as its file is named."""
    return str(max(int(file.name[1:5]) for file in _VERSIONS.glob("m[0-9]*_*.py")))


def current(connection: Connection) -> str | None:
    """The version of the tables behind this connection; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    versions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
    return " and ".join(versions) or None


def knows(version: str) -> bool:
    """Whether this program has a migration that leads to this version."""
    from alembic.script import ScriptDirectory
    from alembic.util.exc import CommandError

    try:
        ScriptDirectory.from_config(_config()).get_revision(version)
    except CommandError:
        return False
    return True


def migrate(connection: Connection, to: str = "") -> tuple[str | None, str]:
    """Migrate to `head()`, or to an older version, inside the connection's transaction: (before, after).

    Raises LedgerUnusable if this program does not know the version of the tables.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": _MIGRATION_LOCK})
    before, to = current(connection), to or head()
    if before == to:
        return before, to
    from alembic import command
    from alembic.util.exc import CommandError

    config = _config()
    config.attributes["connection"] = connection
    try:
        if before:
            # With many orders it takes minutes, in which the daemon answers nothing yet.
            structlog.get_logger("packhouse").info("ledger_migrating", version=before, to=to)
        command.upgrade(config, to)  # it refuses to begin at a version that it does not know
    except CommandError as error:
        raise unknown(str(before)) from error
    return before, str(current(connection))


def unknown(version: str) -> LedgerUnusable:
    """The error for tables of a version that no migration of this program leads to."""
    return LedgerUnusable(
        f"the ledger has schema version {version}, which this version of Packhouse does not know. If a newer "
        "version wrote it, start that version again, or restore a backup made before the upgrade. If it is "
        "from before the first release, no version can migrate it: move it aside, and check the provider "
        "accounts for labels that are not posted yet."
    )
