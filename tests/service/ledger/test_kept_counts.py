"""The counts that are kept are those that would be counted, after every kind of change."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, delete, func, insert, select, update

from packhouse.ledger import counts, migrate
from packhouse.ledger.counts import Counts
from packhouse.ledger.engine import open_ledger
from packhouse.ledger.tables import labels, orders, shipments
from packhouse.ledger.tx import Tx
from packhouse.model.states import LabelState, OrderPhase, ShipmentState
from tests.postgres import PostgresServer
from tests.service.ledger.rows import Rows


def counted(connection: Connection) -> Counts:
    """What reading every row finds."""

    def by(column: Any) -> Counter[str]:
        return Counter(connection.execute(select(column)).scalars())

    paid = select(labels.c.currency, func.sum(labels.c.cost_minor)).where(labels.c.state != "voided")
    spent = {
        word: int(minor) for word, minor in connection.execute(paid.group_by(labels.c.currency)) if minor
    }
    return Counts(dict(by(orders.c.phase)), dict(by(shipments.c.state)), by(labels.c.id).total(), spent)


def change(connection: Connection, choose: random.Random) -> None:
    """Make one change to one row, of any kind that SQL knows."""
    number = choose.randrange(6)
    order_id = f"ord_{number}"
    phase, state = choose.choice(list(OrderPhase)).value, choose.choice(list(ShipmentState)).value
    label_state, currency = choose.choice(list(LabelState)).value, choose.choice(["USD", "EUR"])
    cost = choose.randrange(0, 900)
    has_order = connection.execute(select(orders.c.id).where(orders.c.id == order_id)).first()
    has_label = connection.execute(select(labels.c.id).where(labels.c.shipment_id == order_id)).first()
    if not has_order:
        connection.execute(insert(orders), {"id": order_id, "phase": phase, "updated_at": 0.0})
        row = {"id": order_id, "order_id": order_id, "seq": 1, "generation": 1, "units": []}
        connection.execute(insert(shipments), row | {"state": state, "fingerprint": "", "updated_at": 0.0})
    elif choose.random() < 0.1:
        connection.execute(delete(labels).where(labels.c.shipment_id == order_id))
        connection.execute(delete(shipments).where(shipments.c.order_id == order_id))
        connection.execute(delete(orders).where(orders.c.id == order_id))
    elif choose.random() < 0.3:
        connection.execute(update(orders).where(orders.c.id == order_id).values(phase=phase))
    elif choose.random() < 0.4:
        connection.execute(update(shipments).where(shipments.c.order_id == order_id).values(state=state))
    elif not has_label:
        words = dict.fromkeys(("provider", "carrier", "service", "tracking_number", "provider_id"), "")
        row = words | {"id": order_id, "shipment_id": order_id, "generation": 1, "state": label_state}
        connection.execute(insert(labels), row | {"cost_minor": cost, "currency": currency, "bought_at": 0.0})
    else:
        changed: dict[str, Any] = choose.choice(
            [{"state": label_state}, {"cost_minor": cost}, {"currency": currency}]
        )
        connection.execute(update(labels).where(labels.c.shipment_id == order_id).values(**changed))


@pytest.mark.parametrize("seed", range(10))
def test_kept_counts_are_the_counted_ones(rows: Rows, seed: int) -> None:
    choose = random.Random(seed)
    for _ in range(150):
        change(rows.connection, choose)
        assert counts.read(rows.connection) == counted(rows.connection)


def test_a_change_that_is_rolled_back_is_not_counted(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'l.db'}")
    with engine.begin() as connection:
        migrate.migrate(connection)
    with engine.connect() as connection:
        connection.execute(insert(orders), {"id": "ord_1", "phase": "shipped", "updated_at": 0.0})
        assert counts.read(connection).orders == {"shipped": 1}
        connection.rollback()
        assert counts.read(connection).orders == {}
    engine.dispose()


async def test_kept_counts_are_the_counted_ones_on_postgresql(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    """Also where many connections count at once: each in a shard of its own."""
    ledger = open_ledger(postgres_server.url(postgres_database), connections=4)

    def many(tx: Tx, seed: int) -> None:
        choose = random.Random(seed)
        for number in range(5):
            order_id = f"ord_{seed}_{number}"
            phase = choose.choice(list(OrderPhase)).value
            tx.connection.execute(insert(orders), {"id": order_id, "phase": phase, "updated_at": 0.0})
        tx.connection.execute(update(orders).where(orders.c.id == f"ord_{seed}_0").values(phase="shipped"))

    def alone(tx: Tx) -> None:
        choose = random.Random(7)
        for _ in range(150):
            change(tx.connection, choose)

    await asyncio.gather(*(ledger.write(many, 1.0, seed) for seed in range(12)))
    await ledger.write(alone, 1.0)
    found, wanted = await ledger.read(lambda c: (counts.read(c), counted(c)))
    assert found == wanted
    assert wanted.orders["shipped"] >= 12
    await ledger.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_migration_counts_what_is_there(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = f"sqlite:///{tmp_path / 'l.db'}"
    if kind == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.new_database()
        url = server.url(database)
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            migrate.migrate(connection, "8")
            choose = random.Random(3)
            for _ in range(60):
                change(connection, choose)
        with engine.begin() as connection:
            assert migrate.migrate(connection) == ("8", migrate.head())
            assert counts.read(connection) == counted(connection)
            for _ in range(60):
                change(connection, choose)
            assert counts.read(connection) == counted(connection)
    finally:
        engine.dispose()
        if kind == "postgresql":
            server.drop(database)
