"""Aly's storefront REST API over the fake state, without a socket.

Paths, scopes, statuses, the error envelope, cursors and Idempotency-Key follow the documentation. Where the
documentation is silent, this store is the strictest for its client: it honours Idempotency-Key only for
fulfillments and refunds, where the documentation shows the header.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from packhouse.sandbox.http import ApiError, Request, Response, json_response
from packhouse.sandbox.store.parsing import (
    invalid,
    read_body,
    read_cursor,
    read_limit,
    read_text,
    read_time,
    read_units,
    write_cursor,
)
from packhouse.sandbox.store.returns_api import ReturnsApi
from packhouse.sandbox.store.state import LISTED_STATUSES, StoreOrder, StoreState
from packhouse.sandbox.store.webhooks_api import WebhooksApi

BASE = "/api/storefront/v1"
ORDER_SCOPES = frozenset({"read:orders", "write:orders"})
ALL_SCOPES = ORDER_SCOPES | {"read:sites", "write:sites", "read:content"}


def error_response(error: ApiError) -> Response:
    """The store's error envelope."""
    envelope: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.details:
        envelope["details"] = error.details
    return json_response({"error": envelope}, error.status)


@dataclass(frozen=True, slots=True)
class Listing:
    """How the store lists orders, which is not documented.

    `style` is "cursor" (a cursor names the last row), "offset" (it counts the rows before the page, of those
    that match now) or "bare" (an array without a cursor). A page has `largest_page` rows at most, whatever
    was asked for. `parts_are_pending`: the filter for pending orders finds partially fulfilled ones too.
    """

    style: str = "cursor"
    largest_page: int = 100
    parts_are_pending: bool = True


class StoreApi:
    """Handles the calls. `keys` maps each API key to its scopes. A refund completes after `refund_s`."""

    def __init__(
        self,
        state: StoreState,
        webhooks: WebhooksApi,
        returns: ReturnsApi,
        keys: Mapping[str, frozenset[str]],
        call_later: Callable[[float, Callable[[], None]], object],
        refund_s: float = 0.5,
        listing: Listing | None = None,
    ) -> None:
        self._state = state
        self._webhooks = webhooks
        self._returns = returns
        self._scopes = {f"Bearer {key}".encode(): scopes for key, scopes in keys.items()}
        self._call_later = call_later
        self._refund_s = refund_s
        self._listing = listing or Listing()
        self._first_responses: dict[tuple[str, bytes], tuple[bytes, Response]] = {}

    def handle(self, request: Request) -> Response:
        """Carry out one call, at once and completely."""
        try:
            parts = [unquote(part) for part in request.path.removeprefix(BASE).split("/")[1:]]
            if parts[0] == "merchant":
                return self._merchant(request, parts[1:])
            if parts[0] == "stores" and request.method == "GET":
                return self._storefront(request, parts[1:])
            raise _no_route(request)
        except ApiError as error:
            return error_response(error)

    # ---- merchant API ------------------------------------------------------------------------------------

    def _merchant(self, request: Request, parts: list[str]) -> Response:
        scopes = self._scopes.get(request.headers.get(b"authorization", b""))
        if scopes is None:
            raise ApiError(401, "unauthorized", "The bearer token is missing or not valid.")
        resource = parts[0] if parts else ""
        permission = "read" if request.method == "GET" else "write"
        if resource == "orders":
            _require(scopes, f"{permission}:orders")
            return self._orders(request, parts[1:])
        if resource == "products" and request.method == "GET" and len(parts) == 1:
            _require(scopes, "read:content")
            return json_response(
                {"products": [product.to_json() for product in self._state.products.values()]}
            )
        if resource == "webhooks":
            _require(scopes, f"{permission}:sites")
            return self._webhooks.handle(request, parts[1:])
        raise _no_route(request)

    def _orders(self, request: Request, parts: list[str]) -> Response:
        if request.method == "GET":
            if not parts:
                return self._list(parse_qs(request.query, keep_blank_values=True))
            if len(parts) == 1:
                return Response(200, self._state.order(parts[0]).to_json())
        elif request.method == "POST" and len(parts) >= 2:
            order = self._state.order(parts[0])
            match parts[1:]:
                case ["fulfill"]:
                    return self._idempotent(request, lambda: self._fulfill(request, order))
                case ["refund"]:
                    return self._idempotent(request, lambda: self._refund(request, order))
                case ["returns" | "exchanges", *_]:
                    return self._returns.handle(request, order, parts[1:])
        raise _no_route(request)

    def _list(self, query: dict[str, list[str]]) -> Response:
        params = {name: values[-1] for name, values in query.items()}
        status = params.get("status", "")
        if status and status not in LISTED_STATUSES:
            raise invalid("status", "invalid_enum_value", "status is none of " + ", ".join(LISTED_STATUSES))
        style, listing = self._listing.style, self._listing
        limit = min(read_limit(params.get("limit", "")), listing.largest_page)
        after, before = (read_time(params, name) for name in ("created_after", "created_before"))
        start = read_cursor(params["cursor"]) if params.get("cursor") else None
        skip = start or 0 if style == "offset" else 0
        site, customer = params.get("site_slug", self._state.site), params.get("customer_id", "")
        found: list[StoreOrder] = []
        more = False
        first = None if style == "offset" else start
        for order in self._state.newest_first(first) if site == self._state.site else ():
            if after is not None and order.created_at < after:
                break
            # The filter has only five statuses, and no word for a partially fulfilled order.
            is_part = order.status == "partially_fulfilled"
            listed_as = "pending" if is_part and listing.parts_are_pending else order.status
            if status and listed_as != status:
                continue
            if before is not None and order.created_at >= before:
                continue
            if customer and customer != f"cust_{order.number:05d}":
                continue
            if skip:
                skip -= 1
                continue
            if len(found) == limit:
                more = True
                break
            found.append(order)
        rows = b"[" + b",".join([order.to_json() for order in found]) + b"]"
        if style == "bare":
            return Response(200, rows)
        body = b'{"orders":' + rows
        if more:
            place = (start or 0) + limit if style == "offset" else found[-1].number
            body += b',"next_cursor":"' + write_cursor(place) + b'"'
        return Response(200, body + b"}")

    def _idempotent(self, request: Request, handle: Callable[[], Response]) -> Response:
        """Idempotency-Key: the same key and body replay the first response; another body is a conflict."""
        key = request.headers.get(b"idempotency-key", b"")
        if not key:
            return handle()
        first = self._first_responses.get((request.path, key))
        if first:
            body, response = first
            if body == request.body:
                return response
            raise ApiError(409, "idempotency_conflict", "This Idempotency-Key was used with another body.")
        response = handle()
        self._first_responses[request.path, key] = request.body, response
        return response

    def _fulfill(self, request: Request, order: StoreOrder) -> Response:
        body = read_body(request)
        carrier, tracking = (read_text(body, name) for name in ("carrier", "tracking_number"))
        if body.get("items") is None:  # everything that has not shipped
            units = [(line, left) for line, left in order.unshipped().items() if left]
        else:
            units = read_units(body, order)
        self._state.fulfill(order, units, carrier, tracking)
        return Response(200, order.to_json())

    def _refund(self, request: Request, order: StoreOrder) -> Response:
        body = read_body(request) if request.body else {}
        amount = body.get("amount")
        if amount is not None and (not isinstance(amount, int) or isinstance(amount, bool) or amount < 1):
            raise invalid("amount", "too_small", "amount is a positive number of minor units", min=1)
        reason = str(body.get("reason", ""))
        if order.status == "refunded":
            raise ApiError(422, "refund_refused", f"Order {order.id} is refunded.")
        if amount is not None and amount > order.sale.totals["total"] - order.refunded_minor:
            raise ApiError(422, "refund_refused", f"Order {order.id} has less than {amount} left to refund.")
        # The payment provider moves the money; the order shows the refund later.
        self._call_later(self._refund_s, lambda: self._complete_refund(order, amount, reason))
        return json_response({"order_id": order.id, "status": "processing"}, 202)

    def _complete_refund(self, order: StoreOrder, amount: int | None, reason: str) -> None:
        try:
            self._state.refund(order, amount, reason)
        except ApiError:
            return  # Another refund was faster: this one fails at the payment provider.

    # ---- storefront API ----------------------------------------------------------------------------------

    def _storefront(self, request: Request, parts: list[str]) -> Response:
        if not parts or parts[0] != self._state.site:
            raise ApiError(404, "not_found", "There is no such store.")
        products = self._state.products
        match parts[1:]:
            case []:
                return json_response({"slug": self._state.site, "name": "Paper Lantern", "currency": "USD"})
            case ["products"]:
                return json_response({"products": [product.to_json() for product in products.values()]})
            case ["products", "batch"]:
                ids = parse_qs(request.query).get("ids", [""])
                wanted = [part for value in ids for part in value.split(",") if part]
                if not 1 <= len(wanted) <= 50:
                    raise invalid("ids", "too_big" if wanted else "too_small", "give 1 to 50 ids")
                return json_response(
                    {"products": [products[one].to_json() for one in wanted if one in products]}
                )
            case ["products", product_id]:
                if product_id in products:
                    return json_response(products[product_id].to_json())
                raise ApiError(404, "not_found", f"Product {product_id} does not exist.")
        raise _no_route(request)


def _no_route(request: Request) -> ApiError:
    return ApiError(404, "not_found", f"There is no {request.method} {request.path}.")


def _require(scopes: frozenset[str], scope: str) -> None:
    if scope not in scopes:
        raise ApiError(403, "insufficient_scope", f"This key lacks the scope {scope}.")
