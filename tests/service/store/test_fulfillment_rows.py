"""The rows of what has shipped: which are one parcel, whose units they name, and when they ended."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Fulfillment, Units
from tests.service.store.samples import order

LINES = [{"id": "li_1", "quantity": 3}, {"id": "li_2", "quantity": 2}]
ONE = {"line_item_id": "li_1", "quantity": 1}


def shipped(*rows: Any, name: str = "fulfillments") -> tuple[Fulfillment, ...]:
    return order(items=LINES, **{name: list(rows)}).fulfillments or ()


def test_every_field_of_a_row_is_read_under_either_name() -> None:
    row = {**ONE, "tracking": "9400", "carrier": "USPS", "state": "shipped", "createdAt": "2026-11-29"}
    for name in ("fulfillments", "fulfilments"):
        (read,) = shipped(row, name=name)
        assert (read.tracking_number, read.carrier, read.units) == ("9400", "USPS", (Units("li_1", 1),))
        assert (read.status, read.created_at) == ("shipped", "2026-11-29")


def test_the_rows_of_a_parcel_have_its_first_status_its_earliest_time_and_any_carrier() -> None:
    rows = [
        {**ONE, "tracking_number": "9400", "status": "fulfilled", "created_at": "2026-11-29T09:00:00Z"},
        {
            **ONE,
            "tracking_number": "9400",
            "status": "shipped",
            "created_at": "2026-11-29T08:00:00Z",
            "carrier": "USPS",
        },
        {**ONE, "tracking_number": "9400", "carrier": "UPS"},
    ]
    (read,) = shipped(*rows)
    assert (read.tracking_number, read.carrier, read.units) == ("9400", "USPS", (Units("li_1", 3),))
    assert (read.status, read.created_at) == ("fulfilled", "2026-11-29T08:00:00Z")


def test_the_cancelled_rows_of_a_number_are_apart_from_those_that_shipped() -> None:
    rows = [{**ONE, "tracking_number": "9400"}, {**ONE, "tracking_number": "9400", "status": "cancelled"}]
    assert [row.status for row in shipped(*rows)] == ["", "cancelled"]


def test_rows_of_a_number_without_letters_or_digits_are_one_too() -> None:
    row = {**ONE, "tracking_number": "???"}
    assert shipped(row, row) == (Fulfillment("???", "", (Units("li_1", 2),)),)


def test_rows_under_the_lines_are_of_their_line_unless_they_name_another() -> None:
    row = {"quantity": 1, "tracking_number": "9400"}
    items = [
        {"id": "li_1", "quantity": 3, "fulfillments": [row]},
        {"id": "li_2", "quantity": 2, "fulfillments": [row, {**row, "line_item_id": "li_1"}]},
        {"id": "li_3", "quantity": 1},
    ]
    read = (Fulfillment("9400", "", (Units("li_1", 2), Units("li_2", 1))),)
    assert order(items=items).fulfillments == read
    renamed = [{"line_item_id" if key == "id" else key: line[key] for key in line} for line in items]
    assert order(items=None, line_items=renamed).fulfillments == read


def test_an_empty_list_under_a_line_says_that_nothing_shipped() -> None:
    items = [{"id": "li_1", "quantity": 3, "fulfillments": []}, {"id": "li_2", "quantity": 1}]
    assert order(items=items).fulfillments == ()


@pytest.mark.parametrize("nested", [None, "x", {}, [7], [ONE, 7]])
def test_what_is_no_list_of_rows_under_a_line_says_nothing(nested: Any) -> None:
    assert order(items=[{"id": "li_1", "quantity": 3, "fulfillments": nested}]).fulfillments is None


def test_rows_of_the_order_are_read_in_place_of_those_under_its_lines() -> None:
    items = [{"id": "li_1", "quantity": 3, "fulfillments": [ONE]}]
    assert order(items=items, fulfillments=[]).fulfillments == ()


@pytest.mark.parametrize(
    "row",
    [
        {"line_item_id": "li_1", "quantity": 1},
        {"line_id": "li_1", "quantity": 1},
        {"order_line_id": "li_1", "quantity": 1},
        {"lineItemId": "li_1", "quantity": 1},
        {"line_item": {"id": "li_1"}, "quantity": 1},
        {"line_item_id": 7, "line_id": "li_1", "quantity": 1},
        {"items": [{"line_item": {"id": "li_1"}, "quantity": 1}]},
        {"items": [{"id": "li_1", "quantity": 1}, {"id": "li_2", "quantity": 0}]},
        {"items": [{"id": "fi_1", "line_item_id": "li_1", "quantity": 1}]},
        {"items": [{"id": "li_2", "line_item_id": "li_1", "quantity": 1}]},
        {"items": None, "line_items": [ONE]},
        {"fulfillment_line_items": [ONE]},
        {"lines": [ONE], "line_item_id": "li_2", "quantity": 2},
    ],
)
def test_a_row_names_its_units_in_each_usual_shape(row: dict[str, Any]) -> None:
    assert [one.units for one in shipped(row)] == [(Units("li_1", 1),)]


@pytest.mark.parametrize(
    "row",
    [
        {"line_item_id": "li_1"},
        {"quantity": 1},
        {"items": []},
        {"items": [{"id": "li_3", "quantity": 1}]},
        {"items": [ONE, {"line_item_id": "li_2", "quantity": None}]},
        {"line_item_id": "li_1", "quantity": 0},
    ],
)
def test_a_row_that_names_no_unit_has_none(row: dict[str, Any]) -> None:
    assert [one.units for one in shipped(row)] == [()]


@pytest.mark.parametrize(
    "row", [{"items": "li_1"}, {"items": [7]}, {"line_item_id": "li_1", "quantity": "1"}]
)
def test_a_row_of_another_shape_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(StoreUnreadable):
        shipped(row)


@pytest.mark.parametrize(
    "says",
    [
        *({name: "2026-11-29T08:00:00Z"} for name in ("cancelled_at", "canceled_at", "voided_at")),
        *({name: "2026-11-29T08:00:00Z"} for name in ("failed_at", "deleted_at")),
        *({name: True} for name in ("cancelled", "canceled", "voided")),
        *({name: True} for name in ("is_cancelled", "is_voided", "failed")),
    ],
)
def test_a_time_or_a_flag_of_its_end_outweighs_a_rows_status(says: dict[str, Any]) -> None:
    for status, read in (("shipped", "cancelled"), ("", "cancelled"), ("rejected", "rejected")):
        assert [one.status for one in shipped({**ONE, "status": status, **says})] == [read]


@pytest.mark.parametrize(
    "says", [{"cancelled_at": None, "voided_at": ""}, {"cancelled": False}, {"failed": "no"}]
)
def test_a_row_without_an_end_keeps_its_status(says: dict[str, Any]) -> None:
    assert [one.status for one in shipped({**ONE, "status": "shipped", **says})] == ["shipped"]
