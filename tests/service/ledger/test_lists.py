"""What lists and single look-ups return: filters, order, pages, and files by their hash."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.ledger import queries
from packhouse.model.hold import HoldCode
from packhouse.model.states import OrderPhase, ShipmentState
from tests.service.ledger.rows import NOW, Rows

S = ShipmentState


@pytest.mark.parametrize(
    ("phase", "before", "ids"),
    [
        (None, None, ["0", "d", "c", "b", "a"]),
        (OrderPhase.OPEN, None, ["0", "c", "a"]),
        (OrderPhase.CLOSED, None, []),
        (None, (NOW + 3, "d"), ["c", "b", "a"]),
        (None, (NOW + 2, "d"), ["c", "b", "a"]),
        (None, (NOW + 2, "c"), ["b", "a"]),
        (None, (NOW + 2, "b"), ["a"]),
        (None, (NOW + 2, "a"), ["a"]),
        (OrderPhase.OPEN, (NOW + 2, "c"), ["a"]),
    ],
)
def test_orders_are_listed_last_changed_first_and_page_by_page(
    rows: Rows, phase: OrderPhase | None, before: tuple[float, str] | None, ids: list[str]
) -> None:
    for order_id, at, word in (
        ("a", 1, "open"),
        ("b", 2, "held"),
        ("c", 2, "open"),
        ("d", 3, "held"),
        ("0", 9, "open"),
    ):
        rows.order(order_id, updated_at=NOW + at, phase=word)
    assert [row.id for row in queries.order_rows(rows.connection, phase, 9, before)] == ids
    assert [row.id for row in queries.order_rows(rows.connection, phase, 2, before)] == ids[:2]


def test_one_order_is_found_by_its_id(rows: Rows) -> None:
    rows.order("a", reason="first")
    rows.order("b", reason="second")
    row = queries.order_row(rows.connection, "b")
    assert row is not None
    assert row.reason == "second"
    assert queries.order_row(rows.connection, "none") is None


def test_shipments_are_listed_last_changed_first_by_state_with_their_labels(rows: Rows) -> None:
    rows.shipment("a-1", S.PLANNED, updated_at=NOW)
    rows.shipment("a-2", S.LABELED, updated_at=NOW + 1)
    rows.shipment("b-1", S.PLANNED, updated_at=NOW + 2)
    rows.shipment("b-2", S.PLANNED, updated_at=NOW + 2)
    rows.label("a-2")

    def listed(state: ShipmentState | None, limit: int = 9) -> list[str]:
        return [one.id for one in queries.list_shipments(rows.connection, state, limit)]

    assert listed(None) == ["b-2", "b-1", "a-2", "a-1"]
    assert listed(S.PLANNED) == ["b-2", "b-1", "a-1"]
    assert listed(S.HELD) == []
    assert listed(None, 1) == ["b-2"]
    assert queries.list_shipments(rows.connection, S.LABELED, 9) == [rows.read("a-2")]
    assert queries.shipment(rows.connection, "a-2") == rows.read("a-2")
    assert queries.shipment(rows.connection, "none") is None


def test_holds_are_listed_newest_first_active_or_not(rows: Rows) -> None:
    rows.order("ord")
    first = rows.hold("ord", HoldCode.MANUAL)
    second = rows.hold("ord", HoldCode.NO_RATE, released_at=NOW)
    third = rows.hold("ord", HoldCode.CAP_REACHED)

    def listed(active: bool | None, limit: int = 9) -> list[int]:
        return [hold.id for hold in queries.list_holds(rows.connection, active, limit)]

    assert listed(None) == [third, second, first]
    assert listed(True) == [third, first]
    assert listed(False) == [second]
    assert listed(None, 1) == [third]


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"limit": 2}, [4, 5]),
        ({"after": 0}, [1, 2, 3, 4, 5]),
        ({"after": 0, "limit": 2}, [1, 2]),
        ({"after": 3}, [4, 5]),
        ({"after": 5}, []),
        ({"order_id": "a"}, [1, 3, 5]),
        ({"order_id": "a", "limit": 2}, [1, 3]),
        ({"order_id": "a", "after": 1}, [3, 5]),
        ({"order_id": "none"}, []),
    ],
)
def test_journal_entries_come_oldest_first_of_an_order_after_an_entry_or_the_newest(
    rows: Rows, asked: dict[str, Any], ids: list[int]
) -> None:
    for order_id in "ababa":
        rows.entry(order_id, "planned")
    assert [entry.id for entry in queries.entries(rows.connection, **asked)] == ids


@pytest.mark.parametrize(
    ("actions", "first", "limit", "ids"),
    [
        (["held", "released"], 1, 9, [1, 2, 4]),
        (["held", "released"], 2, 9, [2, 4]),
        (["held"], 1, 9, [1, 4]),
        (["held", "released"], 1, 2, [2, 4]),
        (["none"], 1, 9, []),
    ],
)
def test_entries_of_some_actions_are_the_newest_since_an_entry(
    rows: Rows, actions: list[str], first: int, limit: int, ids: list[int]
) -> None:
    for action in ("held", "released", "planned", "held"):
        rows.entry("ord", action)
    found = queries.entries_of_actions(rows.connection, actions, first, limit)
    assert [entry.id for entry in found] == ids


def test_an_entry_without_details_has_an_empty_mapping(rows: Rows) -> None:
    rows.entry("ord", "planned")
    rows.entry("ord", "held", data={"code": "manual"})
    assert [entry.data for entry in queries.entries(rows.connection)] == [{}, {"code": "manual"}]
