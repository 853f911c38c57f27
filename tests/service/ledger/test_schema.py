"""One truth: the migrations make the tables that the code declares, and the enums are the database's too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Engine, create_engine, event, inspect, select

from packhouse.errors import LedgerUnusable
from packhouse.ledger import migrate
from packhouse.ledger.shipments import owner_of_tracking
from packhouse.ledger.tables import labels, metadata, orders, shipments
from packhouse.model.states import MEANING, MOVES, PHASE_MEANING, OrderPhase, ShipmentState
from packhouse.model.tracking_number import canonical


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


def test_the_numbers_of_an_older_ledger_get_their_canonical_form(empty: Engine) -> None:
    written = {"l1": "9400 1001-0000", "l2": "420941049400110000000000000001", "l3": "1z999aa10123456784"}
    with empty.begin() as connection:
        migrate.migrate(connection, "4")
        connection.exec_driver_sql("INSERT INTO orders (id, phase, updated_at) VALUES ('o', 'open', 0)")
        for label, number in written.items():
            connection.exec_driver_sql(
                "INSERT INTO shipments (id, order_id, seq, generation, state, units, fingerprint, updated_at)"
                f" VALUES ('{label}', 'o', {label[1]}, 1, 'fulfilled', '[]', '', 0)"
            )
            connection.exec_driver_sql(
                "INSERT INTO labels (id, shipment_id, generation, state, provider, carrier, service,"
                " tracking_number, provider_id, cost_minor, currency, bought_at)"
                f" VALUES ('{label}', '{label}', 1, 'bought', 'p', 'c', 's', '{number}', 'x', 1, 'USD', 0)"
            )
        assert migrate.migrate(connection) == ("4", migrate.head())
        rows = connection.execute(select(labels.c.id, labels.c.tracking_canonical)).all()
        assert {row.id: row.tracking_canonical for row in rows} == {
            label: canonical(number) for label, number in written.items()
        }
        assert owner_of_tracking(connection, "94001001 0000", "") == ("l1", "o")
        assert owner_of_tracking(connection, "9400110000000000000001", "") == ("l2", "o")
        assert owner_of_tracking(connection, "1Z 999 AA1 0123 4567 84", "l3") is None
        assert owner_of_tracking(connection, "--", "") is None


def test_the_owner_of_a_number_is_found_by_one_look_up_in_an_index() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        migrate.migrate(connection)
        plans: list[str] = []

        def explain(_: object, cursor: Any, statement: str, parameters: Any, *rest: object) -> None:
            if statement.startswith("SELECT"):
                steps = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans.extend(step[3] for step in steps)

        event.listen(engine, "before_cursor_execute", explain)
        assert owner_of_tracking(connection, "9400110000000000000001", "") is None
        assert any("ix_labels_tracking_canonical" in step for step in plans), plans
        assert not any(step.startswith("SCAN") for step in plans), plans
