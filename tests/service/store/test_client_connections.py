"""The clients' connections and their time: nothing is left open, and nothing is reused too late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from packhouse import errors
from packhouse.clock import SystemClock
from packhouse.http import httpx
from packhouse.store.async_client import AsyncStoreClient
from packhouse.store.client import StoreClient
from packhouse.store.limiter import RateLimiter
from packhouse.store.protocol import LARGEST_RESPONSE, get_order, refund_body
from tests.service.store import faulty_store as faults
from tests.service.store.faulty_store import FaultyStore, answers, faulty_store
from tests.service.store.test_clients import BODY, ORDER, Async, Blocking


@pytest.fixture
def shop() -> Iterator[FaultyStore]:
    with faulty_store() as store:
        yield store


@pytest.fixture(params=[Async, Blocking], ids=["async", "blocking"])
def client(request: pytest.FixtureRequest, shop: FaultyStore) -> Iterator[Async | Blocking]:
    opened = request.param(shop.url, 5.0)
    yield opened
    opened.close()


def asked_ids(shop: FaultyStore) -> list[list[str]]:
    return [parse_qs(urlsplit(asked.target).query)["ids"][0].split(",") for asked in shop.asked]


def test_every_product_is_asked_for_once(client: Async | Blocking, shop: FaultyStore) -> None:
    shop.behave(answers(200, []))
    client.products("acme", ids := [f"prod_{n}" for n in range(101)])
    assert asked_ids(shop) == [ids[:50], ids[50:100], ids[100:]]


def test_products_of_the_workspace_are_read_page_by_page(client: Async | Blocking, shop: FaultyStore) -> None:
    shop.behave(
        answers(200, {"products": [{"id": "prod_1"}], "next_cursor": "c"}),
        answers(200, {"products": [{"id": "prod_2"}], "next_cursor": "d"}),
    )
    assert set(client.merchant_products(["prod_2"])) == {"prod_1", "prod_2"}
    assert [urlsplit(asked.target).query for asked in shop.asked] == ["limit=100", "limit=100&cursor=c"]


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b'{"error": "no"}', b'{"order_id": "ord_2"}'])
def test_an_answer_that_is_no_consent_leaves_a_fulfillment_in_doubt(
    client: Async | Blocking, shop: FaultyStore, body: bytes
) -> None:
    shop.behave(answers(200, body))
    with pytest.raises(errors.StoreUnreadable, match="Whether it took effect is unknown"):
        client.fulfill("ord_1", BODY, "key-1")


def test_a_response_of_the_largest_size_is_read(client: Async | Blocking, shop: FaultyStore) -> None:
    shop.behave(answers(200, b" " * LARGEST_RESPONSE))
    assert len(client.ask(get_order("ord_1")).body) == LARGEST_RESPONSE


def test_the_rest_of_a_response_that_is_too_large_disturbs_no_other_call(
    client: Async | Blocking, shop: FaultyStore
) -> None:
    larger = answers(200, b" " * (LARGEST_RESPONSE + 500_000))
    shop.behave(answers(200, ORDER), larger, answers(200, ORDER))
    client.order("ord_1")
    with pytest.raises(errors.StoreUnreadable, match="larger"):
        client.order("ord_1")
    assert client.order("ord_1").id == "ord_1"


def test_a_refund_is_asked_for_with_its_key(shop: FaultyStore) -> None:
    shop.behave(answers(202, {}))
    with StoreClient(shop.url, "aly_test", timeout_s=5) as store:
        store.refund("ord_1", refund_body(100, ""), "key-1")
    (asked,) = shop.asked
    assert (asked.method, asked.body) == ("POST", b'{"amount":100}')
    assert asked.target.endswith("/merchant/orders/ord_1/refund")
    assert asked.headers["idempotency-key"] == "key-1"


def test_leaving_a_client_closes_its_connection(shop: FaultyStore) -> None:
    shop.behave(answers(200, ORDER))
    with StoreClient(shop.url, "aly_test", timeout_s=5) as store:
        store.order("ord_1")
        connection = store._connection
        assert connection is not None and connection.sock is not None
    assert connection.sock is None


@pytest.mark.parametrize(("idle_s", "connections"), [(3.0, 1), (4.0, 2)])
def test_a_connection_that_was_idle_for_four_seconds_is_replaced(
    shop: FaultyStore, idle_s: float, connections: int
) -> None:
    shop.behave(answers(200, ORDER))
    with StoreClient(shop.url, "aly_test", timeout_s=5) as store:
        store.order("ord_1")
        first = store._connection
        assert first is not None
        store._used_at -= idle_s
        store.order("ord_1")
        assert shop.connections == connections
        assert (first.sock is None) is (connections == 2)


def test_a_store_that_is_gone_is_unreachable_each_time() -> None:
    with faulty_store() as leaving:
        leaving.behave(faults.last_call(200, ORDER))
        store = StoreClient(leaving.url, "aly_test", timeout_s=5)
        store.order("ord_1")
    for _ in range(3):
        with pytest.raises(errors.StoreUnreachable):
            store.order("ord_1")


class Recording(httpx.AsyncBaseTransport):
    """Answers each request with these parts, a quarter of a second later, and keeps the requests."""

    def __init__(self, clock: StandingClock, *parts: bytes) -> None:
        self._clock = clock
        self._parts = parts
        self.requests: list[httpx.Request] = []
        self.is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self._clock.time += 0.25
        return httpx.Response(200, stream=Parts(self._parts), request=request)

    async def aclose(self) -> None:
        self.is_closed = True


class Parts(httpx.AsyncByteStream):
    def __init__(self, parts: tuple[bytes, ...]) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part


class StandingClock(SystemClock):
    """Time that moves only by a call or a sleep."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


Observed = list[tuple[str, str, str, float]]


def recorded(*parts: bytes, ceiling_per_s: float = 0) -> tuple[AsyncStoreClient, Recording, Observed]:
    observed: Observed = []
    clock = StandingClock()
    transport = Recording(clock, *parts)
    store = AsyncStoreClient(
        "https://store.example/api/",
        "aly_test",
        timeout_s=2,
        limiter=RateLimiter(clock, ceiling_per_s=ceiling_per_s) if ceiling_per_s else None,
        clock=clock,
        observe=lambda *call: observed.append(call),
        transport=transport,
    )
    return store, transport, observed


def test_a_connection_has_half_the_time_of_a_response() -> None:
    store, transport, _ = recorded(b'{"id": "ord_1", ', b'"items": []}')
    assert asyncio.run(store.order("ord_1")).id == "ord_1"
    (asked,) = transport.requests
    assert asked.extensions["timeout"] == {"connect": 1.0, "read": 2, "write": 2, "pool": 1.0}
    assert str(asked.url) == "https://store.example/api/merchant/orders/ord_1"
    assert asked.headers["authorization"] == "Bearer aly_test"


def test_the_time_of_a_call_is_observed_without_the_wait_for_its_turn() -> None:
    store, _, observed = recorded(b'{"id": "ord_1", "items": []}', ceiling_per_s=1)

    async def twice() -> None:
        await store.order("ord_1")
        await store.order("ord_1")

    asyncio.run(twice())
    assert observed == [("store", "orders.get", "200", 0.25)] * 2
    assert isinstance(store._clock, StandingClock)
    assert store._clock.slept == [0.75]


def test_a_response_too_large_names_an_order_only_if_nothing_received_shows_another() -> None:
    first = b'[{"id":"ord_1","shipping_address":{}'
    for last, order_id in ((b" " * LARGEST_RESPONSE, "ord_1"), (first + b" " * LARGEST_RESPONSE, "")):
        store, _, _ = recorded(first, last)
        with pytest.raises(errors.StoreUnreadable) as caught:
            asyncio.run(store.ask(get_order("ord_1")))
        assert caught.value.details == ({"id": order_id, "created_at": ""},)


def test_closing_the_client_closes_its_transport() -> None:
    store, transport, _ = recorded()
    asyncio.run(store.aclose())
    assert transport.is_closed
