"""Every label bought and every fulfillment posted, and an independent check that reports what is wrong.

The check uses only the labels that EasyPost sold and the fulfillment rows of the store.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from packhouse.sandbox.easypost.state import EasyPostShipment, EasyPostState
from packhouse.sandbox.store.state import EXTERNAL, Fulfillment, StoreOrder, StoreState


@dataclass(frozen=True, slots=True)
class Purchase:
    """One label bought. `live`: it costs money; `voided`: it is void; neither: the void is pending."""

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


class Audit:
    """What EasyPost sold and what the store shipped, read again at each call."""

    def __init__(self, store: StoreState, easypost: EasyPostState) -> None:
        self._store = store
        self._easypost = easypost

    def purchases(self) -> list[Purchase]:
        """Every label bought, oldest first."""
        return [self._purchase(one) for one in self._easypost.by_tracking_number.values()]

    def _purchase(self, shipment: EasyPostShipment) -> Purchase:
        assert shipment.selected_rate is not None
        rate = shipment.selected_rate.service_rate
        return Purchase(
            reference=shipment.reference,
            shipment_id=shipment.id,
            order_id=shipment.reference.rsplit("/", 2)[0],
            tracking=shipment.tracking_number,
            carrier=rate.carrier,
            service=rate.service,
            cost_minor=rate.cents + shipment.insurance_cents,
            currency="USD",
            bought_at=shipment.bought_at,
            live=self._easypost.is_live(shipment),
            voided=self._easypost.void_status(shipment) in ("refunded", "not_applicable"),
        )

    def to_json(self) -> dict[str, Any]:
        """All purchases and all fulfillments."""
        return {
            "purchases": [asdict(purchase) for purchase in self.purchases()],
            "fulfillments": [
                {
                    "order_id": order.id,
                    "tracking": row.tracking_number,
                    "carrier": row.carrier,
                    "line_id": row.line_id,
                    "quantity": row.quantity,
                    "at": row.at,
                    "by": row.recorded_by or "api",
                }
                for order in self._store.orders.values()
                for row in order.fulfillments
            ],
        }

    def problems(self, *, final: bool = False) -> list[str]:
        """One sentence for each thing that is wrong; empty when nothing is.

        `final` also reports what is wrong only when all work is finished: a label that costs money and that
        no fulfillment uses.
        """
        purchases = self.purchases()
        found = self._wrong_purchases(purchases)
        by_number = {one.tracking: one for one in purchases}
        used: dict[str, str] = {}
        for order in self._store.orders.values():
            found += self._wrong_counts(order)
            for row in order.fulfillments:
                if row.recorded_by != EXTERNAL:
                    found += self._wrong_row(order, row, by_number.get(row.tracking_number), used)
        if final:
            found += [
                f"{one.tracking}: bought for {one.reference}, {one.cost_minor} {one.currency}, never used"
                for one in purchases
                if one.live and one.tracking not in used
            ]
        return found

    def _wrong_purchases(self, purchases: list[Purchase]) -> list[str]:
        found = []
        live: defaultdict[str, list[str]] = defaultdict(list)
        for one in purchases:
            order_id, _, rest = one.reference.partition("/")
            sequence, _, generation = rest.partition("/")
            if not (order_id and sequence.isdecimal() and generation.isdecimal()):
                found.append(f"{one.tracking}: the reference {one.reference!r} is not ORDER/SEQ/GENERATION")
                continue
            if order_id not in self._store.orders:
                found.append(f"{one.tracking}: bought for {order_id}, which the store does not know")
            if one.live:
                live[f"{order_id}/{sequence}"].append(one.tracking)
        found += [f"{name}: {len(n)} live labels: {', '.join(n)}" for name, n in live.items() if len(n) > 1]
        return found

    def _wrong_counts(self, order: StoreOrder) -> list[str]:
        found = []
        fulfilled: defaultdict[str, int] = defaultdict(int)
        digital = {i["id"] for i in order.sale.items if self._store.products[i["product_id"]].is_digital}
        for row in order.fulfillments:
            fulfilled[row.line_id] += row.quantity
            if order.cancelled_at is not None and row.at > order.cancelled_at:
                found.append(f"{order.id}: {row.tracking_number} was recorded after the order was cancelled")
            if row.line_id in digital:
                found.append(f"{order.id}: {row.tracking_number} ships the digital line {row.line_id}")
        ordered = order.ordered()
        for line_id, quantity in fulfilled.items():
            if quantity > ordered.get(line_id, 0):
                found.append(
                    f"{order.id}: line {line_id} shipped {quantity} of {ordered.get(line_id, 0)} units"
                )
        return found

    def _wrong_row(
        self, order: StoreOrder, row: Fulfillment, purchase: Purchase | None, used: dict[str, str]
    ) -> list[str]:
        number = row.tracking_number
        if purchase is None:
            return [f"{order.id}: EasyPost never sold {number!r}"]
        found = []
        if used.setdefault(number, order.id) != order.id:
            found.append(f"{number}: used by {used[number]} and by {order.id}")
        if purchase.order_id != order.id:
            found.append(f"{order.id}: {number} was bought for {purchase.reference}")
        if not purchase.live:
            found.append(f"{order.id}: {number} is used, but its label was voided")
        return found
