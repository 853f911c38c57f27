"""Refunds, returns and exchanges of the store: their units, the word on each, and what they pay for."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.errors import StoreUnreadable
from packhouse.model.order import RefundRecord, ReturnRecord, Units
from tests.service.store.samples import order

LINES = [{"id": "li_1", "quantity": 3}, {"id": "li_2", "quantity": 2}]
COUNTED = [{"id": "li_1", "quantity": 3, "refunded_quantity": 1}, {"id": "li_2", "quantity": 2}]


def refunds(*rows: dict[str, Any], items: Any = LINES, **raw: Any) -> tuple[RefundRecord, ...]:
    return order(items=items, refunds=list(rows), **raw).refunds or ()


def refund(**row: Any) -> RefundRecord:
    (found,) = refunds(row)
    return found


def test_every_field_of_a_refund_is_read() -> None:
    read = refund(
        id="re_1",
        amount=500,
        reason=" Damaged ",
        status="succeeded",
        created_at="2026-11-29T08:00:00Z",
        return_id="ret_1",
        line_item_id="li_1",
        quantity=2,
        restock_type="Return",
    )
    assert (read.id, read.amount_minor, read.reason, read.status) == ("re_1", 500, "Damaged", "succeeded")
    assert (read.created_at, read.return_id) == ("2026-11-29T08:00:00Z", "ret_1")
    assert (read.units, read.restock, read.is_for_shipping) == ((Units("li_1", 2),), ("return",), False)


def test_a_refund_that_says_nothing_has_nothing() -> None:
    read = refund()
    assert (read.id, read.amount_minor, read.reason, read.status) == ("", None, None, "")
    assert (read.created_at, read.return_id, read.units, read.restock) == ("", "", (), ())
    assert (refund(reason=7).reason, refund(reason="").reason) == (None, "")


def test_the_return_that_a_refund_pays_for_may_be_an_object() -> None:
    assert refund(**{"return": {"id": "ret_1"}}).return_id == "ret_1"
    assert refund(return_id="ret_2", **{"return": {"id": "ret_1"}}).return_id == "ret_2"
    assert refund(**{"return": "ret_1"}).return_id == ""


def test_each_unit_has_the_word_of_its_own_row_or_else_of_the_whole_refund() -> None:
    one, other = {"line_item_id": "li_1", "quantity": 1}, {"line_item_id": "li_2", "quantity": 1}
    read = refund(items=[one | {"restock_type": "Cancel"}, other | {"restock": ""}], restock="no-restock")
    assert (read.units, read.restock) == ((Units("li_1", 1), Units("li_2", 1)), ("cancel", "no_restock"))


def test_a_row_of_no_units_has_no_word() -> None:
    none = {"line_item_id": "li_1", "quantity": 0, "restock_type": "return"}
    one = {"line_item_id": "li_2", "quantity": 1, "restock_type": "cancel"}
    read = refund(refund_line_items=[none, one])
    assert (read.units, read.restock) == ((Units("li_2", 1),), ("cancel",))


def test_a_refund_that_leaves_its_units_open_has_no_words_on_them() -> None:
    read = refund(items=[{"line_item_id": "li_1", "restock_type": "cancel"}], restock_type="return")
    assert (read.units, read.restock) == ((), ())


@pytest.mark.parametrize("name", ["type", "kind", "scope", "target"])
@pytest.mark.parametrize(
    ("said", "is_for_shipping"),
    [("Shipping", True), ("shipping-refund", True), ("shipping_only", True), ("full", False), ("", False)],
)
def test_a_refund_of_shipping_costs_says_so_and_names_no_unit(
    name: str, said: str, is_for_shipping: bool
) -> None:
    assert refund(**{name: said}).is_for_shipping is is_for_shipping
    assert not refund(**{name: said}, line_item_id="li_1", quantity=1).is_for_shipping


def test_a_refunded_sum_is_looked_for_behind_a_flag_and_a_zero() -> None:
    assert order(refunded=True, amount_refunded=500).refunds == (RefundRecord(500),)
    assert order(refunded=0, totals={"total": 5, "amount_refunded": 5}).refunds == (RefundRecord(5),)
    assert order(refunded=True).refunds is None


def test_rows_of_refunds_are_read_in_place_of_a_refunded_sum() -> None:
    assert order(refunds=[], refunded=500).refunds == ()
    assert order(refunds=[{"amount": 100}], refunded=500).refunds == (RefundRecord(100),)


@pytest.mark.parametrize("rows", [{}, {"refunds": None}, {"refunds": []}])
def test_units_that_only_a_line_counts_as_refunded_are_a_refund(rows: dict[str, Any]) -> None:
    assert order(items=COUNTED, **rows).refunds == (RefundRecord(units=(Units("li_1", 1),)),)


def test_units_that_a_line_counts_belong_to_the_one_refund_that_was_made_and_names_none() -> None:
    made = {"id": "re_1", "amount": 500, "status": "succeeded", "return_id": "ret_1", "type": "shipping"}
    failed = {"id": "re_2", "amount": 900, "status": "failed"}
    counted, not_made = refunds(made, failed, items=COUNTED)
    assert (counted.id, counted.amount_minor, counted.units) == ("re_1", 500, (Units("li_1", 1),))
    assert (counted.status, counted.return_id, counted.is_for_shipping) == ("succeeded", "ret_1", False)
    assert (not_made.id, not_made.units) == ("re_2", ())


@pytest.mark.parametrize(
    "rows",
    [
        [{"amount": 1, "line_item_id": "li_2", "quantity": 2}],
        [{"amount": 1}, {"amount": 2}],
        [{"amount": 1, "status": "failed"}],
    ],
)
def test_units_that_a_line_counts_are_not_added_to_other_refunds(rows: list[dict[str, Any]]) -> None:
    assert refunds(*rows, items=COUNTED) == refunds(*rows)


@pytest.mark.parametrize(
    ("says", "units"),
    [
        ({"refunded_quantity": 2}, (Units("li_1", 2),)),
        ({"quantity_refunded": "2"}, (Units("li_1", 2),)),
        ({"refunded_quantity": 1, "refundedQty": 2}, (Units("li_1", 2),)),
        ({"refunded_quantity": 0}, None),
        ({"refunded_quantity": 1.5}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize(("lines", "key"), [("items", "id"), ("line_items", "line_item_id")])
def test_the_largest_count_of_refunded_units_counts(
    says: dict[str, Any], units: Any, lines: str, key: str
) -> None:
    read = order(**{"items": None, lines: [{key: "li_1", "quantity": 3, **says}]}).refunds
    assert read == (None if units is None else (RefundRecord(units=units),))


@pytest.mark.parametrize("name", ["returns", "exchanges"])
def test_returns_and_exchanges_are_read_with_their_units(name: str) -> None:
    rows = [
        {"id": "ret_1", "status": "received", "items": [{"line_item_id": "li_1", "quantity": 1}]},
        {"id": "ret_2", "status": "requested"},
        {"id": "ret_3", "items": [{"line_item_id": "li_1", "quantity": 1.5}]},
        "ret_4",
    ]
    assert order(items=LINES, **{name: rows}).returned == (
        ReturnRecord("ret_1", "received", (Units("li_1", 1),)),
        ReturnRecord("ret_2", "requested"),
        ReturnRecord("ret_3"),
        ReturnRecord(),
    )
    assert order(items=LINES, **{name: "none"}).returned == ()


def test_units_that_only_a_line_counts_as_returned_came_back() -> None:
    items = [{"id": "li_1", "quantity": 3, "returned_quantity": 2}]
    assert order(items=items).returned == (ReturnRecord("", "received", (Units("li_1", 2),)),)
    assert order(items=items, returns=[{"id": "ret_1"}]).returned == (ReturnRecord("ret_1"),)


def test_a_list_without_lines_counts_no_units() -> None:
    with pytest.raises(StoreUnreadable, match="without its lines"):
        order(items=None)
