"""Orders in every shape that the documentation leaves open; what could be read in two ways is refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Address, Line, Order
from packhouse.store.protocol import (
    OrdersQuery,
    StoreResponse,
    address_from_json,
    order_from_json,
    read_order,
    read_order_page,
)
from tests.service.store.samples import DOCUMENTED, TWO_LINES, order


def answer(value: Any) -> StoreResponse:
    return StoreResponse(200, {"content-type": "application/json"}, json.dumps(value).encode())


def test_the_documented_order_is_read_and_what_it_leaves_out_stays_out() -> None:
    assert order() == Order(
        id="ord_724b",
        status="",
        currency="USD",
        buyer_email="buyer@example.com",
        total_minor=5076,
        lines=(Line("li_1", "prod_1", "var_1", "Mug", quantity=2, unit_price_minor=2100),),
        address=Address(country="US", state="CA", postcode="94110"),
        fulfillments=None,
        refunds=None,
    )
    assert order().raw == DOCUMENTED


def test_a_full_order_is_read() -> None:
    full = order(
        status="partially_fulfilled",
        site_slug="acme",
        customer_id="cust_1",
        created_at="2026-05-19T08:35:14.000Z",
        buyer={"email": "b@example.com", "name": "Bea"},
        shipping_option={"id": "exp", "name": "Express"},
    )
    assert (full.status, full.site_slug, full.customer_id) == ("partially_fulfilled", "acme", "cust_1")
    assert (full.created_at, full.buyer_name, full.shipping_option) == (
        "2026-05-19T08:35:14.000Z",
        "Bea",
        "Express",
    )


@pytest.mark.parametrize("wrap", [lambda o: o, lambda o: {"order": o}, lambda o: {"data": o, "meta": {}}])
def test_a_single_order_is_bare_or_wrapped(wrap: Any) -> None:
    assert read_order(answer(wrap(DOCUMENTED)), "ord_724b") == order()


@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad gateway</html>", b"\xff", b"null", b"[]", b'{"order": null}']
)
def test_an_answer_that_is_no_order_is_unreadable(body: bytes) -> None:
    with pytest.raises(StoreUnreadable):
        read_order(StoreResponse(200, {}, body), "ord_724b")


def test_another_order_than_the_one_asked_for_is_unreadable() -> None:
    with pytest.raises(StoreUnreadable, match="ord_other"):
        read_order(answer(DOCUMENTED), "ord_other")


@pytest.mark.parametrize("name", ["cancelled_at", "canceled_at", "cancelledAt"])
def test_a_time_of_cancellation_cancels_an_order_that_is_still_called_pending(name: str) -> None:
    raw = {"id": "ord_1", "status": "pending", "items": [{"id": "li_1", "quantity": 1}]}
    assert order_from_json(raw | {name: "2026-11-30T11:00:00Z"}).status == "cancelled"
    assert order_from_json(raw | {name: None}).status == "pending"
    assert order_from_json(raw | {name: ""}).status == "pending"


@pytest.mark.parametrize("status", ["pending", "fulfilled", "cancelled", "refunded", "returned", "on_fire"])
def test_the_status_is_the_stores_own_word(status: str) -> None:
    assert order(status=status).status == status


@pytest.mark.parametrize("status", [None, 7, True, {"name": "pending"}, ["pending"], " "])
def test_a_status_that_is_no_word_is_absent(status: Any) -> None:
    assert order(status=status).status == ""


def test_lines_may_be_called_line_items_and_their_id_line_item_id() -> None:
    renamed = {k: v for k, v in DOCUMENTED.items() if k != "items"}
    renamed["line_items"] = [
        {**{k: v for k, v in DOCUMENTED["items"][0].items() if k != "id"}, "line_item_id": "li_1"}
    ]
    assert order_from_json(renamed).lines == order().lines


def test_both_names_for_the_lines_must_say_the_same() -> None:
    assert order(line_items=copy.deepcopy(DOCUMENTED["items"])).lines == order().lines
    with pytest.raises(StoreUnreadable, match="differ"):
        order(line_items=[])


@pytest.mark.parametrize(
    "items",
    [
        None,
        "li_1",
        {},
        [7],
        [{}],
        [{"id": "li_1"}],
        [{"quantity": 1}],
        [{"id": "", "quantity": 1}],
        [{"id": 1, "quantity": 1}],
        [{"id": "a b", "quantity": 1}],
        [{"id": "li_1", "line_item_id": "li_2", "quantity": 1}],
        [{"id": "li_1", "quantity": 1}, {"id": "li_1", "quantity": 1}],
        [{"id": "li_1", "quantity": None}],
        [{"id": "li_1", "quantity": 1.0}],
        [{"id": "li_1", "quantity": 1.5}],
        [{"id": "li_1", "quantity": "1"}],
        [{"id": "li_1", "quantity": True}],
        [{"id": "li_1", "quantity": -1}],
        [{"id": "li_1", "quantity": 10**18}],
        [{"id": "li_1", "quantity": 1, "unit_price": 21.0}],
        [{"id": "li_1", "quantity": 1, "unit_price": {"amount": 21, "currency": "EUR"}}],
    ],
)
def test_lines_from_which_nothing_can_be_shipped_are_refused(items: Any) -> None:
    with pytest.raises(StoreUnreadable):
        order(items=items)


def test_an_order_with_an_empty_list_of_lines_is_one_without_lines() -> None:
    assert order(items=[]).lines == ()


@pytest.mark.parametrize("name", ["subtotal", "shipping", "tax", "discount", "total"])
@pytest.mark.parametrize("value", [50.76, 5076.0, "5076", True, []])
def test_amounts_that_are_not_minor_units_are_refused(name: str, value: Any) -> None:
    with pytest.raises(StoreUnreadable, match=name):
        order(totals={**DOCUMENTED["totals"], name: value})


def test_totals_may_be_missing_or_carry_their_currency() -> None:
    assert order(totals=None).total_minor is None
    assert order(totals={"total": {"amount": 5076, "currency": "USD"}}).total_minor == 5076


@pytest.mark.parametrize(
    ("extra", "option"),
    [
        ({}, ""),
        ({"shipping_option": "Express"}, "Express"),
        ({"selected_shipping_option": {"id": "exp", "label": "Express"}}, "Express"),
        ({"shipping_method": {"id": "exp"}}, "exp"),
        ({"shipping_option": None, "shipping_method": "Post"}, "Post"),
        ({"shipping_option": 7}, ""),
    ],
)
def test_the_buyers_shipping_option_is_looked_for(extra: dict[str, Any], option: str) -> None:
    assert order(**extra).shipping_option == option


def test_the_customer_may_be_an_object() -> None:
    assert order(customer={"id": "cus_1"}).customer_id == "cus_1"
    assert order(customer_id="cus_2", customer={"id": "cus_1"}).customer_id == "cus_2"
    of_customer = order(buyer=None, customer={"email": "c@example.com", "name": "Cy"})
    assert (of_customer.buyer_email, of_customer.buyer_name) == ("c@example.com", "Cy")


def test_the_buyers_name_is_not_taken_for_the_recipients() -> None:
    read = order(buyer={"name": "Bea", "email": "b@example.com"})
    assert read.address is not None
    assert read.address.name == ""


def test_no_address_is_none() -> None:
    assert order(shipping_address=None).address is None


@pytest.mark.parametrize("wrap", [lambda r: r, *({"k": k} for k in ("orders", "data", "items", "results"))])
def test_a_page_of_orders_is_read_in_every_envelope(wrap: Any) -> None:
    rows = [DOCUMENTED, {**TWO_LINES, "id": "ord_2"}]
    value = wrap(rows) if callable(wrap) else {wrap["k"]: rows, "next_cursor": "c2"}
    page = read_order_page(answer(value))
    assert [row.id for row in page.orders] == ["ord_724b", "ord_2"]
    assert page.orders[0] == order()
    assert page.next_cursor == (None if callable(wrap) else "c2")


def test_one_order_that_cannot_be_read_does_not_hide_the_others_and_would_never_ship() -> None:
    bad = {"id": "ord_bad", "status": "pending", "items": [{"id": "li_1", "quantity": 1.5}]}
    page = read_order_page(answer({"orders": [bad, TWO_LINES]}))
    assert [row.id for row in page.orders] == ["ord_bad", "ord_724b"]
    assert page.orders[0] == Order("ord_bad")
    assert page.orders[0].raw == bad


def test_a_list_may_leave_the_lines_out() -> None:
    page = read_order_page(answer({"orders": [{"id": "ord_1", "status": "pending", "totals": {"total": 5}}]}))
    assert page.orders == (Order("ord_1", status="pending", total_minor=5),)


@pytest.mark.parametrize("row", [{}, {"id": 7}, {"id": "a/b"}, {"order_id": "ord_1"}])
def test_a_row_without_an_id_makes_the_page_unreadable(row: dict[str, Any]) -> None:
    with pytest.raises(StoreUnreadable):
        read_order_page(answer({"orders": [TWO_LINES, row]}))


def test_a_full_array_without_a_place_for_a_cursor_is_taken_for_truncated() -> None:
    rows = [{**TWO_LINES, "id": f"ord_{n}"} for n in range(2)]
    assert read_order_page(answer(rows), OrdersQuery(limit=2)).truncated
    assert not read_order_page(answer(rows), OrdersQuery(limit=3)).truncated
    assert not read_order_page(answer(rows), OrdersQuery()).truncated
    assert not read_order_page(answer({"orders": rows}), OrdersQuery(limit=2)).truncated
    assert read_order_page(answer({"orders": rows, "has_more": True})).truncated
    assert not read_order_page(answer({"orders": rows, "has_more": True, "next_cursor": "c"})).truncated


def test_a_snapshot_of_an_order_is_read_to_the_same_order() -> None:
    first = order(fulfillments=[{"line_item_id": "li_1", "quantity": 1, "tracking_number": "9400"}])
    again = order_from_json(json.loads(json.dumps(first.raw)))
    assert again == first
    assert again.fingerprint() == first.fingerprint()


_ids = st.sampled_from(["li_1", "li_2", "li_3"])
_quantities = st.integers(0, 5)


@st.composite
def _orders(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, int]]:
    """An order in a random spelling, and its units by line."""
    units = draw(st.dictionaries(_ids, _quantities, max_size=3))
    id_key = draw(st.sampled_from(["id", "line_item_id"]))
    rows = [{id_key: line_id, "quantity": count} for line_id, count in units.items()]
    return {"id": "ord_1", draw(st.sampled_from(["items", "line_items"])): rows}, units


@given(_orders(), st.sampled_from(["", "order", "data"]))
def test_the_units_are_the_same_in_every_spelling(
    made: tuple[dict[str, Any], dict[str, int]], wrapper: str
) -> None:
    raw, units = made
    read = read_order(answer({wrapper: raw} if wrapper else raw), "ord_1")
    assert {line.id: line.quantity for line in read.lines} == units


def test_the_buyers_phone_stands_in_where_the_address_has_none() -> None:
    home = {"name": "Ann", "line1": "1 St", "country": "DE"}
    raw = {"id": "ord_1", "items": [], "buyer": {"email": "a@example.com", "phone": "+49 30 1"}}
    with_none, with_own = (
        order_from_json({**raw, "shipping_address": {**home, "phone": phone}}).address
        for phone in ("", "+49 30 2")
    )
    assert with_none == Address(name="Ann", street1="1 St", country="DE", phone="+49 30 1")
    assert with_own is not None
    assert with_own.phone == "+49 30 2"
    customer = {
        "id": "ord_1",
        "items": [],
        "customer": {"id": "c", "phoneNumber": "5"},
        "shipping_address": home,
    }
    assert order_from_json(customer).address == Address(name="Ann", street1="1 St", country="DE", phone="5")
    for name in ("buyer_phone", "customer_phone", "customerPhone"):
        flat = order_from_json({"id": "ord_1", "items": [], name: "5", "shipping_address": home}).address
        assert flat == Address(name="Ann", street1="1 St", country="DE", phone="5")


_keys = st.sampled_from(
    [
        "id",
        "items",
        "line_items",
        "quantity",
        "line_item_id",
        "totals",
        "total",
        "fulfillments",
        "refunds",
        "amount",
        "status",
        "buyer",
        "shipping_address",
        "tracking_number",
        "order",
        "orders",
        "data",
        "next_cursor",
    ]
)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.floats()
    | st.sampled_from(["ord_1", "li_1", "", "é", "a b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=5),
    max_leaves=20,
)


@given(_json)
def test_any_answer_is_orders_or_unreadable_and_never_anything_else(value: Any) -> None:
    for read in (lambda a: [read_order(a, "ord_1")], lambda a: read_order_page(a).orders):
        try:
            found = read(answer(value))
        except StoreUnreadable:
            continue
        for each in found:
            assert each.id
            assert all(line.id and line.quantity >= 0 for line in each.lines)
            assert each.address == address_from_json(each.raw.get("shipping_address")) or not each.lines
            json.dumps(each.fingerprint())
