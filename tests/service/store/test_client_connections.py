"""How the two clients of the store use their connections and their address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from packhouse import errors
from packhouse.clock import SystemClock
from packhouse.http import httpx
from packhouse.model.order import Order
from packhouse.store.async_client import AsyncStoreClient
from packhouse.store.client import StoreClient
from packhouse.store.protocol import LARGEST_ANSWER
from tests.service.store import faulty_store as faults
from tests.service.store.clients import BODY, ORDER, SHORT_S, Async, Door
from tests.service.store.faulty_store import FaultyStore, answers, faulty_store


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>login</html>", b'{"id": "ord_1"', b"\xff\xfe", b'{"id": "ord_2", "items": []}', b"[]"],
)
def test_an_answer_that_is_no_order_is_unreadable(door: Door, shop: FaultyStore, body: bytes) -> None:
    shop.behave(answers(200, body))
    with pytest.raises(errors.StoreUnreadable):
        door.order("ord_1")


def test_a_compressed_answer_is_unreadable(door: Door, shop: FaultyStore) -> None:
    shop.behave(answers(200, b"\x1f\x8b\x08", Content_Encoding="gzip"))
    with pytest.raises(errors.StoreUnreadable, match="compressed"):
        door.order("ord_1")


def test_an_answer_without_end_is_not_read_to_its_end(door: Door, shop: FaultyStore) -> None:
    shop.behave(answers(200, b" " * (LARGEST_ANSWER + 1)), answers(200, ORDER))
    with pytest.raises(errors.StoreUnreadable, match="larger"):
        door.order("ord_1")
    assert door.order("ord_1").id == "ord_1"


def test_a_connection_is_kept_for_the_next_call(door: Door, shop: FaultyStore) -> None:
    shop.behave(answers(200, ORDER))
    for _ in range(5):
        door.order("ord_1")
    assert shop.connections == 1


def test_a_connection_that_the_store_closes_as_announced_is_not_used_again(
    door: Door, shop: FaultyStore
) -> None:
    shop.behave(faults.last_call(200, ORDER), answers(200, ORDER))
    assert door.order("ord_1").id == door.order("ord_1").id
    assert shop.connections == 2


def test_a_store_that_said_goodbye_and_is_gone_is_known_to_have_got_nothing(
    opened: Callable[..., Any],
) -> None:
    with faulty_store() as leaving:
        leaving.behave(faults.last_call(200, ORDER))
        door = opened(leaving.url)
        door.order("ord_1")
    with pytest.raises(errors.StoreUnreachable):
        door.fulfill("ord_1", BODY, "key-1")


def test_the_async_door_tells_of_every_call(shop: FaultyStore) -> None:
    door = Async(shop.url, SHORT_S)
    shop.behave(answers(200, ORDER), answers(422, {}), faults.never_answers)
    door.order("ord_1")
    with pytest.raises(errors.StoreRefused):
        door.fulfill("ord_1", BODY, "key-1")
    with pytest.raises(errors.StoreUnanswered):
        door.order("ord_1")
    door.close()
    assert door.observed == [
        ("store", "orders.get", "200"),
        ("store", "orders.fulfill", "422"),
        ("store", "orders.get", "StoreUnanswered"),
    ]


def test_a_cancelled_call_is_told_of_and_stays_cancelled(shop: FaultyStore) -> None:
    shop.behave(faults.never_answers)
    door = Async(shop.url, 5.0)

    async def cancelled_soon() -> None:
        task = asyncio.create_task(door.store.order("ord_1"))
        await asyncio.sleep(0.05)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        door._runner.run(cancelled_soon())
    door.close()
    assert door.observed == [("store", "orders.get", "cancelled")]


def test_many_calls_at_once_share_the_pool(shop: FaultyStore) -> None:
    shop.behave(answers(200, ORDER))
    door = Async(shop.url, 5.0)

    async def at_once() -> list[Order]:
        return await asyncio.gather(*(door.store.order("ord_1") for _ in range(40)))

    assert len(door._runner.run(at_once())) == 40
    before = shop.connections
    door._runner.run(at_once())
    door.close()
    assert shop.connections == before <= 40


def test_a_transport_of_ones_own_takes_the_place_of_the_network() -> None:
    async def ask() -> Order:
        store = AsyncStoreClient(
            "https://store.example/api/",
            "aly_test",
            timeout_s=1,
            rate_limit_per_s=0,
            clock=SystemClock(),
            observe=lambda *_: None,
            transport=httpx.MockTransport(
                lambda request: httpx.Response(200, json={**ORDER, "name": str(request.url)})
            ),
        )
        try:
            return await store.order("ord_1")
        finally:
            await store.aclose()

    assert asyncio.run(ask()).raw["name"] == "https://store.example/api/merchant/orders/ord_1"


@pytest.mark.parametrize("url", ["", "aly.store/api", "ftp://aly.store", "http://", "http://x:port/"])
def test_an_address_that_is_none_stops_before_anything_is_sent(url: str) -> None:
    with pytest.raises(errors.SettingsError, match=r"store\.url"):
        StoreClient(url, "aly_test", timeout_s=1)


def test_an_api_key_that_is_none_stops_before_anything_is_sent(opened: Callable[..., Any]) -> None:
    with pytest.raises(errors.SettingsError, match="api_key"):
        StoreClient("http://127.0.0.1:1", "", timeout_s=1)
