"""The async client alone: it reports each call, can be cancelled, and runs many calls at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from packhouse import errors
from packhouse.clock import SystemClock
from packhouse.http import httpx
from packhouse.model.order import Order
from packhouse.store.async_client import AsyncStoreClient
from tests.service.store import faulty_store as faults
from tests.service.store.faulty_store import FaultyStore, answers, faulty_store
from tests.service.store.test_clients import BODY, ORDER, SHORT_S, Async


@pytest.fixture
def shop() -> Iterator[FaultyStore]:
    with faulty_store() as store:
        yield store


def test_the_async_client_reports_every_call(shop: FaultyStore) -> None:
    client = Async(shop.url, SHORT_S)
    shop.behave(answers(200, ORDER), answers(422, {}), faults.never_answers)
    client.order("ord_1")
    with pytest.raises(errors.StoreRefused):
        client.fulfill("ord_1", BODY, "key-1")
    with pytest.raises(errors.StoreUnanswered):
        client.order("ord_1")
    client.close()
    assert client.observed == [
        ("store", "orders.get", "200"),
        ("store", "orders.fulfill", "422"),
        ("store", "orders.get", "StoreUnanswered"),
    ]


def test_a_cancelled_call_is_reported_and_stays_cancelled(shop: FaultyStore) -> None:
    shop.behave(faults.never_answers)
    client = Async(shop.url, 60.0)

    async def cancelled_soon() -> None:
        task = asyncio.create_task(client.store.order("ord_1"))
        while not shop.asked:
            await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        client._runner.run(cancelled_soon())
    client.close()
    assert client.observed == [("store", "orders.get", "cancelled")]


def test_many_calls_at_once_share_the_pool(shop: FaultyStore) -> None:
    shop.behave(answers(200, ORDER))
    client = Async(shop.url, 60.0)

    async def at_once() -> list[Order]:
        return await asyncio.gather(*(client.store.order("ord_1") for _ in range(40)))

    assert len(client._runner.run(at_once())) == 40
    before = shop.connections
    client._runner.run(at_once())
    client.close()
    assert shop.connections == before <= 40


def test_another_transport_replaces_the_network() -> None:
    async def ask() -> Order:
        store = AsyncStoreClient(
            "https://store.example/api/",
            "aly_test",
            timeout_s=1,
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
