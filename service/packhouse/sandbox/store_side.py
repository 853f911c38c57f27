"""The store's counter: Aly's storefront REST interface over the shop's state, without a socket.

Documented: paths, scopes, statuses, the error envelope, cursors, Idempotency-Key. Where the documentation is
silent this store takes the reading that asks most of its client: Idempotency-Key counts for fulfilling and
refunding only, where it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from packhouse.sandbox.bodies import (
    invalid,
    read_body,
    read_cursor,
    read_limit,
    read_moment,
    read_text,
    read_units,
    write_cursor,
)
from packhouse.sandbox.return_desk import ReturnDesk
from packhouse.sandbox.shop import LISTED_STATUSES, Shop, ShopOrder
from packhouse.sandbox.webhook_desk import WebhookDesk
from packhouse.sandbox.wire import Answer, Refusal, Request, json_answer

BASE = "/api/storefront/v1"
ORDER_SCOPES = frozenset({"read:orders", "write:orders"})
ALL_SCOPES = ORDER_SCOPES | {"read:sites", "write:sites", "read:content"}


def refusal_answer(refusal: Refusal) -> Answer:
    """The store's error envelope."""
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if refusal.details:
        error["details"] = refusal.details
    return json_answer({"error": error}, refusal.status)


class StoreSide:
    """Answers the store's calls. `keys` maps each API key to its scopes."""

    def __init__(
        self,
        shop: Shop,
        webhooks: WebhookDesk,
        returns: ReturnDesk,
        keys: Mapping[str, frozenset[str]],
        later: Callable[[float, Callable[[], None]], object],
        refund_s: float = 0.5,
    ) -> None:
        self._shop = shop
        self._webhooks = webhooks
        self._returns = returns
        self._scopes = {f"Bearer {key}".encode(): scopes for key, scopes in keys.items()}
        self._later = later
        self._refund_s = refund_s
        self._kept: dict[tuple[str, bytes], tuple[bytes, Answer]] = {}

    def answer(self, request: Request) -> Answer:
        """Do what is asked, at once and all of it, and say so."""
        try:
            parts = [unquote(part) for part in request.path.removeprefix(BASE).split("/")[1:]]
            if parts[0] == "merchant":
                return self._merchant(request, parts[1:])
            if parts[0] == "stores" and request.method == "GET":
                return self._storefront(request, parts[1:])
            raise _no_route(request)
        except Refusal as refusal:
            return refusal_answer(refusal)

    # ---- merchant half ------------------------------------------------------------------------------------

    def _merchant(self, request: Request, parts: list[str]) -> Answer:
        scopes = self._scopes.get(request.headers.get(b"authorization", b""))
        if scopes is None:
            raise Refusal(401, "unauthorized", "The bearer token is missing or not valid.")
        family = parts[0] if parts else ""
        right = "read" if request.method == "GET" else "write"
        if family == "orders":
            _need(scopes, f"{right}:orders")
            return self._orders(request, parts[1:])
        if family == "products" and request.method == "GET" and len(parts) == 1:
            _need(scopes, "read:content")
            return json_answer({"products": [good.to_json() for good in self._shop.goods.values()]})
        if family == "webhooks":
            _need(scopes, f"{right}:sites")
            return self._webhooks.answer(request, parts[1:])
        raise _no_route(request)

    def _orders(self, request: Request, parts: list[str]) -> Answer:
        if request.method == "GET":
            if not parts:
                return self._list(parse_qs(request.query, keep_blank_values=True))
            if len(parts) == 1:
                return Answer(200, self._shop.order(parts[0]).to_json())
        elif request.method == "POST" and len(parts) >= 2:
            order = self._shop.order(parts[0])
            match parts[1:]:
                case ["fulfill"]:
                    return self._once(request, lambda: self._fulfil(request, order))
                case ["refund"]:
                    return self._once(request, lambda: self._refund(request, order))
                case ["returns" | "exchanges", *_]:
                    return self._returns.answer(request, order, parts[1:])
        raise _no_route(request)

    def _list(self, query: dict[str, list[str]]) -> Answer:
        asked = {name: values[-1] for name, values in query.items()}
        status = asked.get("status", "")
        if status and status not in LISTED_STATUSES:
            raise invalid("status", "invalid_enum_value", "status is none of " + ", ".join(LISTED_STATUSES))
        limit = read_limit(asked.get("limit", ""))
        after, before = (read_moment(asked, name) for name in ("created_after", "created_before"))
        start = read_cursor(asked["cursor"]) if asked.get("cursor") else None
        site, customer = asked.get("site_slug", self._shop.site), asked.get("customer_id", "")
        found: list[ShopOrder] = []
        more = False
        for order in self._shop.newest_first(start) if site == self._shop.site else ():
            if after is not None and order.created_at < after:
                break
            # The filter knows five statuses only, so a partly shipped order is still found as pending.
            shown = "pending" if order.status == "partially_fulfilled" else order.status
            if status and shown != status:
                continue
            if before is not None and order.created_at >= before:
                continue
            if customer and customer != f"cust_{order.number:05d}":
                continue
            if len(found) == limit:
                more = True
                break
            found.append(order)
        body = b'{"orders":[' + b",".join([order.to_json() for order in found]) + b"]"
        if more:
            body += b',"next_cursor":"' + write_cursor(found[-1].number) + b'"'
        return Answer(200, body + b"}")

    def _once(self, request: Request, act: Callable[[], Answer]) -> Answer:
        """Idempotency-Key: the same key and body replay the first answer, another body is a conflict."""
        key = request.headers.get(b"idempotency-key", b"")
        if not key:
            return act()
        kept = self._kept.get((request.path, key))
        if kept:
            body, answer = kept
            if body == request.body:
                return answer
            raise Refusal(409, "idempotency_conflict", "This Idempotency-Key was used with another body.")
        answer = act()
        self._kept[request.path, key] = request.body, answer
        return answer

    def _fulfil(self, request: Request, order: ShopOrder) -> Answer:
        body = read_body(request)
        carrier, tracking = (read_text(body, name) for name in ("carrier", "tracking_number"))
        if body.get("items") is None:  # everything that is left
            units = [(line, left) for line, left in order.left().items() if left]
        else:
            units = read_units(body, order)
        self._shop.fulfil(order, units, carrier, tracking)
        return Answer(200, order.to_json())

    def _refund(self, request: Request, order: ShopOrder) -> Answer:
        body = read_body(request) if request.body else {}
        amount = body.get("amount")
        if amount is not None and (not isinstance(amount, int) or isinstance(amount, bool) or amount < 1):
            raise invalid("amount", "too_small", "amount is a positive number of minor units", min=1)
        reason = str(body.get("reason", ""))
        if order.status == "refunded":
            raise Refusal(422, "refund_refused", f"Order {order.id} is refunded.")
        if amount is not None and amount > order.sale.totals["total"] - order.refunded_minor:
            raise Refusal(422, "refund_refused", f"Order {order.id} has less than {amount} left to refund.")
        # The money moves elsewhere; the order hears of it later.
        self._later(self._refund_s, lambda: self._land_refund(order, amount, reason))
        return json_answer({"order_id": order.id, "status": "processing"}, 202)

    def _land_refund(self, order: ShopOrder, amount: int | None, reason: str) -> None:
        try:
            self._shop.refund(order, amount, reason)
        except Refusal:
            return  # Another refund was faster; this one comes to nothing, as with the payment provider.

    # ---- storefront half ----------------------------------------------------------------------------------

    def _storefront(self, request: Request, parts: list[str]) -> Answer:
        if not parts or parts[0] != self._shop.site:
            raise Refusal(404, "not_found", "There is no such store.")
        goods = self._shop.goods
        match parts[1:]:
            case []:
                return json_answer({"slug": self._shop.site, "name": "Paper Lantern", "currency": "USD"})
            case ["products"]:
                return json_answer({"products": [good.to_json() for good in goods.values()]})
            case ["products", "batch"]:
                ids = parse_qs(request.query).get("ids", [""])
                asked = [part for value in ids for part in value.split(",") if part]
                if not 1 <= len(asked) <= 50:
                    raise invalid("ids", "too_big" if asked else "too_small", "give 1 to 50 ids")
                return json_answer({"products": [goods[one].to_json() for one in asked if one in goods]})
            case ["products", product_id]:
                if product_id in goods:
                    return json_answer(goods[product_id].to_json())
                raise Refusal(404, "not_found", f"Product {product_id} does not exist.")
        raise _no_route(request)


def _no_route(request: Request) -> Refusal:
    return Refusal(404, "not_found", f"There is no {request.method} {request.path}.")


def _need(scopes: frozenset[str], scope: str) -> None:
    if scope not in scopes:
        raise Refusal(403, "insufficient_scope", f"This key lacks the scope {scope}.")
