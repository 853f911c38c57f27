"""Migrates a ledger's tables to this program's version, and reads which version they have."""

from __future__ import annotations

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text

from packhouse.errors import LedgerUnusable

# Any number, the same in every replica: replicas that start at once migrate one after another.
_MIGRATION_LOCK = 7_402_163_055


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "packhouse.ledger:migrations")
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """The version this program writes."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def current(connection: Connection) -> str | None:
    """The version of the tables behind this connection; None for an empty database."""
    return MigrationContext.configure(connection).get_current_revision()


def knows(version: str) -> bool:
    """Whether this program has a migration that leads to this version."""
    try:
        ScriptDirectory.from_config(_config()).get_revision(version)
    except CommandError:
        return False
    return True


def migrate(connection: Connection, to: str = "head") -> tuple[str | None, str]:
    """Migrate to `head`, or to an older version, inside the connection's transaction: (before, after).

    Raises LedgerUnusable if this program does not know the version of the tables.
    """
    config = _config()
    config.attributes["connection"] = connection
    try:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": _MIGRATION_LOCK})
        before = current(connection)
        if to == "head" and before == head():
            return before, before
        if before:
            # With many orders it takes minutes, in which the daemon answers nothing yet.
            structlog.get_logger("packhouse").info("ledger_migrating", version=before, to=head())
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
