"""What is asked of the store, to the byte."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import SettingsError
from packhouse.model.order import Units
from packhouse.store import protocol
from packhouse.store.json_fields import is_id
from packhouse.store.requests import OrdersQuery, client_headers

UNITS = (Units("li_1", 2), Units("li_2", 1))


def test_a_list_without_filters_asks_for_nothing_in_particular() -> None:
    request = protocol.list_orders(OrdersQuery())
    assert (request.method, request.target, request.body) == ("GET", "/merchant/orders", None)
    assert not request.changes


def test_every_filter_of_the_list_is_sent_under_its_documented_name() -> None:
    query = OrdersQuery(
        status="pending",
        customer_id="cust_1",
        site_slug="acme",
        created_after="2026-05-01T00:00:00Z",
        created_before="2026-05-02T00:00:00Z",
        limit=25,
        cursor="a+b/c=&d",
    )
    asked = dict(parse_qsl(urlsplit(protocol.list_orders(query).target).query, strict_parsing=True))
    assert asked == {
        "status": "pending",
        "customer_id": "cust_1",
        "site_slug": "acme",
        "created_after": "2026-05-01T00:00:00Z",
        "created_before": "2026-05-02T00:00:00Z",
        "limit": "25",
        "cursor": "a+b/c=&d",
    }


def test_an_order_is_read_by_its_id() -> None:
    assert protocol.get_order("ord_72").target == "/merchant/orders/ord_72"


def test_a_fulfillment_is_exactly_these_bytes() -> None:
    body = protocol.fulfill_body(UNITS, "USPS", "9400")
    assert body == (
        b'{"carrier":"USPS","tracking_number":"9400",'
        b'"items":[{"line_item_id":"li_1","quantity":2},{"line_item_id":"li_2","quantity":1}]}'
    )


def test_a_fulfillment_survives_being_kept_as_text() -> None:
    body = protocol.fulfill_body(UNITS, "Österreichische Post", "é1")
    assert body.isascii()
    assert json.loads(body)["carrier"] == "Österreichische Post"


@pytest.mark.parametrize(
    "units",
    [
        (),
        (Units("li_1", 0),),
        (Units("li_1", -1),),
        (Units("li_1", 1), Units("li_1", 1)),
        (Units("li_1", 1), Units("li_2", 0)),
    ],
)
def test_a_fulfillment_of_nothing_or_of_a_line_twice_is_not_built(units: tuple[Units, ...]) -> None:
    with pytest.raises(ValueError, match="line"):
        protocol.fulfill_body(units, "USPS", "9400")


@pytest.mark.parametrize(("carrier", "tracking"), [("", "9400"), ("USPS", "")])
def test_a_fulfillment_without_carrier_or_tracking_is_not_built(carrier: str, tracking: str) -> None:
    with pytest.raises(ValueError, match="tracking number"):
        protocol.fulfill_body(UNITS, carrier, tracking)


def test_a_fulfillment_is_sent_with_its_key_and_its_bytes_untouched() -> None:
    request = protocol.fulfill("ord_1", b'{"saved": 1}', "ord_1/1/1")
    assert (request.method, request.path, request.body) == (
        "POST",
        "/merchant/orders/ord_1/fulfill",
        b'{"saved": 1}',
    )
    assert dict(request.headers) == {"Idempotency-Key": "ord_1/1/1", "Content-Type": "application/json"}
    assert request.changes


def test_a_key_is_as_long_as_a_header_holds() -> None:
    assert protocol.fulfill("ord_1", b"{}", "k" * 255).headers[0] == ("Idempotency-Key", "k" * 255)


def test_a_change_without_a_body_names_no_type_of_it() -> None:
    assert protocol.approve_return("ord_1", "ret_1", "k").headers == (("Idempotency-Key", "k"),)


@pytest.mark.parametrize("key", ["", "a\nb", "a\r\nX-Evil: 1", "é", "k" * 256])
def test_a_key_that_no_header_can_hold_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="idempotency key"):
        protocol.fulfill("ord_1", b"{}", key)


def test_a_refund_is_exactly_these_bytes() -> None:
    assert protocol.refund_body(1500, "Damaged") == b'{"amount":1500,"reason":"Damaged"}'
    assert protocol.refund_body(1, "") == b'{"amount":1}'
    assert protocol.refund_body(None, "") == b"{}"
    assert protocol.refund_body(None, "Damaged") == b'{"reason":"Damaged"}'
    request = protocol.refund("ord_1", b'{"amount":1}', "k")
    assert (request.method, request.path, request.body) == (
        "POST",
        "/merchant/orders/ord_1/refund",
        b'{"amount":1}',
    )
    assert dict(request.headers)["Idempotency-Key"] == "k"


@pytest.mark.parametrize("amount", [0, -1])
def test_a_refund_of_nothing_is_not_built(amount: int) -> None:
    with pytest.raises(ValueError, match="one minor unit"):
        protocol.refund_body(amount, "")


def test_products_are_asked_for_in_one_batch() -> None:
    request = protocol.products("acme", ["prod_1", "prod_2"])
    assert request.path == "/stores/acme/products/batch"
    assert request.query == (("ids", "prod_1,prod_2"),)
    assert protocol.get_product("acme", "prod_1").target == "/stores/acme/products/prod_1"


def test_a_batch_has_one_product_to_fifty() -> None:
    for count in (1, 50):
        ids = [f"prod_{n}" for n in range(count)]
        assert protocol.products("acme", ids).query == (("ids", ",".join(ids)),)


@pytest.mark.parametrize("ids", [[], ["p"] * 51, ["a,b"], [""], ["p", "a,b"]])
def test_a_batch_that_the_store_would_refuse_is_not_built(ids: list[str]) -> None:
    with pytest.raises(ValueError, match="batch"):
        protocol.products("acme", ids)


@pytest.mark.parametrize(
    "bad", ["", ".", "..", "a/b", "../x", "a b", "a\tb", "a\nb", "a\x00b", "\ud800", "x" * 256]
)
def test_what_cannot_be_an_id_gets_into_no_path(bad: str) -> None:
    with pytest.raises(ValueError, match="cannot be an id"):
        protocol.get_order(bad)


@given(st.text(min_size=1, max_size=40).filter(is_id))
def test_any_id_is_one_segment_of_the_path_and_comes_out_whole(order_id: str) -> None:
    parts = urlsplit("http://store/api" + protocol.fulfill(order_id, b"{}", "k").target)
    assert parts.query == "" and parts.fragment == ""
    segments = parts.path.split("/")
    assert len(segments) == 6
    assert unquote(segments[4]) == order_id
    assert parts.path.isascii()


@pytest.mark.parametrize("key", ["", "aly_ x", "aly_x\n", "alyé"])
def test_an_api_key_that_no_header_can_hold_stops_before_anything_is_sent(key: str) -> None:
    with pytest.raises(SettingsError, match="api_key"):
        client_headers(key)


@pytest.mark.parametrize("key", ["aly_abc", "aly_oauth_abc"])
def test_both_kinds_of_token_are_bearers(key: str) -> None:
    assert dict(client_headers(key))["Authorization"] == f"Bearer {key}"
