"""The declared tables and the migrated ones agree in every detail a database knows of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, insert, text

from packhouse.ledger import migrate
from packhouse.ledger.tables import metadata

Empty = Callable[[], Connection]
Schema = dict[str, set[tuple[Any, ...]]]

_POSTGRES = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity
        FROM information_schema.columns WHERE table_schema = 'public'
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    """,
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}


def schema_of(connection: Connection) -> Schema:
    """What the database says of every table of the ledger."""
    read = _sqlite_schema if connection.dialect.name == "sqlite" else _postgres_schema
    found = read(connection)
    return {
        part: {row for row in rows if "alembic_version" not in str(row[0])} for part, rows in found.items()
    }


def _postgres_schema(connection: Connection) -> Schema:
    return {
        part: set(map(tuple, connection.execute(text(statement)).all()))
        for part, statement in _POSTGRES.items()
    }


def _sqlite_schema(connection: Connection) -> Schema:
    def ask(statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]

    declared = ask("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    tables = [name for name, _ in declared]
    columns = {(table, *row[1:]) for table in tables for row in ask(f"PRAGMA table_info({table})")}
    keys = {(table, *row[2:5]) for table in tables for row in ask(f"PRAGMA foreign_key_list({table})")}
    indexes = {
        (name, " ".join(sql.split()))
        for name, sql in ask("SELECT name, sql FROM sqlite_master WHERE type = 'index'")
        if sql
    }
    unique = {
        (table, tuple(column for _, _, column in ask(f"PRAGMA index_info({row[1]})")))
        for table in tables
        for row in ask(f"PRAGMA index_list({table})")
        if row[3] == "u"
    }
    counted = {(name,) for name, sql in declared if "AUTOINCREMENT" in sql}
    return {"columns": columns, "keys": keys, "indexes": indexes, "unique": unique, "counted": counted}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest) -> Iterator[Empty]:
    """Makes empty databases of either kind; the caller is inside a transaction of each."""
    made: list[tuple[Connection, str]] = []
    server = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None

    def make() -> Connection:
        name = server.new_database() if server else ""
        connection = create_engine(server.url(name) if server else "sqlite://").connect()
        made.append((connection, name))
        return connection

    yield make
    for connection, name in made:
        connection.close()
        connection.engine.dispose()
        if server:
            server.drop(name)


def test_a_migrated_database_is_the_declared_one(empty: Empty) -> None:
    migrated, declared = empty(), empty()
    migrate.migrate(migrated)
    metadata.create_all(declared)
    found, wanted = schema_of(migrated), schema_of(declared)
    assert len(wanted["columns"]) > 90
    for part, rows in wanted.items():
        assert found[part] == rows, part


def test_a_missing_object_is_null_for_the_database(empty: Empty) -> None:
    connection = empty()
    metadata.create_all(connection)
    row = {"id": "ord_1", "phase": "open", "updated_at": 0.0, "snapshot": None}
    connection.execute(insert(metadata.tables["orders"]), row)
    assert connection.execute(text("SELECT snapshot IS NULL FROM orders")).scalar()
