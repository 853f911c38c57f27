"""Which row of the store's list wakes which finished order, condition by condition."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, select

from packhouse.ledger import notify
from packhouse.ledger.listed import add_listed
from packhouse.ledger.tables import orders
from packhouse.model.listed import Listed, shown_by
from tests.service.ledger.rows import NOW, Rows

LONG_AGO = NOW - 5000
RAW: dict[str, Any] = {"id": "ord_1", "status": "fulfilled", "updated_at": "2026-11-29T08:00:00Z"}
NEWER = {**RAW, "updated_at": "2026-11-29T09:00:00Z"}


def listed(order_id: str = "ord_1", raw: dict[str, Any] | None = None, *, needs_work: bool = False) -> Listed:
    raw = RAW if raw is None else raw
    return Listed(order_id, "site", raw["status"], needs_work, shown_by(raw))


def finished(rows: Rows, order_id: str = "ord_1", **columns: Any) -> None:
    """Add an order that is done: it was read long ago, and the list showed it as RAW since then."""
    known = {"phase": "shipped", "status": "fulfilled", "due_at": None, "fetched_at": LONG_AGO}
    rows.order(order_id, **{**known, "snapshot": RAW, "listed": listed().digest, **columns})


def woken(rows: Rows, *those: Listed, reread_before: float = 0.0) -> list[str]:
    return add_listed(rows.tx(), those, reread_before)


def state(rows: Rows, order_id: str = "ord_1") -> tuple[Any, ...]:
    row = rows.row(orders, order_id)
    return row["listed"], row["wakes"], row["due_at"]


def test_a_new_order_is_open_and_due_at_once(rows: Rows) -> None:
    assert woken(rows, listed(needs_work=True)) == ["ord_1"]
    row = rows.row(orders, "ord_1")
    assert (row["phase"], row["site_slug"], row["updated_at"]) == ("open", "site", NOW)
    assert (row["due_at"], row["wakes"]) == (NOW, 1)
    assert notify.take_mark(rows.connection)


def test_a_new_order_that_is_listed_twice_is_added_once(rows: Rows) -> None:
    assert woken(rows, listed(needs_work=True), listed(needs_work=True)) == ["ord_1"]


def test_a_new_order_that_shows_nothing_to_ship_is_not_added(rows: Rows) -> None:
    assert woken(rows, listed()) == []
    assert rows.column(orders.c.phase) == {}
    assert not notify.take_mark(rows.connection)


def test_a_row_with_news_wakes_its_order_alone(rows: Rows) -> None:
    finished(rows)
    finished(rows, "ord_2")
    before = state(rows, "ord_2")
    assert woken(rows, listed(raw=NEWER)) == ["ord_1"]
    assert state(rows) == (listed(raw=NEWER).digest, 2, NOW)
    assert state(rows, "ord_2") == before
    assert notify.take_mark(rows.connection)


def test_a_row_that_shows_less_is_remembered_for_its_order_alone(rows: Rows) -> None:
    finished(rows)
    finished(rows, "ord_2")
    before = state(rows, "ord_2")
    less = listed(raw={"status": "fulfilled"})
    assert woken(rows, less) == []
    assert state(rows) == (less.digest, 1, None)
    assert state(rows, "ord_2") == before
    assert not notify.take_mark(rows.connection)


def test_a_row_that_is_the_same_as_before_is_not_compared_with_the_snapshot_again(rows: Rows) -> None:
    finished(rows)
    finished(rows, "ord_2", snapshot=NEWER)
    assert woken(rows, listed("ord_2")) == []
    assert woken(rows, listed(raw=NEWER), listed("ord_2")) == ["ord_1"]


def test_a_row_is_news_to_an_order_without_a_snapshot(rows: Rows) -> None:
    finished(rows, snapshot=None, listed="")
    assert woken(rows, listed()) == ["ord_1"]


@pytest.mark.parametrize(
    ("due_at", "is_woken"),
    [
        (None, True),
        (NOW + 3600, True),
        (NOW + 120.5, True),
        (NOW + 120, False),
        (NOW + 60, False),
        (NOW, False),
    ],
)
@pytest.mark.parametrize("fetched_at", [LONG_AGO, None])
def test_an_order_that_is_read_again_within_two_minutes_is_left_as_it_is(
    rows: Rows, due_at: float | None, fetched_at: float | None, is_woken: bool
) -> None:
    finished(rows, due_at=due_at, fetched_at=fetched_at)
    before = state(rows)
    assert woken(rows, listed(raw=NEWER)) == ["ord_1"] * is_woken
    if not is_woken:
        assert state(rows) == before, "the row is still news once the order was read"


@pytest.mark.parametrize(
    ("phase", "is_woken"), [("shipped", True), ("closed", True), ("open", False), ("held", False)]
)
@pytest.mark.parametrize("raw", [NEWER, {"status": "fulfilled"}])
def test_an_unfinished_order_is_left_as_it_is(
    rows: Rows, phase: str, is_woken: bool, raw: dict[str, Any]
) -> None:
    finished(rows, phase=phase)
    before = state(rows)
    assert woken(rows, listed(raw=raw)) == ["ord_1"] * (is_woken and raw is NEWER)
    assert (state(rows) == before) is not is_woken


@pytest.mark.parametrize("raw", [NEWER, {"status": "fulfilled"}])
def test_an_order_that_a_worker_has_is_left_as_it_is(rows: Rows, raw: dict[str, Any]) -> None:
    finished(rows, lease="worker:1")
    before = state(rows)
    assert woken(rows, listed(raw=raw)) == []
    assert state(rows) == before


@pytest.mark.parametrize("raw", [NEWER, {"status": "fulfilled"}])
def test_an_order_that_a_worker_claims_meanwhile_is_left_to_it(rows: Rows, raw: dict[str, Any]) -> None:
    finished(rows)
    before = state(rows)

    @event.listens_for(rows.connection, "before_cursor_execute")
    def claim(_connection: object, cursor: Any, statement: str, *_: object) -> None:
        if "UPDATE orders SET listed" in statement:
            cursor.connection.execute("UPDATE orders SET lease = 'worker:1'")

    assert woken(rows, listed(raw=raw)) == []
    assert rows.connection.execute(select(orders.c.lease)).scalar() == "worker:1"
    assert state(rows) == before


@pytest.mark.parametrize(
    ("fetched_at", "is_woken"), [(None, True), (NOW + 0.5, True), (NOW, False), (LONG_AGO, False)]
)
def test_an_order_that_was_never_read_or_in_the_future_is_read_again(
    rows: Rows, fetched_at: float | None, is_woken: bool
) -> None:
    finished(rows, fetched_at=fetched_at)
    assert woken(rows, listed()) == ["ord_1"] * is_woken


@pytest.mark.parametrize(
    ("needs_work", "status", "reread_before", "is_woken"),
    [
        (True, "fulfilled", LONG_AGO + 1, True),
        (False, "pending", LONG_AGO + 1, True),
        (False, "fulfilled", LONG_AGO + 1, False),
        (True, "pending", LONG_AGO, False),
        (True, "pending", LONG_AGO - 1, False),
    ],
)
def test_an_order_that_looks_open_is_read_again_if_it_was_read_before_a_time(
    rows: Rows, needs_work: bool, status: str, reread_before: float, is_woken: bool
) -> None:
    finished(rows)
    row = Listed("ord_1", "site", status, needs_work, shown_by(RAW))
    assert woken(rows, row, reread_before=reread_before) == ["ord_1"] * is_woken


def test_an_empty_page_of_the_list_changes_nothing(rows: Rows) -> None:
    finished(rows)
    before = state(rows)
    assert woken(rows) == []
    assert state(rows) == before
    assert not notify.take_mark(rows.connection)
