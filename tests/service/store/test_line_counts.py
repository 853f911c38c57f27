"""What a line itself says of its units: how many shipped, how many are still to ship, or only a word."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.store.unit_records import line_counts

ORDERED = 5


def counts(row: dict[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...], bool]:
    """The counts of units shipped and still to ship, and whether it is shipped in part."""
    read = line_counts(row, ORDERED)
    assert set(read) == {"shipped_counts", "open_counts", "partly_shipped"}
    return read["shipped_counts"], read["open_counts"], read["partly_shipped"]


@pytest.mark.parametrize(
    "name",
    [
        "fulfilled_quantity",
        "quantity_fulfilled",
        "fulfilledQuantity",
        "quantityFulfilled",
        "shipped_qty",
        "shippedCount",
        "units_shipped",
        "fulfillment_count",
        "fulfilment_units",
        "delivered_quantity",
    ],
)
def test_a_count_of_shipped_units_is_read_in_every_writing(name: str) -> None:
    assert counts({name: 2}) == ((2,), (), False)


@pytest.mark.parametrize(
    "name",
    [
        "unfulfilled_quantity",
        "quantity_unshipped",
        "remaining_quantity",
        "fulfillableQuantity",
        "outstanding_units",
        "quantity_to_ship",
        "quantityToShip",
        "toFulfillQuantity",
    ],
)
def test_a_count_of_units_still_to_ship_is_read_in_every_writing(name: str) -> None:
    assert counts({name: 2}) == ((), (2,), False)


@pytest.mark.parametrize("name", ["fulfilled", "shipped", "fulfillment", "fulfilment", "shipment"])
@pytest.mark.parametrize(
    ("value", "shipped", "still_open"),
    [
        (True, (5,), ()),
        (False, (), ()),
        (None, (), ()),
        (0, (0,), ()),
        (2, (2,), ()),
        ("2", (2,), ()),
        ("yes", (), ()),
        ({}, (), ()),
        ({"quantity": 2}, (2,), ()),
        ({"shipped_qty": 2, "remaining_count": 3}, (2,), (3,)),
        ({"status": "shipped"}, (5,), ()),
        ({"status": "pending", "units": 1}, (0, 1), ()),
    ],
)
def test_a_field_of_shipping_is_a_number_or_an_object_or_a_flag(
    name: str, value: Any, shipped: tuple[int, ...], still_open: tuple[int, ...]
) -> None:
    assert counts({name: value}) == (shipped, still_open, False)


@pytest.mark.parametrize(
    "name",
    ["fulfillment_status", "fulfilment_status", "fulfillmentStatus", "shipping_status", "shipped_status"],
)
@pytest.mark.parametrize(
    ("said", "shipped"),
    [
        ("Fulfilled", (5,)),
        ("in-transit", (5,)),
        ("completed", (5,)),
        ("unfulfilled", (0,)),
        ("On hold", (0,)),
        ("none", (0,)),
        ("lost", ()),
        ("", ()),
        (None, ()),
        (7, ()),
    ],
)
def test_a_word_says_that_all_or_none_shipped(name: str, said: Any, shipped: tuple[int, ...]) -> None:
    assert counts({name: said}) == (shipped, (), False)


@pytest.mark.parametrize("said", ["partial", "Partially-Fulfilled", "partially shipped"])
def test_a_word_for_a_part_counts_only_where_no_number_does(said: str) -> None:
    word = {"fulfillment_status": said}
    assert counts(word) == ((), (), True)
    assert counts({**word, "shipped_quantity": 2}) == ((2,), (), False)
    assert counts({**word, "remaining_quantity": 2}) == ((), (2,), False)


def test_every_different_count_is_kept_so_that_a_contradiction_shows() -> None:
    row = {"shipped_quantity": 3, "fulfilled_quantity": 1, "delivered_units": 3, "remaining_quantity": 4}
    assert counts({**row, "unshipped_quantity": 2}) == ((1, 3), (2, 4), False)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (2**53 - 1, 2**53 - 1),
        (2**53, None),
        (-1, None),
        (True, None),
        (None, None),
        (1.0, 1),
        (1.5, None),
        (float("nan"), None),
        (float("inf"), None),
        ("1", 1),
        (" 1 ", 1),
        ("1.00", 1),
        ("1.5", None),
        ("-1", None),
        ("1e3", None),
        ("٣", None),
        ("", None),
        ("one", None),
        ("9" * 15, 10**15 - 1),
        ("9" * 16, None),
        ([1], None),
    ],
)
def test_only_a_whole_number_of_units_is_a_count(value: Any, count: int | None) -> None:
    assert counts({"shipped_quantity": value}) == (() if count is None else (count,), (), False)
