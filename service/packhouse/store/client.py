"""The blocking client of the store, for the command line, over the standard http.client.

One call at a time on one connection, no retries, and no slow imports.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packhouse.errors import SettingsError
from packhouse.setting_text import shown_url
from packhouse.store import requests
from packhouse.store.paging import read_pages
from packhouse.store.requests import OrdersQuery, StoreRequest, client_headers
from packhouse.store.responses import (
    LARGEST_RESPONSE,
    ListPage,
    StoreResponse,
    check_response,
    json_of,
    read_list,
    too_large,
    unanswered,
    unreachable,
)
from packhouse.store.write_answers import check_accepted, shows_fulfillment

# Methods that read an Order import what they need: a list as received needs none of it.
if TYPE_CHECKING:
    from typing import Self

    from packhouse.model.order import Order, OrderPage, Product

_KEEPALIVE_S = 4.0  # an older connection may be closing on the other side; a new one is opened instead


class StoreClient:
    """One store. `url` is the base address, `timeout_s` the longest wait for a connection and for a response.

    Every method raises the matching StoreError. Close it when done, or use it in a `with`.
    """

    def __init__(self, url: str, api_key: str, *, timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._headers = dict(client_headers(api_key))
        self._timeout_s = timeout_s
        self._connect_to, self._base_path = _place(self._url)
        self._connection: http.client.HTTPConnection | None = None
        self._used_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def order(self, order_id: str) -> Order:
        """Read an order."""
        from packhouse.store.orders import read_order

        return read_order(self.ask(requests.get_order(order_id)), order_id)

    def orders(self, query: OrdersQuery) -> OrderPage:
        """One page of a list; `order_pages` reads all of them."""
        from packhouse.store.orders import read_order_page

        return read_order_page(self.ask(requests.list_orders(query)), query)

    def order_pages(self, query: OrdersQuery) -> Iterator[OrderPage]:
        """Every page of a list, each read when it is consumed (see `paging`). Each order comes once."""
        return read_pages(self.orders, query)

    def order_rows(self, query: OrdersQuery) -> Iterator[ListPage]:
        """The pages of `order_pages` as received, no row read further."""
        return read_pages(self._order_rows, query)

    def _order_rows(self, query: OrdersQuery) -> ListPage:
        answer = self.ask(requests.list_orders(query))
        return read_list(json_of(answer, "listing orders"), "orders", query.limit)

    def fulfill(self, order_id: str, body: bytes, key: str) -> bool:
        """Post a fulfillment: a body of `fulfill_body`, under its saved key. Returning means accepted.

        Whether the response shows the fulfillment; if not, the order has to be read.
        """
        return shows_fulfillment(self.ask(requests.fulfill(order_id, body, key)), body)

    def refund(self, order_id: str, body: bytes, key: str) -> None:
        """Ask for a refund: a body of `refund_body`, under its saved key. Accepted is not yet done."""
        self.ask(requests.refund(order_id, body, key))

    def product(self, site_slug: str, product_id: str) -> Product:
        """One product of a site's catalogue."""
        from packhouse.store.products import read_product

        return read_product(self.ask(requests.get_product(site_slug, product_id)), product_id)

    def products(self, site_slug: str, ids: Sequence[str]) -> dict[str, Product]:
        """Products of a site by id, 50 a call; what the store does not know is not in it."""
        from packhouse.store.products import read_products

        found: dict[str, Product] = {}
        for start in range(0, len(ids), requests.LARGEST_BATCH):
            batch = ids[start : start + requests.LARGEST_BATCH]
            found |= read_products(self.ask(requests.products(site_slug, batch)))
        return found

    def merchant_products(self, ids: Sequence[str]) -> dict[str, Product]:
        """Products of the workspace by id, and those listed before them. It needs the scope read:content."""
        from packhouse.store.products import MerchantSearch

        search = MerchantSearch(ids)
        while request := search.next_request():
            search.take(self.ask(request))
        return search.found

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(self, request: StoreRequest) -> StoreResponse:
        """Send one request; returns its 2xx response. Raises StoreError for any other."""
        connection = self._connected(request)
        started = time.monotonic()
        try:
            connection.request(
                request.method,
                self._base_path + request.target,
                body=request.body,
                headers=self._headers | dict(request.headers),
            )
            response = connection.getresponse()
            body = self._read(response, request, started)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise unanswered(request, self._url, error) from error
        if response.will_close:
            self.close()
        self._used_at = time.monotonic()
        answer = StoreResponse(response.status, {k.lower(): v for k, v in response.getheaders()}, body)
        check_response(answer, request, time.time())
        check_accepted(answer, request)
        return answer

    def _read(self, response: http.client.HTTPResponse, request: StoreRequest, started: float) -> bytes:
        """The whole body. Raises StoreUnreadable when it is too large, TimeoutError, HTTPException."""
        parts: list[bytes] = []
        size = 0
        while part := response.read1(65536):
            size += len(part)
            if size > LARGEST_RESPONSE:
                self.close()
                raise too_large(request)
            if time.monotonic() - started > self._timeout_s:
                raise TimeoutError(f"still sending after {self._timeout_s} s")
            parts.append(part)
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        response.close()  # read1 does not do it at the end, and the connection waits for it
        return b"".join(parts)

    def _connected(self, request: StoreRequest) -> http.client.HTTPConnection:
        """The connection last used, if it is fresh, or a new one."""
        if self._connection is not None and time.monotonic() - self._used_at < _KEEPALIVE_S:
            return self._connection
        self.close()
        secure, host, port = self._connect_to
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(host, port, timeout=self._timeout_s)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise unreachable(request, self._url, error) from error
        self._connection = connection
        return connection


def _place(url: str) -> tuple[tuple[bool, str, int | None], str]:
    """(https?, host, port) and the path that every call begins with. Raises SettingsError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(
            f"store.url is {shown_url(url)}; it must be an address such as https://aly.store/api/storefront/v1."
        )
    return (parts.scheme == "https", parts.hostname, port), parts.path
