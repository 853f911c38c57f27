"""One truth: the migrations make the tables that the code declares, and the enums are the database's too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Engine, create_engine, inspect

from packhouse.errors import LedgerUnusable
from packhouse.ledger import migrate
from packhouse.ledger.tables import metadata, orders, shipments
from packhouse.model.states import MEANING, MOVES, PHASE_MEANING, OrderPhase, ShipmentState


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database of either kind with nothing in it."""
    if request.param == "sqlite":
        yield create_engine("sqlite://")
        return
    server = request.getfixturevalue("postgres_server")
    name = server.new_database()
    engine = create_engine(server.url(name))
    yield engine
    engine.dispose()
    server.drop(name)


def test_the_migrations_make_exactly_the_declared_tables(empty: Engine) -> None:
    with empty.begin() as connection:
        assert migrate.migrate(connection) == (None, migrate.head())
        assert migrate.migrate(connection) == (migrate.head(), migrate.head())
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_migrations_make_exactly_the_declared_checks() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        migrate.migrate(connection)
        for table in (orders, shipments):
            made = {
                check["name"]: check["sqltext"]
                for check in inspect(connection).get_check_constraints(table.name)
            }
            declared = {
                str(c.name): str(c.sqltext) for c in table.constraints if isinstance(c, CheckConstraint)
            }
            assert made == declared


@pytest.mark.parametrize("version", ["0001", "0002", "9999"])
def test_tables_of_an_unknown_version_are_refused_and_left_alone(empty: Engine, version: str) -> None:
    with empty.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{version}')")
        connection.exec_driver_sql("CREATE TABLE marks (name TEXT)")
    refusal = pytest.raises(LedgerUnusable, match=f"{version}.*does not know.*before the first release")
    with refusal, empty.begin() as connection:
        migrate.migrate(connection)
    with empty.connect() as connection:
        assert migrate.current(connection) == version
        assert set(inspect(connection).get_table_names()) == {"alembic_version", "marks"}


def test_every_state_has_a_sentence_and_its_moves() -> None:
    assert set(MEANING) == set(MOVES) == set(ShipmentState)
    assert set(PHASE_MEANING) == set(OrderPhase)


def test_every_state_is_reached_and_every_end_is_an_end() -> None:
    reached = {to for moves in MOVES.values() for to in moves} | {ShipmentState.PLANNED}
    assert reached == set(ShipmentState)
    assert {state for state in ShipmentState if state.is_final} == {
        ShipmentState.VOIDED,
        ShipmentState.CANCELLED,
        ShipmentState.DELIVERED,
    }
