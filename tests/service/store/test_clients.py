"""Both clients against a store that misbehaves on a real socket: each call ends in the same typed error."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from packhouse import errors
from packhouse.clock import SystemClock
from packhouse.model.order import Order, OrderPage, Product, Units
from packhouse.store.async_client import AsyncStoreClient
from packhouse.store.client import StoreClient
from packhouse.store.protocol import LARGEST_RESPONSE, OrdersQuery, Pages, fulfill_body
from tests.service.store import faulty_store as faults
from tests.service.store.faulty_store import FaultyStore, answers, faulty_store

ORDER = {"id": "ord_1", "status": "pending", "items": [{"id": "li_1", "quantity": 2}]}
BODY = fulfill_body([Units("li_1", 2)], "USPS", "9400")
# Half of it is for the connection, which even a busy machine makes in a second.
SHORT_S = 2.0

Observed = list[tuple[str, str, str]]


class Client(Protocol):
    """The methods that both clients have, as a test calls them."""

    def order(self, order_id: str) -> Order: ...
    def orders(self, query: OrdersQuery) -> OrderPage: ...
    def pages(self, query: OrdersQuery) -> list[OrderPage]: ...
    def fulfill(self, order_id: str, body: bytes, key: str) -> bool: ...
    def product(self, site_slug: str, product_id: str) -> Product: ...
    def products(self, site_slug: str, ids: list[str]) -> dict[str, Product]: ...


class Async:
    """The async client, one event loop for all its calls."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self.observed: Observed = []
        self._runner = asyncio.Runner()
        self.store = self._runner.run(self._opened(url, timeout_s))

    async def _opened(self, url: str, timeout_s: float) -> AsyncStoreClient:
        return AsyncStoreClient(
            url,
            "aly_test",
            timeout_s=timeout_s,
            clock=SystemClock(),
            observe=self._observe,
        )

    def _observe(self, peer: str, call: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.observed.append((peer, call, outcome))

    def close(self) -> None:
        self._runner.run(self.store.aclose())
        self._runner.close()

    def pages(self, query: OrdersQuery) -> list[OrderPage]:
        async def read() -> list[OrderPage]:
            pages, read = Pages[OrderPage](query), list[OrderPage]()
            while (asked := pages.next_query()) is not None:
                read.append(pages.take(await self.store.orders(asked)))
            return read

        return self._runner.run(read())

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args: self._runner.run(getattr(self.store, name)(*args))


class Blocking:
    """The blocking client."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self.store = StoreClient(url, "aly_test", timeout_s=timeout_s)

    def close(self) -> None:
        self.store.close()

    def pages(self, query: OrdersQuery) -> list[OrderPage]:
        return list(self.store.order_pages(query))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return getattr(self.store, name)


@pytest.fixture
def shop() -> Iterator[FaultyStore]:
    with faulty_store() as store:
        yield store


@pytest.fixture(params=[Async, Blocking], ids=["async", "blocking"])
def opened(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    clients: list[Any] = []

    def open_client(url: str, timeout_s: float = 60.0) -> Any:
        clients.append(request.param(url, timeout_s))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


@pytest.fixture
def client(opened: Callable[..., Client], shop: FaultyStore) -> Client:
    return opened(shop.url)


@pytest.fixture
def hasty(opened: Callable[..., Client], shop: FaultyStore) -> Client:
    return opened(shop.url, SHORT_S)


def test_an_order_is_read(client: Client, shop: FaultyStore) -> None:
    shop.behave(answers(200, {"order": ORDER}))
    assert client.order("ord_1").lines[0].quantity == 2
    (asked,) = shop.asked
    assert (asked.method, asked.target) == ("GET", "/api/storefront/v1/merchant/orders/ord_1")
    assert asked.headers["authorization"] == "Bearer aly_test"
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["user-agent"].startswith("packhouse/")
    assert asked.headers["host"] == f"127.0.0.1:{shop.port}"
    assert "idempotency-key" not in asked.headers


SHOWN = {"fulfillments": [{"tracking_number": "94 00"}]}


@pytest.mark.parametrize(
    ("status", "answer", "is_shown"),
    [
        (200, {"ok": 1}, False),
        (201, None, False),
        (204, None, False),
        (202, [], False),
        (200, {"order": ORDER | SHOWN}, True),
        (200, ORDER | SHOWN, True),
        (200, {"tracking_number": "9400"}, True),
        (200, [{"tracking": "94-00"}], True),
    ],
)
def test_a_fulfillment_is_posted_with_its_saved_bytes_and_a_2xx_accepts_it(
    client: Client, shop: FaultyStore, status: int, answer: Any, is_shown: bool
) -> None:
    shop.behave(answers(status, answer))
    assert client.fulfill("ord_1", BODY, "key-1") is is_shown
    (asked,) = shop.asked
    assert (asked.method, asked.target) == ("POST", "/api/storefront/v1/merchant/orders/ord_1/fulfill")
    assert asked.body == BODY
    assert asked.headers["idempotency-key"] == "key-1"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["content-length"] == str(len(BODY))


def test_a_list_is_read_page_by_page(client: Client, shop: FaultyStore) -> None:
    second = {**ORDER, "id": "ord_2"}
    shop.behave(answers(200, {"orders": [ORDER], "next_cursor": "c&1"}), answers(200, {"orders": [second]}))
    pages = client.pages(OrdersQuery(status="pending"))
    assert [order.id for page in pages for order in page.orders] == ["ord_1", "ord_2"]
    assert [asked.target.partition("?")[2] for asked in shop.asked] == [
        "status=pending",
        "status=pending&cursor=c%261",
    ]


def test_a_list_that_leads_in_a_circle_ends_with_an_error(client: Client, shop: FaultyStore) -> None:
    shop.behave(answers(200, {"orders": [ORDER], "next_cursor": "again"}))
    with pytest.raises(errors.StoreUnreadable, match="already read"):
        client.pages(OrdersQuery())
    assert len(shop.asked) == 2


def test_a_bare_list_that_was_cut_off_is_continued_by_time_and_each_order_comes_once(
    client: Client, shop: FaultyStore
) -> None:
    first, second, third = (
        {**ORDER, "id": f"ord_{n}", "created_at": f"2027-01-0{4 - n}T08:00:00Z"} for n in (1, 2, 3)
    )
    shop.behave(answers(200, [first, second]), answers(200, [second, third]), answers(200, [third]))
    pages = client.pages(OrdersQuery(limit=2))
    assert [order.id for page in pages for order in page.orders] == ["ord_1", "ord_2", "ord_3"]
    assert [asked.target.partition("?")[2] for asked in shop.asked] == [
        "limit=2",
        "created_before=2027-01-02T08%3A00%3A01Z&limit=2",
        "created_before=2027-01-01T08%3A00%3A01Z&limit=2",
    ]


def test_products_are_read_fifty_at_a_time(client: Client, shop: FaultyStore) -> None:
    ids = [f"prod_{n}" for n in range(120)]
    batches = [ids[:50], ids[50:100], ids[100:]]
    shop.behave(*(answers(200, [{"id": i, "is_digital": False} for i in batch]) for batch in batches))
    assert list(client.products("acme", ids)) == ids
    assert len(shop.asked) == 3
    assert client.products("acme", []) == {}
    assert len(shop.asked) == 3


def test_one_product_is_read(client: Client, shop: FaultyStore) -> None:
    shop.behave(answers(200, {"product": {"id": "prod_1", "is_digital": True}}))
    assert client.product("acme", "prod_1").is_digital is True


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
    client: Any, shop: FaultyStore, fault: faults.Behaviour, call: str
) -> None:
    shop.behave(answers(200, ORDER), fault)
    client.order("ord_1")
    with pytest.raises(errors.StoreUnanswered) as caught:
        client.order("ord_1") if call == "order" else client.fulfill("ord_1", BODY, "key-1")
    assert shop.connections == 1
    assert "ord_1" in str(caught.value)
    assert "aly_test" not in str(caught.value)
    shop.behave(answers(200, ORDER))
    assert client.order("ord_1").id == "ord_1"


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
    assert SHORT_S * 0.8 < time.monotonic() - started < 30


@pytest.mark.parametrize("call", ["order", "fulfill"])
def test_a_closed_port_is_known_to_have_had_no_effect(opened: Callable[..., Any], call: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = opened(f"http://127.0.0.1:{free.getsockname()[1]}/api")
        with pytest.raises(errors.StoreUnreachable, match="Nothing was sent"):
            client.order("ord_1") if call == "order" else client.fulfill("ord_1", BODY, "key-1")


def test_a_server_without_tls_is_unreachable_over_https(
    opened: Callable[..., Any], shop: FaultyStore
) -> None:
    shop.behave(answers(200, ORDER))
    client = opened(shop.url.replace("http:", "https:"))
    with pytest.raises(errors.StoreUnreachable):
        client.order("ord_1")
    assert shop.asked == []


def test_a_throttled_call_says_how_long_to_wait_and_is_not_repeated(
    client: Client, shop: FaultyStore
) -> None:
    shop.behave(answers(429, {"error": {"code": "slow_down", "message": "Too many"}}, Retry_After="7"))
    with pytest.raises(errors.StoreThrottled) as caught:
        client.fulfill("ord_1", BODY, "key-1")
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
    client: Client, shop: FaultyStore, status: int, error: type[errors.StoreError]
) -> None:
    shop.behave(answers(status, {"error": {"code": "why"}}), answers(200, ORDER))
    with pytest.raises(error) as caught:
        client.fulfill("ord_1", BODY, "key-1")
    assert (caught.value.status, caught.value.code) == (status, "why")
    assert client.order("ord_1").id == "ord_1"
    assert shop.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(client: Client, shop: FaultyStore, status: int) -> None:
    shop.behave(answers(status, None, Location=f"{shop.url}/elsewhere"))
    with pytest.raises(errors.StoreUnexpectedStatus, match="redirects"):
        client.fulfill("ord_1", BODY, "key-1")
    assert len(shop.asked) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>login</html>", b'{"id": "ord_1"', b"\xff\xfe", b'{"id": "ord_2", "items": []}', b"[]"],
)
def test_an_answer_that_is_no_order_is_unreadable(client: Client, shop: FaultyStore, body: bytes) -> None:
    shop.behave(answers(200, body))
    with pytest.raises(errors.StoreUnreadable):
        client.order("ord_1")


def test_a_compressed_answer_is_unreadable(client: Client, shop: FaultyStore) -> None:
    shop.behave(answers(200, b"\x1f\x8b\x08", Content_Encoding="gzip"))
    with pytest.raises(errors.StoreUnreadable, match="compressed"):
        client.order("ord_1")


def test_an_answer_without_end_is_not_read_to_its_end(client: Client, shop: FaultyStore) -> None:
    shop.behave(answers(200, b" " * (LARGEST_RESPONSE + 1)), answers(200, ORDER))
    with pytest.raises(errors.StoreUnreadable, match="larger"):
        client.order("ord_1")
    assert client.order("ord_1").id == "ord_1"


def test_a_connection_is_kept_for_the_next_call(client: Client, shop: FaultyStore) -> None:
    shop.behave(answers(200, ORDER))
    for _ in range(5):
        client.order("ord_1")
    assert shop.connections == 1


def test_a_connection_that_the_store_closes_as_announced_is_not_used_again(
    client: Client, shop: FaultyStore
) -> None:
    shop.behave(faults.last_call(200, ORDER), answers(200, ORDER))
    assert client.order("ord_1").id == client.order("ord_1").id
    assert shop.connections == 2


def test_a_store_that_said_goodbye_and_is_gone_is_known_to_have_got_nothing(
    opened: Callable[..., Any],
) -> None:
    with faulty_store() as leaving:
        leaving.behave(faults.last_call(200, ORDER))
        client = opened(leaving.url)
        client.order("ord_1")
    with pytest.raises(errors.StoreUnreachable):
        client.fulfill("ord_1", BODY, "key-1")


@pytest.mark.parametrize("url", ["", "aly.store/api", "ftp://aly.store", "http://", "http://x:port/"])
def test_an_address_that_is_none_stops_before_anything_is_sent(url: str) -> None:
    with pytest.raises(errors.SettingsError, match=r"store\.url"):
        StoreClient(url, "aly_test", timeout_s=1)


def test_an_api_key_that_is_none_stops_before_anything_is_sent(opened: Callable[..., Any]) -> None:
    with pytest.raises(errors.SettingsError, match="api_key"):
        StoreClient("http://127.0.0.1:1", "", timeout_s=1)
