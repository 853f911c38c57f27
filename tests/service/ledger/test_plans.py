"""No question that is asked again and again reads the history: SQLite says how it finds the rows of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from packhouse.config.guard import GuardSettings
from packhouse.config.sections import RetrySettings
from packhouse.ledger import (
    counts,
    crashes,
    guard,
    holds,
    inbox,
    leases,
    orders,
    queries,
    recalled,
    replay,
    restores,
    shipments,
    spending,
)
from packhouse.ledger.recalled import Reference
from packhouse.ledger.tx import Tx
from packhouse.model.money import Money
from packhouse.model.states import OrderPhase, ShipmentState
from tests.service.ledger.rows import NOW, Rows

# Tables that have a row for each finished order, or more.
_HISTORY = ("orders", "shipments", "labels", "holds", "journal", "events")
# Of these only unfinished work, leased orders and suspects, or active holds are read as a whole.
_SMALL = ("ix_orders_leased", "ix_orders_crashed", "uq_holds_active")
_READ_WHOLE = re.compile(
    rf"SCAN ({'|'.join(_HISTORY)})\b(?! USING (?:COVERING )?INDEX (?:{'|'.join(_SMALL)})\b)"
)
# A list that is asked for with a limit may be read from its end.
_FROM_THE_END = {"SCAN holds", "SCAN journal", "SCAN events USING INDEX ix_events_received_at"}

Unit = Callable[[Tx], Any]


def _reading(unit: Callable[..., Any], *args: Any, **kwargs: Any) -> Unit:
    return lambda tx: unit(tx.connection, *args, **kwargs)


def _caps(tx: Tx) -> None:
    shipment = shipments.of_order(tx.connection, "ord")[0]
    much = 10**9
    caps = GuardSettings(
        max_label_minor=much, max_order_minor=much, max_day_minor=much, max_site_day_minor=much
    )
    assert guard.check_caps(tx.connection, NOW, caps, shipment, Money(1, "USD")) == ""
    spending.labels_of(tx.connection, "ord", "ord-1")


UNITS: dict[str, Unit] = {
    "counts": _reading(counts.read),
    "tally": _reading(queries.tally, NOW),
    "waits": _reading(queries.waits, NOW),
    "orders": _reading(queries.order_rows, None, 50, None),
    "orders after": _reading(queries.order_rows, None, 50, (NOW, "ord")),
    "held orders after": _reading(queries.order_rows, OrderPhase.HELD, 50, (NOW, "ord")),
    "shipments": _reading(queries.list_shipments, None, 50),
    "held shipments": _reading(queries.list_shipments, ShipmentState.HELD, 50),
    "shipment": _reading(queries.shipment, "ord-1"),
    "holds": _reading(queries.list_holds, None, 50),
    "active holds": _reading(queries.list_holds, True, 50),
    "released holds": _reading(queries.list_holds, False, 50),
    "journal": _reading(queries.entries),
    "journal of an order": _reading(queries.entries, order_id="ord", after=7),
    "journal after": _reading(queries.entries, after=7),
    "events": _reading(inbox.records, "", "", 50, NOW),
    "ignored events": _reading(inbox.records, "", "ignored", 50, NOW),
    "events of an order": _reading(inbox.records, "ord", "", 50, None),
    "order": _reading(queries.order_row, "ord"),
    "holds of an order": _reading(holds.of_order, "ord"),
    "claim": lambda tx: orders.claim(tx, "w:1", NOW + 60, 32),
    "claim suspects": lambda tx: orders.claim(tx, "w:1", NOW + 60, 32, suspects=True),
    "end expired leases": lambda tx: crashes.end_expired(tx, "w", RetrySettings()),
    "end all leases": lambda tx: crashes.end_all(tx, RetrySettings()),
    "suspects": lambda tx: crashes.is_suspect_due(tx, NOW),
    "renew": lambda tx: leases.renew(tx, ["ord"], "w", NOW),
    "release worker": lambda tx: leases.release_worker(tx, "w", NOW),
    "wake unfinished": leases.wake_unfinished,
    "wake stalled": lambda tx: leases.wake_stalled(tx, NOW, NOW),
    "prune": lambda tx: inbox.prune(tx, NOW - 1000, 100),
    "caps": _caps,
    "tracking number": _reading(shipments.owner_of_tracking, "1Z", "ord-1"),
    "left to compare": _reading(recalled.to_compare, NOW),
    "a recalled purchase": _reading(recalled.is_known, Reference("ord", 1, 1), "ref"),
    "newest entry": _reading(restores.newest_entry),
    "the guard log's first line": _reading(replay.snapshot, None),
    "the guard log's next line": _reading(replay.snapshot, NOW),
}


@pytest.fixture
def asked(rows: Rows) -> Iterator[list[str]]:
    """Every statement that the connection runs, with its values."""
    found: list[str] = []
    raw: Any = rows.connection.connection.driver_connection
    raw.set_trace_callback(found.append)
    yield found
    raw.set_trace_callback(None)


def plan_of(connection: Connection, statement: str) -> list[str]:
    """How SQLite finds the rows of a statement."""
    raw: Any = connection.connection.driver_connection
    return [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}")]


@pytest.mark.parametrize("name", UNITS)
def test_a_question_reads_no_more_where_more_orders_are_finished(
    rows: Rows, asked: list[str], name: str
) -> None:
    rows.labeled("ord-1")
    asked.clear()
    UNITS[name](rows.tx())
    statements = [one for one in asked if one.lstrip().startswith(("SELECT", "UPDATE", "DELETE"))]
    assert statements
    for statement in statements:
        plan = plan_of(rows.connection, statement)
        is_limited = "LIMIT" in statement
        whole = [
            step for step in plan if _READ_WHOLE.search(step) and not (is_limited and step in _FROM_THE_END)
        ]
        assert not whole, (statement, plan)
