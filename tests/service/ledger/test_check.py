"""What `doctor` says of a ledger, and that its look changes nothing."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine

from packhouse.errors import LedgerUnavailable, LedgerUnusable, SettingsError
from packhouse.ledger import migrate
from packhouse.ledger.check import check_ledger
from packhouse.ledger.engine import open_ledger
from tests.postgres import PostgresServer
from tests.service.ledger.open_files import open_connections, open_files_in


def made(file: Path) -> str:
    """Make a ledger; returns its address."""
    address = f"sqlite:///{file}"
    asyncio.run(open_ledger(address).close())
    return address


def change(file: Path, statement: str) -> None:
    connection = sqlite3.connect(file)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_ledger_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "packhouse.db"
    assert check_ledger(f"sqlite:///{file}") == f"does not exist yet; the first start creates {file}"
    assert not file.exists()


@pytest.mark.parametrize("folder", ["plain", "50%", "a#1", "what?"])
def test_a_sound_ledger_is_undamaged_and_of_our_version(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    file = tmp_path / folder / "packhouse.db"
    asyncio.run(open_ledger(f"sqlite:///{tmp_path / 'packhouse.db'}").close())
    (tmp_path / "packhouse.db").rename(file)
    said = check_ledger(URL.create("sqlite", database=str(file)).render_as_string())
    assert said == f"SQLite {sqlite3.sqlite_version}, undamaged, version {migrate.head()}"


def test_an_older_ledger_is_said_to_be_migrated_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "packhouse.db"
    address = made(file)
    change(file, "UPDATE alembic_version SET version_num = '4'")
    assert check_ledger(address).endswith(f"version 4; the next start migrates it to {migrate.head()}")


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    file = tmp_path / "packhouse.db"
    file.touch()
    said = check_ledger(f"sqlite:///{file}")
    assert said.endswith("undamaged, empty; the first start creates its tables")
    assert file.stat().st_size == 0


def test_a_ledger_of_a_version_that_we_do_not_know_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "packhouse.db"
    address = made(file)
    change(file, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerUnusable, match="schema version 9999, which this version"):
        check_ledger(address)


def test_a_damaged_ledger_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "packhouse.db"
    address = made(file)
    damage(file)
    with pytest.raises(LedgerUnusable, match=r"file is damaged \(.*Move it aside"):
        check_ledger(address)


def damage(file: Path) -> None:
    """Overwrite the pages after the first one, so that only a look at each page finds it."""
    with file.open("r+b") as opened:
        opened.seek(8192)
        opened.write(b"\xff" * 4096)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "packhouse.db"
    file.write_bytes(b"a shopping list" * 1000)
    with pytest.raises(LedgerUnusable, match="not a database"):
        check_ledger(f"sqlite:///{file}")


def test_an_address_without_a_file_is_no_ledger() -> None:
    with pytest.raises(LedgerUnavailable, match="database is unavailable"):
        check_ledger("sqlite://")


def test_a_check_keeps_no_file_open(tmp_path: Path) -> None:
    address = made(tmp_path / "packhouse.db")
    check_ledger(address)
    assert open_files_in(tmp_path) == []


def test_a_missing_driver_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for use in (check_ledger, open_ledger):
        with pytest.raises(SettingsError, match=r"pip install 'packhouse\[postgres\]'"):
            use("postgresql://localhost/packhouse")


def test_a_sound_postgresql_is_of_our_version(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    ((release,),) = postgres_server.sql("SHOW server_version")
    before = open_connections()
    for driver in ("postgresql", "postgresql+psycopg"):
        address = postgres_server.url(postgres_database).replace("postgresql+psycopg", driver)
        assert check_ledger(address) == f"PostgreSQL {release}, version {migrate.head()}"
    assert open_connections() == before


@pytest.mark.parametrize("options", ["", "?application_name=mine&client_encoding=LATIN1"])
def test_the_check_connects_as_the_daemon_does(
    postgres_server: PostgresServer, postgres_database: str, options: str
) -> None:
    connected: list[dict[str, str]] = []

    def note(connection: Any, _record: object) -> None:
        info = connection.info
        connected.append(info.get_parameters() | {"encoding": info.encoding})

    event.listen(Engine, "connect", note)
    try:
        check_ledger(postgres_server.url(postgres_database) + options)
    finally:
        event.remove(Engine, "connect", note)
    (found,) = connected
    assert found["application_name"] == ("mine" if options else "packhouse")
    assert (found["connect_timeout"], found["encoding"]) == ("2", "utf-8")


def test_an_empty_postgresql_is_said_to_be_empty(postgres_server: PostgresServer) -> None:
    database = postgres_server.new_database()
    said = check_ledger(postgres_server.url(database))
    assert said.endswith("empty; the first start creates its tables")
    postgres_server.drop(database)


def test_a_standby_is_refused_with_the_name_of_the_setting(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    postgres_server.sql(
        "CREATE FUNCTION pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        database=postgres_database,
    )
    postgres_server.sql(f"ALTER DATABASE {postgres_database} SET search_path = public, pg_catalog")
    with pytest.raises(LedgerUnusable, match=r"is a standby, which accepts no writes\. Name the primary"):
        check_ledger(postgres_server.url(postgres_database))
