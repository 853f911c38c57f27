"""Some units of one order that leave together. A label is bought for each shipment."""

from __future__ import annotations

from dataclasses import dataclass

from packhouse.model.label import Label, Rate
from packhouse.model.money import Money
from packhouse.model.order import Units
from packhouse.model.parcel import Parcel
from packhouse.model.states import ShipmentState


@dataclass(frozen=True, slots=True)
class Shipment:
    """One parcel's worth of an order, from plan to delivery. Times are seconds since 1970 UTC.

    `seq` counts the order's shipments from 1; `generation` counts its labels: 1, then 2 after a void.
    `fingerprint` is that of the address and the units when the shipment was planned. `provider` is the
    provider account, `provider_ref` its id of the prepared purchase, `quoted` the first price offered.
    `post_key` and `post_body` are saved before the first POST to the store. A label with a body was posted,
    or may have been; the body is forgotten if the store certainly recorded nothing.
    """

    id: str
    order_id: str
    seq: int
    state: ShipmentState
    units: tuple[Units, ...]
    generation: int = 1
    fingerprint: str = ""
    parcel: Parcel | None = None
    provider: str = ""
    provider_ref: str = ""
    rate: Rate | None = None
    quoted: Money | None = None
    intent_at: float | None = None
    post_key: str = ""
    post_body: str = ""
    announced_at: float | None = None
    label: Label | None = None

    @property
    def reference(self) -> str:
        """The name of this purchase at the provider: order/shipment/generation."""
        return f"{self.order_id}/{self.seq}/{self.generation}"
