"""The async client of the store, for the daemon.

It never retries: the caller knows what may be repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from packhouse.clock import Clock
from packhouse.connections import open_connections
from packhouse.errors import StoreError
from packhouse.http import NOTHING_SENT, TooLarge, httpx
from packhouse.model.order import Order, OrderPage, Product
from packhouse.providers.port import CallObserver
from packhouse.store import protocol
from packhouse.store.limiter import RateLimiter
from packhouse.store.protocol import LARGEST_RESPONSE, OrdersQuery, StoreRequest, StoreResponse
from packhouse.store.requests import client_headers
from packhouse.store.responses import too_large, unanswered, unreachable
from packhouse.store.write_answers import check_accepted, shows_fulfillment


class AsyncStoreClient:
    """One store, many calls at once. `url` is the base address, `timeout_s` the longest wait for a response.

    Every method raises the matching StoreError. `observe` is called after each call with "store", the call
    ("orders.get"), the status or the error's name, and the seconds without the wait for our rate limit.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout_s: float,
        rate_limit_per_s: float,
        clock: Clock,
        observe: CallObserver,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = list(client_headers(api_key))
        self._timeout_s = timeout_s
        # Half the time for a connection, so that a failed connection is seen as one before the time is up.
        self._connections = open_connections(
            connect_s=timeout_s / 2, timeout_s=timeout_s, most_bytes=LARGEST_RESPONSE, transport=transport
        )
        self._limiter = RateLimiter(rate_limit_per_s, clock)
        self._clock = clock
        self._observe = observe

    async def order(self, order_id: str, before: Order | None = None) -> Order:
        """Read an order. `before` itself is returned if the answer has the very bytes it was read from."""
        return protocol.read_order(await self.ask(protocol.get_order(order_id)), order_id, before)

    async def orders(self, query: OrdersQuery) -> OrderPage:
        """One page of a list, without the rows that name no order; `worker.walk` reads all pages."""
        return protocol.read_order_listing(await self.ask(protocol.list_orders(query)), query)

    async def fulfill(self, order_id: str, body: bytes, key: str) -> bool:
        """Post a fulfillment: a body of `fulfill_body`, under its saved key. Returning means accepted.

        Whether the response shows the fulfillment; if not, the order has to be read.
        """
        return shows_fulfillment(await self.ask(protocol.fulfill(order_id, body, key)), body)

    async def product(self, site_slug: str, product_id: str) -> Product:
        """One product of a site's catalogue."""
        answer = await self.ask(protocol.get_product(site_slug, product_id))
        return protocol.read_product(answer, product_id)

    async def products(self, site_slug: str, ids: Sequence[str]) -> dict[str, Product]:
        """Products of a site by id, 50 a call; what the store does not know is not in it."""
        found: dict[str, Product] = {}
        for start in range(0, len(ids), protocol.LARGEST_BATCH):
            batch = ids[start : start + protocol.LARGEST_BATCH]
            found |= protocol.read_products(await self.ask(protocol.products(site_slug, batch)))
        return found

    async def merchant_products(self, ids: Sequence[str]) -> dict[str, Product]:
        """Products of the workspace by id, and those listed before them. It needs the scope read:content."""
        search = protocol.MerchantSearch(ids)
        while request := search.next_request():
            search.take(await self.ask(request))
        return search.found

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connections.aclose()

    async def ask(self, request: StoreRequest) -> StoreResponse:
        """Send one request under the rate limit; returns its 2xx response."""
        await self._limiter.turn()
        started = self._clock.monotonic()
        outcome = "cancelled"
        try:
            answer = await self._exchange(request)
            outcome = str(answer.status)
            protocol.check_response(answer, request, self._clock.now())
            check_accepted(answer, request)
            return answer
        except StoreError as error:
            if error.status is None:
                outcome = type(error).__name__
            raise
        finally:
            self._observe("store", request.call, outcome, self._clock.monotonic() - started)

    async def _exchange(self, request: StoreRequest) -> StoreResponse:
        """Send one request and read its complete response, within the time limit."""
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._connections.exchange(
                    request.method,
                    self._url + request.target,
                    [*self._headers, *request.headers],
                    request.body,
                )
        except NOTHING_SENT as error:
            raise unreachable(request, self._url, error) from error
        except TooLarge as error:
            raise too_large(request, error.received) from error
        except (OSError, httpx.HTTPError) as error:
            raise unanswered(request, self._url, error) from error
        return StoreResponse(*answer)
