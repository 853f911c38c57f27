"""The two clients of the store behind one interface."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from packhouse.clock import SystemClock
from packhouse.model.order import Order, OrderPage, Product, Units
from packhouse.store.async_client import AsyncStoreClient
from packhouse.store.client import StoreClient
from packhouse.store.protocol import OrdersQuery, fulfill_body, read_pages_async

ORDER = {"id": "ord_1", "status": "pending", "items": [{"id": "li_1", "quantity": 2}]}


BODY = fulfill_body([Units("li_1", 2)], "USPS", "9400")


SHORT_S = 0.15


Observed = list[tuple[str, str, str]]


class Door(Protocol):
    """The methods that both doors have, as a test calls them."""

    def order(self, order_id: str) -> Order: ...
    def orders(self, query: OrdersQuery) -> OrderPage: ...
    def pages(self, query: OrdersQuery) -> list[OrderPage]: ...
    def fulfill(self, order_id: str, body: bytes, key: str) -> None: ...
    def product(self, site_slug: str, product_id: str) -> Product: ...
    def products(self, site_slug: str, ids: list[str]) -> dict[str, Product]: ...


class Async:
    """The async door, one event loop for all its calls."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self.observed: Observed = []
        self._runner = asyncio.Runner()
        self.store = self._runner.run(self._opened(url, timeout_s))

    async def _opened(self, url: str, timeout_s: float) -> AsyncStoreClient:
        return AsyncStoreClient(
            url,
            "aly_test",
            timeout_s=timeout_s,
            rate_limit_per_s=0,
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
            return [page async for page in read_pages_async(self.store.orders, query)]

        return self._runner.run(read())

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args: self._runner.run(getattr(self.store, name)(*args))


class Blocking:
    """The blocking door."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self.store = StoreClient(url, "aly_test", timeout_s=timeout_s)

    def close(self) -> None:
        self.store.close()

    def pages(self, query: OrdersQuery) -> list[OrderPage]:
        return list(self.store.order_pages(query))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return getattr(self.store, name)
