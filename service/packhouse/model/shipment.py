"""Some units of one order that leave together: our unit of money."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from packhouse.model.label import Label, Rate
from packhouse.model.money import Money
from packhouse.model.order import Units
from packhouse.model.parcel import Parcel
from packhouse.model.states import ShipmentState


@dataclass(frozen=True, slots=True)
class Shipment:
    """One parcel's worth of an order, from plan to delivery. Times are seconds since 1970 UTC.

    `seq` counts the order's shipments from 1; `generation` counts how often its label was started afresh.
    `fingerprint` is that of the order when the shipment was planned. `provider_ref` is the carrier's id of
    the prepared purchase, `quoted` the first price it was offered at. `post_key` and `post_body` are saved
    before the first POST to the store.
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
    request: dict[str, Any] = field(default_factory=dict, hash=False)
    intent_at: float | None = None
    post_key: str = ""
    post_body: str = ""
    announced_at: float | None = None
    label: Label | None = None

    @property
    def reference(self) -> str:
        """The name of this purchase at the carrier: order/shipment/generation."""
        return f"{self.order_id}/{self.seq}/{self.generation}"
