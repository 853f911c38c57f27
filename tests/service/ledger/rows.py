"""A ledger in memory: a test writes the rows it is about, runs one unit of work, and reads the rows again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Table, create_engine, event, insert, select

from packhouse.ledger import facts, migrate, shipment_rows, shipments
from packhouse.ledger.tables import holds, journal, labels, orders
from packhouse.ledger.tables import shipments as shipments_table
from packhouse.ledger.tx import Lease, Tx
from packhouse.model.hold import HoldCode
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, OrderPhase, ShipmentState

NOW = 1_000_000.0
TOKEN = "worker:1"

_ENGINE = create_engine("sqlite://")


@cache
def _empty_tables() -> bytes:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        migrate.migrate(connection)
        driver: Any = connection.connection.driver_connection
        return bytes(driver.serialize())


@event.listens_for(_ENGINE, "connect")
def _prepare(connection: Any, _record: object) -> None:
    connection.deserialize(_empty_tables())
    connection.execute("PRAGMA foreign_keys=ON")


def lease_on(order_id: str, token: str = TOKEN, **fields: Any) -> Lease:
    """The lease that `Rows.leased` gives to the order."""
    return replace(Lease(order_id, token, 1, 0, OrderPhase.OPEN), **fields)


def label_of(shipment_id: str, **fields: Any) -> Label:
    """A label of the shipment, as it is just after it was bought."""
    label = Label(
        id=f"{shipment_id}-label",
        shipment_id=shipment_id,
        generation=1,
        provider="easypost",
        carrier="USPS",
        service="Priority",
        tracking_number=f"1Z-{shipment_id}",
        provider_id=f"shp-{shipment_id}",
        cost=Money(700, "USD"),
        state=LabelState.BOUGHT,
        bought_at=NOW - 10,
    )
    return replace(label, **fields)


class Rows:
    """The rows of one ledger. `connection` is inside a transaction that is never committed."""

    def __init__(self, connection: Connection | None = None) -> None:
        self.connection = connection or _ENGINE.connect()

    def close(self) -> None:
        """Forget all rows."""
        self.connection.close()
        _ENGINE.dispose()

    def tx(self, lease: Lease | None = None, now: float = NOW) -> Tx:
        """What a unit that writes receives."""
        return Tx(self.connection, now, lease)

    def order(self, order_id: str, **columns: Any) -> str:
        """Add an order that is open and due in a minute; returns its id."""
        row = {"id": order_id, "phase": "open", "updated_at": NOW - 60, "due_at": NOW + 60, **columns}
        self.connection.execute(insert(orders), row)
        return order_id

    def leased(self, order_id: str, **columns: Any) -> Tx:
        """Add an order that a worker processes; returns what the worker's units receive."""
        self.order(order_id, **{"lease": TOKEN, **columns})
        return self.tx(lease_on(order_id))

    def shipment(self, shipment_id: str, state: ShipmentState, **columns: Any) -> Shipment:
        """Add a shipment, whose id is ORDER-NUMBER, to an order; returns it as the ledger reads it."""
        order_id, _, seq = shipment_id.rpartition("-")
        if order_id not in self.column(orders.c.phase):
            self.order(order_id)
        row = {"id": shipment_id, "order_id": order_id, "seq": int(seq), "generation": 1, "units": []}
        row |= {"state": state.value, "fingerprint": "f", "updated_at": NOW - 60, **columns}
        self.connection.execute(insert(shipments_table), row)
        return self.read(shipment_id)

    def label(self, shipment_id: str, **fields: Any) -> Label:
        """Add a label to a shipment; returns it."""
        label = label_of(shipment_id, **fields)
        row = shipment_rows.label_row(label)
        row |= {"void_due_at": label.void_due_at, "void_again": label.void_again}
        row |= {"tracking_state": label.tracking.state.value, "tracking_note": label.tracking.note}
        row |= {"expected_at": label.tracking.expected_at, "track_due_at": label.track_due_at}
        row |= {"tracking_changed_at": label.tracking_changed_at}
        self.connection.execute(insert(labels), row)
        return label

    def labeled(
        self, shipment_id: str, state: ShipmentState = ShipmentState.LABELED, /, **label: Any
    ) -> Shipment:
        """Add a shipment with a label of these fields; returns it."""
        self.shipment(shipment_id, state)
        self.label(shipment_id, **label)
        return self.read(shipment_id)

    def hold(self, order_id: str, code: HoldCode, shipment_id: str = "", **columns: Any) -> int:
        """Add an active hold of Packhouse's own; returns its id."""
        row = {"order_id": order_id, "shipment_id": shipment_id, "code": code.value, **columns}
        row = {"placed_by": MACHINE, "placed_at": NOW - 30, **row}
        added = self.connection.execute(insert(holds).returning(holds.c.id), row)
        return int(added.scalar_one())

    def entry(self, order_id: str, action: str, **columns: Any) -> int:
        """Add a journal entry; returns its id."""
        row = {"at": NOW, "order_id": order_id, "actor": MACHINE, "action": action, **columns}
        return int(self.connection.execute(insert(journal).returning(journal.c.id), row).scalar_one())

    def add(self, table: Table, **columns: Any) -> None:
        """Add any other row."""
        self.connection.execute(insert(table), columns)

    def read(self, shipment_id: str) -> Shipment:
        """A shipment as the ledger has it now."""
        of_order = shipments.of_order(self.connection, shipment_id.rpartition("-")[0])
        return next(one for one in of_order if one.id == shipment_id)

    def column(self, column: Column[Any]) -> dict[Any, Any]:
        """One column of a whole table, by the id of the row."""
        rows = self.connection.execute(select(column.table.c["id"], column)).all()
        return {row[0]: row[1] for row in rows}

    def row(self, table: Table, row_id: Any) -> Mapping[str, Any]:
        """One row."""
        return dict(self.connection.execute(select(table).where(table.c["id"] == row_id)).mappings().one())

    def states(self) -> dict[str, str]:
        """The state of every shipment."""
        return self.column(shipments_table.c.state)

    def journal(self) -> list[tuple[str, str]]:
        """Every journal entry: its action, and the shipment or else the order it is about."""
        rows = self.connection.execute(select(journal).order_by(journal.c.id))
        return [(row.action, row.shipment_id or row.order_id) for row in rows]

    def facts(self) -> list[tuple[str, Mapping[str, Any]]]:
        """What the units since the last call noted for the guard log."""
        found = facts.take(self.connection)
        return [(fact.kind.value, fact.row) for fact in found.rows] if found else []


def entries(*actions: str, order_id: str = "ord") -> Sequence[Entry]:
    """Journal entries to pass to a unit."""
    return [Entry(order_id, action) for action in actions]
