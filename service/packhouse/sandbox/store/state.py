"""The state of the fake store: orders, their fulfillments, their changes. No HTTP, randomness or faults here.

Each change of an order is passed to `publish`, as an event type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from packhouse.clock import Clock
from packhouse.sandbox.http import ApiError, to_iso, to_json
from packhouse.sandbox.store.buyers import Sale
from packhouse.sandbox.store.products import PRODUCTS, SITE, Product

# `recorded_by` of a fulfillment that did not come through the API: the merchant ships with another tool.
EXTERNAL = "external"
LISTED_STATUSES = ("pending", "fulfilled", "cancelled", "refunded", "returned")


@dataclass(frozen=True, slots=True)
class Fulfillment:
    """One row: so many units of one line, under a tracking number. `recorded_by` is "" for the API."""

    id: str
    line_id: str
    quantity: int
    carrier: str
    tracking_number: str
    at: float
    recorded_by: str = ""

    def to_json(self) -> dict[str, Any]:
        """The row in the store's JSON."""
        return {
            "id": self.id,
            "line_item_id": self.line_id,
            "quantity": self.quantity,
            "carrier": self.carrier,
            "tracking_number": self.tracking_number,
            "created_at": to_iso(self.at),
        }


@dataclass(slots=True)
class StoreOrder:
    """One order. With `sends_webhooks` False, only a poll finds it."""

    id: str
    number: int
    sale: Sale
    created_at: float
    address: dict[str, str]
    updated_at: float = 0.0
    status: str = "pending"
    sends_webhooks: bool = True
    cancelled_at: float | None = None
    refunded_minor: int = 0
    fulfillments: list[Fulfillment] = field(default_factory=list)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    returns: list[dict[str, Any]] = field(default_factory=list)
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    site: str = SITE
    shipping_option: Any = None
    _json: bytes = b""
    _webhook_json: bytes = b""

    def touch(self, now: float) -> None:
        """Set the time of the last change, and discard the rendered JSON."""
        self.updated_at, self._json, self._webhook_json = now, b"", b""

    def ordered(self) -> dict[str, int]:
        """Units ordered, by line."""
        return {item["id"]: item["quantity"] for item in self.sale.items}

    def unshipped(self) -> dict[str, int]:
        """Units without a fulfillment, by line."""
        left = self.ordered()
        for row in self.fulfillments:
            left[row.line_id] -= row.quantity
        return left

    def to_json(self) -> bytes:
        """The order as the store's REST API shows it."""
        if not self._json:
            self._json = to_json(
                {
                    "id": self.id,
                    "status": self.status,
                    "site_slug": self.site,
                    "customer_id": f"cust_{self.number:05d}",
                    "created_at": to_iso(self.created_at),
                    "updated_at": to_iso(self.updated_at),
                    "currency": "USD",
                    "totals": self.sale.totals,
                    "buyer": self.sale.buyer,
                    "items": self.sale.items,
                    "shipping_address": self.address,
                    "payment": {"provider": "stripe", "intent_id": f"pi_{self.number:08d}"},
                    "fulfillments": [row.to_json() for row in self.fulfillments],
                    "refunds": self.refunds,
                    "returns": self.returns,
                    "exchanges": self.exchanges,
                    "shipping_option": self.shipping_option,
                }
            )
        return self._json

    def webhook_json(self) -> bytes:
        """The order in a webhook: the fields of the documented sample, without status, street or name."""
        if not self._webhook_json:
            self._webhook_json = to_json(
                {
                    "id": self.id,
                    "currency": "USD",
                    "totals": self.sale.totals,
                    "buyer": {"email": self.sale.buyer["email"]},
                    "items": self.sale.items,
                    "shipping_address": {k: self.address[k] for k in ("country", "state", "postcode")},
                    "payment": {"provider": "stripe", "intent_id": f"pi_{self.number:08d}"},
                }
            )
        return self._webhook_json


class StoreState:
    """Every order and product of the sandbox's one site."""

    def __init__(
        self,
        clock: Clock,
        new_id: Callable[[str], str],
        publish: Callable[[str, StoreOrder], None],
        site: str = SITE,
    ) -> None:
        self.site = site
        self._clock = clock
        self._new_id = new_id
        self._publish = publish
        self.products: dict[str, Product] = {product.id: product for product in PRODUCTS}
        self.orders: dict[str, StoreOrder] = {}
        self._oldest_first: list[StoreOrder] = []

    def create_order(self, sale: Sale, *, sends_webhooks: bool = True) -> StoreOrder:
        """Create the order of a paid sale, and publish `order.created`."""
        now = self._clock.now()
        order = StoreOrder(
            id=self._new_id("ord"),
            number=len(self._oldest_first) + 1,
            sale=sale,
            created_at=now,
            address=sale.address,
            updated_at=now,
            sends_webhooks=sends_webhooks,
            site=self.site,
            shipping_option=sale.shipping_option,
        )
        self.orders[order.id] = order
        self._oldest_first.append(order)
        if sale.kind == "part_fulfilled":
            units = [(sale.items[0]["id"], 1)]
            number = f"8000{order.number:08d}"
            self.fulfill(order, units, "FedEx", number, recorded_by=EXTERNAL, publish=False)
        self._publish("order.created", order)
        return order

    def order(self, order_id: str) -> StoreOrder:
        """The order with this id. Raises ApiError 404."""
        try:
            return self.orders[order_id]
        except KeyError:
            raise ApiError(404, "not_found", f"Order {order_id} does not exist.") from None

    def newest_first(self, before: int | None = None) -> Iterator[StoreOrder]:
        """Orders from the newest to the oldest, or only those older than the one numbered `before`."""
        end = len(self._oldest_first) if before is None else max(0, before - 1)
        for index in range(end - 1, -1, -1):
            yield self._oldest_first[index]

    def fulfill(
        self,
        order: StoreOrder,
        units: Sequence[tuple[str, int]],
        carrier: str,
        tracking_number: str,
        *,
        recorded_by: str = "",
        publish: bool = True,
    ) -> list[Fulfillment]:
        """Record one parcel, completely or not at all.

        Raises ApiError 422 for a cancelled order, 409 for more units than are left.
        """
        if order.status in ("cancelled", "refunded", "returned"):
            raise ApiError(422, "order_not_fulfillable", f"Order {order.id} is {order.status}.")
        left = order.unshipped()
        for line_id, quantity in units:
            if left[line_id] < quantity:
                raise ApiError(
                    409,
                    "already_fulfilled",
                    f"Line {line_id} of {order.id} has {left[line_id]} units left to ship.",
                )
            left[line_id] -= quantity
        now = self._clock.now()
        rows = [
            Fulfillment(self._new_id("ful"), *unit, carrier, tracking_number, now, recorded_by)
            for unit in units
        ]
        order.fulfillments.extend(rows)
        order.status = "partially_fulfilled" if any(left.values()) else "fulfilled"
        order.touch(now)
        if publish:
            self._publish(f"order.{order.status}", order)
        return rows

    def cancel(self, order: StoreOrder) -> None:
        """Cancel an order that has not shipped completely. Raises ApiError 409."""
        if order.status not in ("pending", "partially_fulfilled"):
            raise ApiError(409, "not_cancellable", f"Order {order.id} is {order.status}.")
        order.status, order.cancelled_at = "cancelled", self._clock.now()
        order.touch(order.cancelled_at)
        self._publish("order.cancelled", order)

    def refund(self, order: StoreOrder, amount_minor: int | None = None, reason: str = "") -> None:
        """Refund this amount, or by default the rest. A full refund makes the order `refunded`.

        Raises ApiError 422 for more than the rest.
        """
        remaining = order.sale.totals["total"] - order.refunded_minor
        amount = remaining if amount_minor is None else amount_minor
        if not 0 < amount <= remaining:
            raise ApiError(
                422, "refund_refused", f"Order {order.id} has {remaining} left to refund, not {amount}."
            )
        now = self._clock.now()
        order.refunded_minor += amount
        order.refunds.append(
            {"id": self._new_id("ref"), "amount": amount, "reason": reason, "created_at": to_iso(now)}
        )
        if amount == remaining:
            order.status = "refunded"
        order.touch(now)
        self._publish("order.refunded", order)

    def change_shipping_option(self, order: StoreOrder, option: Any) -> None:
        """Replace what the buyer chose at the checkout: a name, or an object with id and name."""
        order.shipping_option = option
        order.touch(self._clock.now())
        self._publish("order.updated", order)

    def change_address(self, order: StoreOrder, parts: dict[str, str]) -> None:
        """Replace some parts of the shipping address."""
        order.address = {**order.address, **parts}
        order.touch(self._clock.now())
        self._publish("order.updated", order)
