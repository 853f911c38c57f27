"""The requests to the store: one function for each endpoint, which returns the exact request to send.

The values here are named tuples: the command line loads them on every start, and dataclasses cost it a third.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

from packhouse import __version__
from packhouse.errors import SettingsError
from packhouse.store.json_fields import is_id

if TYPE_CHECKING:
    from packhouse.model.order import Units

LARGEST_BATCH = 50  # products in one batch call (rest/catalog)
_LARGEST_PAGE = 100  # products in one page (rest/catalog)
_LONGEST_KEY = 255


class StoreRequest(NamedTuple):
    """One call. `path` is below the base address and already percent-encoded, `query` is not.

    `changes` says that it may change data at the store. `call` is its short name in metrics ("orders.get"),
    `action` what it does, in a sentence ("read order ord_1").
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    changes: bool = False
    call: str = ""
    action: str = ""

    @property
    def target(self) -> str:
        """Path and query, below the base address."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


class OrdersQuery(NamedTuple):
    """Which orders to list; empty fields do not filter. Times are ISO 8601 in UTC ("2026-05-19T08:00:00Z").

    `status` is one of pending, fulfilled, cancelled, refunded, returned: the store's filter knows no other.
    """

    status: str = ""
    customer_id: str = ""
    site_slug: str = ""
    created_after: str = ""
    created_before: str = ""
    limit: int | None = None
    cursor: str = ""


def client_headers(api_key: str) -> tuple[tuple[str, str], ...]:
    """The headers of every call. Raises SettingsError for a key that no header can hold."""
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise SettingsError(
            "store.api_key must be the store's API key: printable ASCII without blanks, beginning with aly_. "
            "Set PACKHOUSE_STORE__API_KEY (or ALY_API_KEY)."
        )
    return (
        ("Authorization", f"Bearer {api_key}"),
        ("Accept", "application/json"),
        ("Accept-Encoding", "identity"),
        ("User-Agent", f"packhouse/{__version__}"),
    )


def list_orders(query: OrdersQuery) -> StoreRequest:
    """GET /merchant/orders."""
    parameters = (
        ("status", query.status),
        ("customer_id", query.customer_id),
        ("site_slug", query.site_slug),
        ("created_after", query.created_after),
        ("created_before", query.created_before),
        ("limit", "" if query.limit is None else str(query.limit)),
        ("cursor", query.cursor),
    )
    return StoreRequest(
        "GET",
        "/merchant/orders",
        query=tuple((name, value) for name, value in parameters if value),
        call="orders.list",
        action="list orders",
    )


def get_order(order_id: str) -> StoreRequest:
    """GET /merchant/orders/{id}."""
    path = f"/merchant/orders/{segment(order_id)}"
    return StoreRequest("GET", path, call="orders.get", action=f"read order {order_id}")


def fulfill_body(units: Sequence[Units], carrier: str, tracking_number: str) -> bytes:
    """The body for: these units shipped with this tracking number. Same input, same bytes; ASCII only.

    Units are always named: what the store does with a body that leaves them out is not documented.
    Raises ValueError for no units, a quantity below 1, or a line named twice.
    """
    if not carrier or not tracking_number:
        raise ValueError("a fulfillment names its carrier and its tracking number")
    content = {
        "carrier": carrier,
        "tracking_number": tracking_number,
        "items": items_json(units),
    }
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def fulfill(order_id: str, body: bytes, key: str) -> StoreRequest:
    """POST /merchant/orders/{id}/fulfill with a body made by `fulfill_body` and a saved idempotency key."""
    path = f"/merchant/orders/{segment(order_id)}/fulfill"
    return change("POST", path, body, key, call="orders.fulfill", action=f"fulfill order {order_id}")


def refund_body(amount_minor: int | None, reason: str) -> bytes:
    """The body that asks for a refund of `amount_minor`, or of everything where it is None.

    Same input, same bytes; ASCII only. Raises ValueError for an amount below 1.
    """
    if amount_minor is not None and amount_minor < 1:
        raise ValueError("a refund is of one minor unit or more")
    content: dict[str, object] = {} if amount_minor is None else {"amount": amount_minor}
    if reason:
        content["reason"] = reason
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def refund(order_id: str, body: bytes, key: str) -> StoreRequest:
    """POST /merchant/orders/{id}/refund with a body made by `refund_body` and a saved idempotency key.

    The store accepts it and moves the money later: only the order read again says that it has.
    """
    path = f"/merchant/orders/{segment(order_id)}/refund"
    return change("POST", path, body, key, call="orders.refund", action=f"refund order {order_id}")


def get_product(site_slug: str, product_id: str) -> StoreRequest:
    """GET /stores/{slug}/products/{id}."""
    path = f"/stores/{segment(site_slug)}/products/{segment(product_id)}"
    return StoreRequest("GET", path, call="products.get", action=f"read product {product_id}")


def products(site_slug: str, ids: Sequence[str]) -> StoreRequest:
    """GET /stores/{slug}/products/batch?ids=a,b. Raises ValueError for no id, or for more than 50."""
    if not 0 < len(ids) <= LARGEST_BATCH or not all(map(is_id, ids)):
        raise ValueError(f"a batch asks for 1 to {LARGEST_BATCH} product ids, not for {len(ids)}")
    return StoreRequest(
        "GET",
        f"/stores/{segment(site_slug)}/products/batch",
        query=(("ids", ",".join(ids)),),
        call="products.batch",
        action=f"read {len(ids)} products of site {site_slug}",
    )


def merchant_products(cursor: str = "") -> StoreRequest:
    """GET /merchant/products: a page of every product of the workspace. It needs the scope read:content."""
    query: tuple[tuple[str, str], ...] = (("limit", str(_LARGEST_PAGE)),)
    if cursor:
        query += (("cursor", cursor),)
    return StoreRequest(
        "GET", "/merchant/products", query=query, call="products.list", action="list products"
    )


def items_json(units: Sequence[Units]) -> list[dict[str, object]]:
    """Units as the store's bodies name them. Raises ValueError as the bodies made of them do."""
    line_ids = [unit.line_id for unit in units]
    if not units or len(set(line_ids)) != len(line_ids) or any(unit.quantity < 1 for unit in units):
        raise ValueError("units are named as one or more lines, each once, each with one unit or more")
    return [{"line_item_id": unit.line_id, "quantity": unit.quantity} for unit in units]


def change(method: str, path: str, body: bytes | None, key: str, *, call: str, action: str) -> StoreRequest:
    """A request that changes something, under an idempotency key: printable ASCII, at most 255 characters."""
    if not 0 < len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise ValueError(f"an idempotency key is 1 to {_LONGEST_KEY} printable ASCII characters")
    headers: tuple[tuple[str, str], ...] = (("Idempotency-Key", key),)
    if body is not None:
        headers += (("Content-Type", "application/json"),)
    return StoreRequest(method, path, headers=headers, body=body, changes=True, call=call, action=action)


def segment(value: str) -> str:
    """One percent-encoded piece of a path. Raises ValueError for what cannot be an id or a slug."""
    if not is_id(value):
        raise ValueError(f"{value!r} cannot be an id: it is empty, too long, or has blanks, '/' or ',' in it")
    return quote(value, safe="")
