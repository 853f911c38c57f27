"""The store's counter: Aly's storefront REST interface over the shop's state, without a socket.

Documented: paths, scopes, statuses, the error envelope, cursors, Idempotency-Key. Where the documentation is
silent this store takes the reading that asks most of its client.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from packhouse.sandbox.catalogue import SITE
from packhouse.sandbox.shop import LISTED_STATUSES, Shop, ShopOrder
from packhouse.sandbox.webhook_desk import WebhookDesk
from packhouse.sandbox.wire import Answer, Refusal, Request, from_iso, json_answer

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
        keys: Mapping[str, frozenset[str]],
        later: Callable[[float, Callable[[], None]], object],
        refund_s: float = 0.5,
    ) -> None:
        self._shop = shop
        self._webhooks = webhooks
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
        elif request.method == "POST" and len(parts) == 2:
            order = self._shop.order(parts[0])
            if parts[1] == "fulfill":
                return self._once(request, lambda: self._fulfil(request, order))
            if parts[1] == "refund":
                return self._once(request, lambda: self._refund(request, order))
        raise _no_route(request)

    def _list(self, query: dict[str, list[str]]) -> Answer:
        asked = {name: values[-1] for name, values in query.items()}
        status = asked.get("status", "")
        if status and status not in LISTED_STATUSES:
            raise _invalid("status", "invalid_enum_value", "status is none of " + ", ".join(LISTED_STATUSES))
        limit = _limit(asked.get("limit", ""))
        after, before = (_time(asked, name) for name in ("created_after", "created_before"))
        start = _read_cursor(asked["cursor"]) if asked.get("cursor") else None
        site, customer = asked.get("site_slug", SITE), asked.get("customer_id", "")
        found: list[ShopOrder] = []
        more = False
        for order in self._shop.newest_first(start) if site == SITE else ():
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
            body += b',"next_cursor":"' + _write_cursor(found[-1].number) + b'"'
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
        body = _body(request)
        carrier, tracking = (_text(body, name) for name in ("carrier", "tracking_number"))
        self._shop.fulfil(order, _units(body, order), carrier, tracking)
        return Answer(200, order.to_json())

    def _refund(self, request: Request, order: ShopOrder) -> Answer:
        body = _body(request) if request.body else {}
        amount = body.get("amount")
        if amount is not None and (not isinstance(amount, int) or isinstance(amount, bool) or amount < 1):
            raise _invalid("amount", "too_small", "amount is a positive number of minor units", min=1)
        reason = str(body.get("reason", ""))
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
        if not parts or parts[0] != SITE:
            raise Refusal(404, "not_found", "There is no such store.")
        goods = self._shop.goods
        match parts[1:]:
            case []:
                return json_answer({"slug": SITE, "name": "Paper Lantern", "currency": "USD"})
            case ["products"]:
                return json_answer({"products": [good.to_json() for good in goods.values()]})
            case ["products", "batch"]:
                ids = parse_qs(request.query).get("ids", [""])
                asked = [part for value in ids for part in value.split(",") if part]
                if not 1 <= len(asked) <= 50:
                    raise _invalid("ids", "too_big" if asked else "too_small", "give 1 to 50 ids")
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


def _invalid(path: str, code: str, message: str, **bound: int) -> Refusal:
    return Refusal(400, "validation_failed", message, [{"path": path, "code": code, **bound}])


def _limit(text: str) -> int:
    if not text:
        return 20
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise _invalid("limit", "too_small", "limit is a number from 1 to 100", min=1)
    if int(text) > 100:
        raise _invalid("limit", "too_big", "limit is a number from 1 to 100", max=100)
    return int(text)


def _time(asked: dict[str, str], name: str) -> float | None:
    if not asked.get(name):
        return None
    try:
        return from_iso(asked[name])
    except ValueError:
        raise _invalid(name, "invalid_date", f"{name} is not an ISO 8601 time") from None


def _write_cursor(number: int) -> bytes:
    return base64.urlsafe_b64encode(b"before:%d" % number).rstrip(b"=")


def _read_cursor(text: str) -> int:
    try:
        padded = text + "=" * (-len(text) % 4)
        return int(base64.urlsafe_b64decode(padded).removeprefix(b"before:"))
    except ValueError:
        raise _invalid("cursor", "invalid_cursor", "this cursor was not given by this store") from None


def _body(request: Request) -> dict[str, Any]:
    body = request.json_object()
    if body is None:
        raise _invalid("", "invalid_json", "the body is not a JSON object")
    return body


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise _invalid(name, "invalid_type", f"{name} is not a string")
    return value


def _units(body: dict[str, Any], order: ShopOrder) -> list[tuple[str, int]]:
    """Which units ship. No `items` at all means everything that is left."""
    items = body.get("items")
    if items is None:
        items = [{"line_item_id": line, "quantity": left} for line, left in order.left().items() if left]
    if not isinstance(items, list) or not items:
        raise _invalid("items", "invalid_type", "items is not a list of lines with quantities")
    lines = order.ordered()
    units = []
    for index, item in enumerate(items):
        line_id, quantity = (
            (item.get("line_item_id"), item.get("quantity")) if isinstance(item, dict) else (0, 0)
        )
        if not isinstance(line_id, str) or line_id not in lines:
            raise _invalid(f"line_items.{index}.line_item_id", "not_found", "the order has no such line")
        if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
            raise _invalid(f"line_items.{index}.quantity", "too_small", "quantity is 1 or more", min=1)
        units.append((line_id, quantity))
    return units
