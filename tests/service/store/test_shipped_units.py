"""What the store says is shipped or refunded already, in every shape that the documentation leaves open."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Fulfillment, RefundRecord, Units
from packhouse.store.protocol import order_from_json
from tests.service.store.samples import DOCUMENTED, TWO_LINES, order

_ids = st.sampled_from(["li_1", "li_2", "li_3"])


def shipped(rows: Any) -> tuple[Fulfillment, ...] | None:
    return order_from_json({**TWO_LINES, "fulfillments": rows}).fulfillments


def test_fulfillments_not_reported_are_not_the_same_as_none() -> None:
    assert order_from_json(TWO_LINES).fulfillments is None
    assert shipped(None) is None
    assert shipped([]) == ()


def test_one_row_a_line_with_the_same_tracking_is_one_fulfillment() -> None:
    rows = [
        {"id": "ful_1", "line_item_id": "li_1", "quantity": 1, "carrier": "USPS", "tracking_number": "9400"},
        {"id": "ful_2", "line_item_id": "li_2", "quantity": 1, "carrier": "USPS", "tracking_number": "9400"},
        {"id": "ful_3", "line_item_id": "li_1", "quantity": 1, "carrier": "UPS", "tracking_number": "1Z"},
        {"id": "ful_4", "line_item_id": "li_1", "quantity": 1, "tracking_number": "9400"},
    ]
    assert shipped(rows) == (
        Fulfillment("9400", "USPS", (Units("li_1", 2), Units("li_2", 1))),
        Fulfillment("1Z", "UPS", (Units("li_1", 1),)),
    )


@pytest.mark.parametrize("inner", ["items", "line_items"])
@pytest.mark.parametrize("key", ["line_item_id", "id"])
def test_one_row_a_fulfillment_is_the_same(inner: str, key: str) -> None:
    rows = [{"tracking_number": "9400", "carrier": "USPS", inner: [{key: "li_1", "quantity": 2}]}]
    assert shipped(rows) == (Fulfillment("9400", "USPS", (Units("li_1", 2),)),)


@pytest.mark.parametrize(
    "row",
    [
        {"tracking_number": "9400"},
        {"tracking_number": "9400", "line_item_id": "li_1"},
        {"tracking_number": "9400", "quantity": 1},
        {"tracking_number": "9400", "items": [{"id": "ful_item_1", "quantity": 1}]},
        {
            "tracking_number": "9400",
            "items": [{"line_item_id": "li_1", "quantity": 1}, {"line_item_id": "li_2"}],
        },
    ],
)
def test_a_fulfillment_that_leaves_its_units_open_says_none(row: dict[str, Any]) -> None:
    full = {"tracking_number": "9400", "line_item_id": "li_2", "quantity": 1}
    assert shipped([row]) == (Fulfillment("9400"),)
    assert shipped([full, row]) == (Fulfillment("9400"),)
    assert shipped([row, full]) == (Fulfillment("9400"),)


def test_fulfillments_without_tracking_are_kept_apart() -> None:
    rows = [{"line_item_id": "li_1", "quantity": 1}, {"line_item_id": "li_1", "quantity": 1}]
    assert shipped(rows) == (
        Fulfillment("", "", (Units("li_1", 1),)),
        Fulfillment("", "", (Units("li_1", 1),)),
    )


@pytest.mark.parametrize(
    "rows",
    ["x", {}, [7], [{"line_item_id": "li_1", "quantity": 1.5}], [{"line_item_id": "li_1", "quantity": -1}]],
)
def test_fulfillments_of_another_shape_are_refused(rows: Any) -> None:
    with pytest.raises(StoreUnreadable):
        shipped(rows)


def test_refunds_are_read_with_their_units_where_given() -> None:
    rows = [{"amount": 500}, {"amount": None, "items": [{"line_item_id": "li_1", "quantity": 1}]}, {}]
    assert order(refunds=rows).refunds == (
        RefundRecord(500),
        RefundRecord(None, (Units("li_1", 1),)),
        RefundRecord(),
    )
    assert order(refunds=[]).refunds == ()


@pytest.mark.parametrize(
    "extra",
    [
        {"amount_refunded": 500},
        {"refunded_amount": 500},
        {"totals": {**DOCUMENTED["totals"], "refunded": 500}},
    ],
)
def test_a_refunded_sum_counts_as_a_refund(extra: dict[str, Any]) -> None:
    assert order(**extra).refunds == (RefundRecord(500),)


@pytest.mark.parametrize("extra", [{"amount_refunded": 0}, {"refunded": False}, {"refunded": None}])
def test_nothing_refunded_is_not_reported(extra: dict[str, Any]) -> None:
    assert order(**extra).refunds is None


@pytest.mark.parametrize("refunds", [{}, "x", [{"amount": 5.0}], [{"amount": "5"}]])
def test_refunds_of_another_shape_are_refused(refunds: Any) -> None:
    with pytest.raises(StoreUnreadable):
        order(refunds=refunds)


@given(st.lists(st.tuples(_ids, st.integers(1, 5), st.sampled_from(["T1", "T2"])), max_size=8))
def test_shipped_units_are_neither_lost_nor_doubled(rows: list[tuple[str, int, str]]) -> None:
    flat = [{"line_item_id": line, "quantity": count, "tracking_number": t} for line, count, t in rows]
    nested = [
        {"tracking_number": t, "items": [{"line_item_id": line, "quantity": count}]}
        for line, count, t in rows
    ]
    assert shipped(flat) == shipped(nested)
    counted = shipped(flat) or ()
    assert sum(u.quantity for f in counted for u in f.units) == sum(count for _, count, _ in rows)
    assert len({f.tracking_number for f in counted}) == len(counted)


def test_rows_of_one_number_in_two_writings_are_one_fulfillment() -> None:
    rows = [
        {
            "line_item_id": "li_1",
            "quantity": 1,
            "carrier": "UPS",
            "tracking_number": "1Z 999 AA1 01 2345 6784",
        },
        {"line_item_id": "li_2", "quantity": 1, "tracking_number": "1z999aa10123456784"},
    ]
    assert shipped(rows) == (
        Fulfillment("1Z 999 AA1 01 2345 6784", "UPS", (Units("li_1", 1), Units("li_2", 1))),
    )
