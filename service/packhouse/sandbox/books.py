"""The books: every purchase and every fulfillment, and an independent checker that tells what must never be.

The checker trusts nobody: it recounts from the carrier's sales and the store's fulfillment rows alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from packhouse.sandbox.carrier import CarrierDesk, Consignment
from packhouse.sandbox.shop import SELLER, Shipped, Shop, ShopOrder


@dataclass(frozen=True, slots=True)
class Sold:
    """One purchase. `live`: it costs money; `voided`: the money is back; neither: it is on its way back."""

    reference: str
    shipment_id: str
    order_id: str
    tracking: str
    carrier: str
    service: str
    cost_minor: int
    currency: str
    bought_at: float
    live: bool
    voided: bool


class Books:
    """What was sold and what shipped, read afresh at each call."""

    def __init__(self, shop: Shop, carrier: CarrierDesk) -> None:
        self._shop = shop
        self._carrier = carrier

    def purchases(self) -> list[Sold]:
        """Every label ever sold, oldest first."""
        return [self._sold(one) for one in self._carrier.by_number.values()]

    def _sold(self, one: Consignment) -> Sold:
        assert one.quote is not None
        return Sold(
            reference=one.reference,
            shipment_id=one.id,
            order_id=one.reference.rsplit("/", 2)[0],
            tracking=one.tracking_number,
            carrier=one.quote.offer.carrier,
            service=one.quote.offer.service,
            cost_minor=one.quote.offer.cents,
            currency="USD",
            bought_at=one.bought_at,
            live=self._carrier.is_live(one),
            voided=self._carrier.refund_status(one) == "refunded",
        )

    def to_json(self) -> dict[str, Any]:
        """Both books, for people and programs."""
        return {
            "purchases": [asdict(sold) for sold in self.purchases()],
            "fulfillments": [
                {
                    "order_id": order.id,
                    "tracking": row.tracking_number,
                    "carrier": row.carrier,
                    "line_id": row.line_id,
                    "quantity": row.quantity,
                    "at": row.at,
                    "by": row.by or "api",
                }
                for order in self._shop.orders.values()
                for row in order.shipped
            ],
        }

    def problems(self, *, settled: bool = False) -> list[str]:
        """What must never be, a sentence each; empty when all is well.

        `settled` also counts what is wrong only when nobody works any more: a label that costs money and that
        no fulfillment uses.
        """
        sold = self.purchases()
        found = self._wrong_purchases(sold)
        by_number = {one.tracking: one for one in sold}
        used: dict[str, str] = {}
        for order in self._shop.orders.values():
            found += self._wrong_counts(order)
            for row in order.shipped:
                if row.by != SELLER:
                    found += self._wrong_row(order, row, by_number.get(row.tracking_number), used)
        if settled:
            found += [
                f"{one.tracking}: bought for {one.reference}, {one.cost_minor} {one.currency}, never used"
                for one in sold
                if one.live and one.tracking not in used
            ]
        return found

    def _wrong_purchases(self, sold: list[Sold]) -> list[str]:
        found = []
        live: defaultdict[str, list[str]] = defaultdict(list)
        for one in sold:
            order_id, _, rest = one.reference.partition("/")
            sequence, _, generation = rest.partition("/")
            if not (order_id and sequence.isdecimal() and generation.isdecimal()):
                found.append(f"{one.tracking}: the reference {one.reference!r} is not ORDER/SEQ/GENERATION")
                continue
            if order_id not in self._shop.orders:
                found.append(f"{one.tracking}: bought for {order_id}, which the store does not know")
            if one.live:
                live[f"{order_id}/{sequence}"].append(one.tracking)
        found += [f"{name}: {len(n)} live labels: {', '.join(n)}" for name, n in live.items() if len(n) > 1]
        return found

    def _wrong_counts(self, order: ShopOrder) -> list[str]:
        found = []
        shipped: defaultdict[str, int] = defaultdict(int)
        digital = {i["id"] for i in order.sale.items if self._shop.goods[i["product_id"]].is_digital}
        for row in order.shipped:
            shipped[row.line_id] += row.quantity
            if order.cancelled_at is not None and row.at > order.cancelled_at:
                found.append(f"{order.id}: {row.tracking_number} was recorded after the order was cancelled")
            if row.line_id in digital:
                found.append(f"{order.id}: {row.tracking_number} ships the digital line {row.line_id}")
        ordered = order.ordered()
        for line_id, quantity in shipped.items():
            if quantity > ordered.get(line_id, 0):
                found.append(
                    f"{order.id}: line {line_id} shipped {quantity} of {ordered.get(line_id, 0)} units"
                )
        return found

    def _wrong_row(
        self, order: ShopOrder, row: Shipped, sold: Sold | None, used: dict[str, str]
    ) -> list[str]:
        number = row.tracking_number
        if sold is None:
            return [f"{order.id}: the carrier never sold {number!r}"]
        found = []
        if used.setdefault(number, order.id) != order.id:
            found.append(f"{number}: used by {used[number]} and by {order.id}")
        if sold.order_id != order.id:
            found.append(f"{order.id}: {number} was bought for {sold.reference}")
        if not sold.live:
            found.append(f"{order.id}: {number} was given back to the carrier")
        return found
