"""Migrations: which versions are known, and that replicas which start at once run them one after another."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError

from packhouse.errors import LedgerUnusable
from packhouse.ledger import migrate
from tests.postgres import PostgresServer


@pytest.fixture
def postgres_engine(postgres_server: PostgresServer) -> Iterator[Engine]:
    """A ledger of the newest version on PostgreSQL."""
    engine = create_engine(postgres_server.url(postgres_server.emptied_ledger()))
    yield engine
    engine.dispose()


def test_only_versions_that_a_migration_leads_to_are_known() -> None:
    assert all(migrate.knows(version) for version in ("1", "4", migrate.head()))
    assert not any(migrate.knows(version) for version in ("0001", "9999", "none"))


def test_the_head_is_the_one_that_alembic_finds() -> None:
    assert migrate.head() == ScriptDirectory.from_config(migrate._config()).get_current_head()


def test_a_start_with_tables_of_this_version_imports_no_alembic(tmp_path: Path) -> None:
    opens = (
        "import sys; from packhouse.ledger.engine import open_ledger; "
        f"open_ledger('sqlite:///{tmp_path}/packhouse.db'); print('alembic' in sys.modules)"
    )
    answers = [
        subprocess.run([sys.executable, "-c", opens], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert answers == ["True\n", "False\n"]


def test_an_empty_database_has_no_version_until_it_is_migrated() -> None:
    with create_engine("sqlite://").begin() as connection:
        assert migrate.current(connection) is None
        assert migrate.migrate(connection, "4") == (None, "4")
        assert migrate.migrate(connection) == ("4", migrate.head())
        assert migrate.current(connection) == migrate.head()


def test_a_version_that_we_do_not_know_is_named() -> None:
    with create_engine("sqlite://").begin() as connection:
        migrate.migrate(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(LedgerUnusable, match="schema version 9999, which this version"):
            migrate.migrate(connection)


def test_replicas_that_start_at_once_on_postgresql_migrate_one_after_another(postgres_engine: Engine) -> None:
    with postgres_engine.begin() as first, postgres_engine.begin() as second:
        migrate.migrate(first)
        second.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate.migrate(second)
    with postgres_engine.begin() as second:
        assert migrate.migrate(second) == (migrate.head(), migrate.head())
