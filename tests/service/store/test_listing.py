"""Listings for the daemon: one bad row hides no other, and a time is read in each usual form."""

from __future__ import annotations

import pytest

from packhouse.errors import StoreUnreadable
from packhouse.store.protocol import (
    OrdersQuery,
    StoreResponse,
    list_orders,
    moment,
    order_from_json,
    read_order_listing,
)
from packhouse.store.responses import too_large

LISTING = OrdersQuery(limit=100)


@pytest.mark.parametrize(
    ("body", "ids", "unreadable"),
    [
        (b'{"orders":[{"id":"ord_1"},7,{"id":"ord_2"}]}', ["ord_1", "ord_2"], 1),
        (b'[{"id":"ord_1"},{"status":"pending"},{"id":""},{"id":"a b"}]', ["ord_1"], 3),
        (b'{"data":[{"id":"ord_1","total":NaN},{"id":"ord_2"}]}', ["ord_1", "ord_2"], 0),
        (b'{"items":[{"id":"ord_1","name":"\xff"},{"id":"ord_2\xff"}]}', ["ord_1"], 1),
        (b'{"results":[{"id":"ord_1","name":"\\ud800"},{"id":"ord_2\\ud800"}]}', ["ord_1"], 1),
        (b'[{"id":"ord_1","total":' + b"9" * 5000 + b'},{"id":"ord_2"}]', ["ord_1", "ord_2"], 0),
    ],
)
def test_a_bad_row_of_a_listing_is_counted_and_hides_no_other(
    body: bytes, ids: list[str], unreadable: int
) -> None:
    page = read_order_listing(StoreResponse(200, {}, body), LISTING)
    assert [order.id for order in page.orders] == ids
    assert page.unreadable == unreadable


def test_a_listing_that_is_no_list_is_an_error() -> None:
    for body in (b"<html>", b'{"orders":[{"id":"ord_1"}', b'{"message":"hello"}'):
        with pytest.raises(StoreUnreadable):
            read_order_listing(StoreResponse(200, {}, body), LISTING)


@pytest.mark.parametrize(
    ("value", "created_at"),
    [
        ("2026-11-29T08:00:00Z", "2026-11-29T08:00:00Z"),
        ("2026-11-29T10:00:00+02:00", "2026-11-29T10:00:00+02:00"),
        (1795939200, "2026-11-29T08:00:00.000Z"),
        (1795939200.5, "2026-11-29T08:00:00.500Z"),
        (1795939200000, "2026-11-29T08:00:00.000Z"),
        ("1795939200000", "2026-11-29T08:00:00.000Z"),
        (1795939200000000000, "2026-11-29T08:00:00.000Z"),
        (None, ""),
        (True, ""),
        (-5, ""),
        (7, ""),
        (10**40, ""),
    ],
)
def test_the_time_of_an_order_is_read_in_each_usual_form(value: object, created_at: str) -> None:
    assert order_from_json({"id": "ord_1", "items": [], "created_at": value}).created_at == created_at


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-29T08:00:00Z",
        "2026-11-29T10:00:00+02:00",
        "2026-11-29T08:00:00",
        "2026-11-29T08:00:00.000000000Z",
    ],
)
def test_a_time_is_the_same_moment_in_each_writing(text: str) -> None:
    found = moment(text)
    assert found is not None and found.isoformat() == "2026-11-29T08:00:00+00:00"


def test_what_is_no_time_has_no_moment() -> None:
    assert [moment(text) for text in ("", "yesterday", "0001-01-01T00:00:00+14:00")] == [None, None, None]


def test_an_answer_that_is_too_large_names_its_only_order() -> None:
    request = list_orders(LISTING)
    body = b'{"orders":[{"id":"ord_w1","created_at":"2026-11-29T08:00:00Z","shipping_address":{}'
    assert too_large(request, body).details == ({"id": "ord_w1", "created_at": "2026-11-29T08:00:00Z"},)
    several = body + b'},{"id":"ord_w2","shipping_address":{}'
    assert too_large(request, several).details == ({"id": "", "created_at": ""},)
