"""Both doors against a store that misbehaves on a real socket: the same call ends in the same typed error."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from packhouse import errors
from packhouse.store.protocol import OrdersQuery
from tests.service.store import faulty_store as faults
from tests.service.store.clients import BODY, ORDER, SHORT_S, Door
from tests.service.store.faulty_store import FaultyStore, answers


def test_an_order_is_read(door: Door, shop: FaultyStore) -> None:
    shop.behave(answers(200, {"order": ORDER}))
    assert door.order("ord_1").lines[0].quantity == 2
    (asked,) = shop.asked
    assert (asked.method, asked.target) == ("GET", "/api/storefront/v1/merchant/orders/ord_1")
    assert asked.headers["authorization"] == "Bearer aly_test"
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["user-agent"].startswith("packhouse/")
    assert asked.headers["host"] == f"127.0.0.1:{shop.port}"
    assert "idempotency-key" not in asked.headers


@pytest.mark.parametrize(("status", "answer"), [(200, {"ok": 1}), (201, None), (202, b"<html>"), (204, None)])
def test_a_fulfillment_is_posted_with_its_saved_bytes_and_any_2xx_accepts_it(
    door: Door, shop: FaultyStore, status: int, answer: Any
) -> None:
    shop.behave(answers(status, answer))
    door.fulfill("ord_1", BODY, "key-1")
    (asked,) = shop.asked
    assert (asked.method, asked.target) == ("POST", "/api/storefront/v1/merchant/orders/ord_1/fulfill")
    assert asked.body == BODY
    assert asked.headers["idempotency-key"] == "key-1"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["content-length"] == str(len(BODY))


def test_a_list_is_read_page_by_page(door: Door, shop: FaultyStore) -> None:
    second = {**ORDER, "id": "ord_2"}
    shop.behave(answers(200, {"orders": [ORDER], "next_cursor": "c&1"}), answers(200, {"orders": [second]}))
    pages = door.pages(OrdersQuery(status="pending"))
    assert [order.id for page in pages for order in page.orders] == ["ord_1", "ord_2"]
    assert [asked.target.partition("?")[2] for asked in shop.asked] == [
        "status=pending",
        "status=pending&cursor=c%261",
    ]


def test_a_list_that_leads_in_a_circle_ends_with_an_error(door: Door, shop: FaultyStore) -> None:
    shop.behave(answers(200, {"orders": [ORDER], "next_cursor": "again"}))
    with pytest.raises(errors.StoreUnreadable, match="already read"):
        door.pages(OrdersQuery())
    assert len(shop.asked) == 2


def test_a_bare_list_that_was_cut_off_is_continued_by_time_and_each_order_comes_once(
    door: Door, shop: FaultyStore
) -> None:
    first, second, third = (
        {**ORDER, "id": f"ord_{n}", "created_at": f"2027-01-0{4 - n}T08:00:00Z"} for n in (1, 2, 3)
    )
    shop.behave(answers(200, [first, second]), answers(200, [second, third]), answers(200, [third]))
    pages = door.pages(OrdersQuery(limit=2))
    assert [order.id for page in pages for order in page.orders] == ["ord_1", "ord_2", "ord_3"]
    assert [asked.target.partition("?")[2] for asked in shop.asked] == [
        "limit=2",
        "created_before=2027-01-02T08%3A00%3A01Z&limit=2",
        "created_before=2027-01-01T08%3A00%3A01Z&limit=2",
    ]


def test_products_are_read_fifty_at_a_time(door: Door, shop: FaultyStore) -> None:
    ids = [f"prod_{n}" for n in range(120)]
    batches = [ids[:50], ids[50:100], ids[100:]]
    shop.behave(*(answers(200, [{"id": i, "is_digital": False} for i in batch]) for batch in batches))
    assert list(door.products("acme", ids)) == ids
    assert len(shop.asked) == 3
    assert door.products("acme", []) == {}
    assert len(shop.asked) == 3


def test_one_product_is_read(door: Door, shop: FaultyStore) -> None:
    shop.behave(answers(200, {"product": {"id": "prod_1", "is_digital": True}}))
    assert door.product("acme", "prod_1").is_digital is True


@pytest.mark.parametrize(
    "fault",
    [
        faults.reset_before_reading,
        faults.reset_after_reading,
        faults.hangs_up,
        faults.talks_nonsense,
        faults.breaks_off,
    ],
    ids=lambda fault: fault.__name__,
)
@pytest.mark.parametrize("call", ["order", "fulfill"])
def test_a_connection_lost_after_sending_leaves_the_effect_unknown_and_is_tried_once(
    door: Any, shop: FaultyStore, fault: faults.Behaviour, call: str
) -> None:
    shop.behave(answers(200, ORDER), fault)
    door.order("ord_1")
    with pytest.raises(errors.StoreUnanswered) as caught:
        door.order("ord_1") if call == "order" else door.fulfill("ord_1", BODY, "key-1")
    assert shop.connections == 1
    assert "ord_1" in str(caught.value)
    assert "aly_test" not in str(caught.value)
    shop.behave(answers(200, ORDER))
    assert door.order("ord_1").id == "ord_1"


@pytest.mark.parametrize(
    "fault", [faults.never_answers, faults.stops_halfway, faults.drips], ids=lambda fault: fault.__name__
)
@pytest.mark.parametrize("call", ["order", "fulfill"])
def test_silence_and_dripping_end_in_time_with_the_effect_unknown(
    hasty: Any, shop: FaultyStore, fault: faults.Behaviour, call: str
) -> None:
    shop.behave(fault)
    started = time.monotonic()
    with pytest.raises(errors.StoreUnanswered):
        hasty.order("ord_1") if call == "order" else hasty.fulfill("ord_1", BODY, "key-1")
    assert SHORT_S * 0.8 < time.monotonic() - started < SHORT_S + 2


@pytest.mark.parametrize("call", ["order", "fulfill"])
def test_a_closed_port_is_known_to_have_had_no_effect(opened: Callable[..., Any], call: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        door = opened(f"http://127.0.0.1:{free.getsockname()[1]}/api")
        with pytest.raises(errors.StoreUnreachable, match="Nothing was sent"):
            door.order("ord_1") if call == "order" else door.fulfill("ord_1", BODY, "key-1")


def test_a_server_without_tls_is_unreachable_over_https(
    opened: Callable[..., Any], shop: FaultyStore
) -> None:
    shop.behave(answers(200, ORDER))
    door = opened(shop.url.replace("http:", "https:"))
    with pytest.raises(errors.StoreUnreachable):
        door.order("ord_1")
    assert shop.asked == []


def test_a_throttled_call_says_how_long_to_wait_and_is_not_repeated(door: Door, shop: FaultyStore) -> None:
    shop.behave(answers(429, {"error": {"code": "slow_down", "message": "Too many"}}, Retry_After="7"))
    with pytest.raises(errors.StoreThrottled) as caught:
        door.fulfill("ord_1", BODY, "key-1")
    assert caught.value.retry_after_s == 7.0
    assert len(shop.asked) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.StoreInvalidRequest),
        (401, errors.StoreUnauthorized),
        (403, errors.StoreForbidden),
        (404, errors.StoreNotFound),
        (409, errors.StoreConflict),
        (422, errors.StoreRefused),
        (500, errors.StoreUnavailable),
        (503, errors.StoreUnavailable),
        (418, errors.StoreUnexpectedStatus),
    ],
)
def test_each_status_is_its_typed_error_and_the_connection_lives_on(
    door: Door, shop: FaultyStore, status: int, error: type[errors.StoreError]
) -> None:
    shop.behave(answers(status, {"error": {"code": "why"}}), answers(200, ORDER))
    with pytest.raises(error) as caught:
        door.fulfill("ord_1", BODY, "key-1")
    assert (caught.value.status, caught.value.code) == (status, "why")
    assert door.order("ord_1").id == "ord_1"
    assert shop.connections == 1


def test_a_redirect_is_not_followed(door: Door, shop: FaultyStore) -> None:
    shop.behave(answers(307, None, Location=f"{shop.url}/elsewhere"))
    with pytest.raises(errors.StoreUnexpectedStatus, match="redirects"):
        door.fulfill("ord_1", BODY, "key-1")
    assert len(shop.asked) == 1
