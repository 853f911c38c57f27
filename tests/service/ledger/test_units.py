"""What a unit of work is given: its lease, its time, the mark of a due order, and the database's clock."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from packhouse.ledger import notify
from packhouse.ledger.database_clock import DatabaseClock
from packhouse.ledger.statements import insert_or_ignore, update_where
from packhouse.ledger.tables import kv, orders
from packhouse.ledger.tx import Lease, Tx, under
from packhouse.model.states import OrderPhase
from tests.clock import StillClock
from tests.service.ledger.rows import NOW, Rows, lease_on

LEASE = lease_on("ord_1")


@pytest.mark.parametrize(("crashes", "is_suspect"), [(0, False), (1, False), (2, True), (3, True)])
def test_an_order_is_suspect_after_two_crashes(crashes: int, is_suspect: bool) -> None:
    assert Lease("ord_1", "a:1", 1, 0, OrderPhase.OPEN, crashes).is_suspect is is_suspect


def test_a_unit_runs_under_the_lease_that_it_was_given(rows: Rows) -> None:
    def unit(tx: Tx, word: str, *, more: str) -> tuple[Lease, float, str]:
        return tx.held_lease, tx.now, word + more

    assert under(LEASE, unit)(rows.tx(), "a", more="b") == (LEASE, NOW, "ab")
    with pytest.raises(RuntimeError, match="needs a lease"):
        unit(rows.tx(), "a", more="b")


@pytest.mark.parametrize(
    ("due_at", "is_marked"), [(None, False), (NOW - 1, True), (NOW, True), (NOW + 0.5, False)]
)
def test_an_order_that_is_due_now_marks_its_transaction_once(
    rows: Rows, due_at: float | None, is_marked: bool
) -> None:
    assert notify.take_mark(rows.connection) is False
    notify.mark_due(rows.tx(), due_at)
    assert notify.take_mark(rows.connection) is is_marked
    assert notify.take_mark(rows.connection) is False


def test_an_update_changes_the_rows_that_meet_every_condition(rows: Rows) -> None:
    for order_id, status in (("ord_1", "a"), ("ord_2", "a"), ("ord_3", "b")):
        rows.order(order_id, status=status)
    statement = update_where(orders, ("id", "status"), ("reason",))
    for order_id, status in (("ord_1", "a"), ("ord_3", "a")):
        rows.connection.execute(statement, {"w_id": order_id, "w_status": status, "v_reason": "new"})
    assert rows.column(orders.c.reason) == {"ord_1": "new", "ord_2": "", "ord_3": ""}


def test_an_insert_is_ignored_where_the_row_is_already_there(rows: Rows) -> None:
    statement = insert_or_ignore(kv, ("name", "value", "updated_at"))
    counts = [
        rows.connection.execute(statement, {"name": "a", "value": value, "updated_at": 0.0}).rowcount
        for value in ("first", "second")
    ]
    assert counts == [1, 0]
    assert rows.connection.execute(select(kv.c.value)).scalars().all() == ["first"]


def test_the_databases_time_is_taken_from_the_middle_of_the_question() -> None:
    local = StillClock(100.0)
    clock = DatabaseClock(local, 5000.0, 2.0)
    assert (clock.now(), clock.monotonic()) == (5001.0, 100.0)
    asyncio.run(clock.sleep(3.0))
    assert (clock.now(), clock.monotonic()) == (5004.0, 103.0)
    clock.set(6000.0, 0.0)
    assert clock.now() == 6000.0
