"""The store's own state: orders, what shipped of them, and what changed. No HTTP here, no chance, no faults.

Whatever happens to an order is announced to the `announce` function handed in, as an event type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from packhouse.clock import Clock
from packhouse.sandbox.catalogue import GOODS, SITE, Good, Sale
from packhouse.sandbox.wire import Refusal, iso, to_json

SELLER = "somebody else"
LISTED_STATUSES = ("pending", "fulfilled", "cancelled", "refunded", "returned")


@dataclass(frozen=True, slots=True)
class Shipped:
    """One fulfillment row: so many units of one line, under a tracking number. `by` tells who recorded it."""

    id: str
    line_id: str
    quantity: int
    carrier: str
    tracking_number: str
    at: float
    by: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the store shows it."""
        return {
            "id": self.id,
            "line_item_id": self.line_id,
            "quantity": self.quantity,
            "carrier": self.carrier,
            "tracking_number": self.tracking_number,
            "created_at": iso(self.at),
        }


@dataclass(slots=True)
class ShopOrder:
    """One order as it stands. `told` False: the shop sends no webhook about it, only a poll will find it."""

    id: str
    number: int
    sale: Sale
    created_at: float
    address: dict[str, str]
    updated_at: float = 0.0
    status: str = "pending"
    told: bool = True
    cancelled_at: float | None = None
    refunded_minor: int = 0
    shipped: list[Shipped] = field(default_factory=list)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    returns: list[dict[str, Any]] = field(default_factory=list)
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    site: str = SITE
    _json: bytes = b""
    _notice: bytes = b""

    def changed(self, now: float) -> None:
        """Forget what was rendered: something is different from `now` on."""
        self.updated_at, self._json, self._notice = now, b"", b""

    def ordered(self) -> dict[str, int]:
        """Units ordered, by line."""
        return {item["id"]: item["quantity"] for item in self.sale.items}

    def left(self) -> dict[str, int]:
        """Units that nobody has shipped yet, by line."""
        left = self.ordered()
        for row in self.shipped:
            left[row.line_id] -= row.quantity
        return left

    def to_json(self) -> bytes:
        """The order as the store's REST interface shows it."""
        if not self._json:
            self._json = to_json(
                {
                    "id": self.id,
                    "status": self.status,
                    "site_slug": self.site,
                    "customer_id": f"cust_{self.number:05d}",
                    "created_at": iso(self.created_at),
                    "updated_at": iso(self.updated_at),
                    "currency": "USD",
                    "totals": self.sale.totals,
                    "buyer": self.sale.buyer,
                    "items": self.sale.items,
                    "shipping_address": self.address,
                    "payment": {"provider": "stripe", "intent_id": f"pi_{self.number:08d}"},
                    "fulfillments": [row.to_json() for row in self.shipped],
                    "refunds": self.refunds,
                    "returns": self.returns,
                    "exchanges": self.exchanges,
                }
            )
        return self._json

    def notice(self) -> bytes:
        """The order as a webhook shows it: the documented sample's fields, no status, no street, no name."""
        if not self._notice:
            self._notice = to_json(
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
        return self._notice


class Shop:
    """Every order and product of the sandbox's one site."""

    def __init__(
        self,
        clock: Clock,
        new_id: Callable[[str], str],
        announce: Callable[[str, ShopOrder], None],
        site: str = SITE,
    ) -> None:
        self.site = site
        self._clock = clock
        self._new_id = new_id
        self._announce = announce
        self.goods: dict[str, Good] = {good.id: good for good in GOODS}
        self.orders: dict[str, ShopOrder] = {}
        self._by_age: list[ShopOrder] = []

    def take(self, sale: Sale, *, told: bool = True) -> ShopOrder:
        """A sale was paid: make it an order and announce `order.created`."""
        now = self._clock.now()
        order = ShopOrder(
            id=self._new_id("ord"),
            number=len(self._by_age) + 1,
            sale=sale,
            created_at=now,
            address=sale.address,
            updated_at=now,
            told=told,
            site=self.site,
        )
        self.orders[order.id] = order
        self._by_age.append(order)
        if sale.kind == "part_fulfilled":
            line = sale.items[0]["id"]
            self.fulfil(order, [(line, 1)], "FedEx", f"8000{order.number:08d}", by=SELLER, quietly=True)
        self._announce("order.created", order)
        return order

    def order(self, order_id: str) -> ShopOrder:
        """The order with this id. Raises Refusal 404."""
        try:
            return self.orders[order_id]
        except KeyError:
            raise Refusal(404, "not_found", f"Order {order_id} does not exist.") from None

    def newest_first(self, before: int | None = None) -> Iterator[ShopOrder]:
        """Orders from the newest to the oldest, or only those older than the one numbered `before`."""
        upto = len(self._by_age) if before is None else max(0, before - 1)
        for index in range(upto - 1, -1, -1):
            yield self._by_age[index]

    def fulfil(
        self,
        order: ShopOrder,
        units: Sequence[tuple[str, int]],
        carrier: str,
        tracking_number: str,
        *,
        by: str = "",
        quietly: bool = False,
    ) -> list[Shipped]:
        """Record a shipment, whole or not at all. Raises Refusal 422 (cancelled) or 409 (too many units)."""
        if order.status in ("cancelled", "refunded", "returned"):
            raise Refusal(422, "order_not_fulfillable", f"Order {order.id} is {order.status}.")
        left = order.left()
        for line_id, quantity in units:
            if left[line_id] < quantity:
                raise Refusal(
                    409,
                    "already_fulfilled",
                    f"Line {line_id} of {order.id} has {left[line_id]} units left to ship.",
                )
            left[line_id] -= quantity
        now = self._clock.now()
        rows = [Shipped(self._new_id("ful"), *unit, carrier, tracking_number, now, by) for unit in units]
        order.shipped.extend(rows)
        order.status = "partially_fulfilled" if any(left.values()) else "fulfilled"
        order.changed(now)
        if not quietly:
            self._announce(f"order.{order.status}", order)
        return rows

    def cancel(self, order: ShopOrder) -> None:
        """Buyer or operator cancels, before everything shipped. Raises Refusal 409."""
        if order.status not in ("pending", "partially_fulfilled"):
            raise Refusal(409, "not_cancellable", f"Order {order.id} is {order.status}.")
        order.status, order.cancelled_at = "cancelled", self._clock.now()
        order.changed(order.cancelled_at)
        self._announce("order.cancelled", order)

    def refund(self, order: ShopOrder, amount_minor: int | None = None, reason: str = "") -> None:
        """Money went back; all of it makes the order `refunded`. Raises Refusal 422 (too much)."""
        rest = order.sale.totals["total"] - order.refunded_minor
        amount = rest if amount_minor is None else amount_minor
        if not 0 < amount <= rest:
            raise Refusal(422, "refund_refused", f"Order {order.id} has {rest} left to refund, not {amount}.")
        now = self._clock.now()
        order.refunded_minor += amount
        order.refunds.append(
            {"id": self._new_id("ref"), "amount": amount, "reason": reason, "created_at": iso(now)}
        )
        if amount == rest:
            order.status = "refunded"
        order.changed(now)
        self._announce("order.refunded", order)

    def change_address(self, order: ShopOrder, parts: dict[str, str]) -> None:
        """The buyer or operator changes some parts of the address."""
        order.address = {**order.address, **parts}
        order.changed(self._clock.now())
        self._announce("order.updated", order)
