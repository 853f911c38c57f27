"""The JSON of the operator API: one pydantic model a shape, each read off a noun of the same fields.

Times are seconds since 1970 UTC, amounts are integer minor units with their currency. No shape carries an
address, a buyer's name or the store's raw order.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import AliasPath, BaseModel, Field

from packhouse.api.board import OrderView, StatusReport
from packhouse.model.label import LabelFormat
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, OrderPhase, ShipmentState


class Shape(BaseModel, from_attributes=True):
    """A body that is built from a noun's attributes."""

    @classmethod
    def of(cls, noun: object) -> Self:
        """From the noun."""
        return cls.model_validate(noun)


class UnitsBody(Shape):
    """So many units of one order line."""

    line_id: str
    quantity: int


class ParcelBody(Shape):
    """A box: grams and millimetres."""

    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int


class RateBody(Shape):
    """The carrier's price that was chosen."""

    carrier: str
    service: str
    price_minor: int = Field(validation_alias=AliasPath("price", "minor"))
    currency: str = Field(validation_alias=AliasPath("price", "currency"))
    days: int | None


class LabelBody(Shape):
    """A bought label. `document` is the SHA-256 under which /labels has its file, "" while it is fetched."""

    id: str
    generation: int
    provider: str
    carrier: str
    service: str
    tracking_number: str
    provider_id: str
    cost_minor: int = Field(validation_alias=AliasPath("cost", "minor"))
    currency: str = Field(validation_alias=AliasPath("cost", "currency"))
    state: LabelState
    bought_at: float
    document: str
    document_format: LabelFormat | None
    void_asked_at: float | None


class _Sold(BaseModel):
    """What a list tells of a shipment's label: "" and null until it is bought."""

    tracking_number: str
    carrier: str
    cost_minor: int | None
    currency: str | None


class ShipmentBrief(_Sold):
    """A shipment in a list."""

    id: str
    state: ShipmentState

    @classmethod
    def of(cls, shipment: Shipment) -> Self:
        """From the noun."""
        return cls(id=shipment.id, state=shipment.state, **_sold(shipment))


class _ShipmentFacts(Shape):
    id: str
    state: ShipmentState
    order_id: str
    seq: int
    generation: int
    reference: str = Field(description="The name of its purchase at the carrier.")
    units: list[UnitsBody]
    parcel: ParcelBody | None
    provider: str
    rate: RateBody | None
    intent_at: float | None
    announced_at: float | None
    label: LabelBody | None


class ShipmentBody(_ShipmentFacts, _Sold):
    """A shipment in full."""

    @classmethod
    def of(cls, noun: object) -> Self:
        """From the noun, a Shipment."""
        assert isinstance(noun, Shipment)
        return cls.model_construct(**dict(_ShipmentFacts.of(noun)), **_sold(noun))


class HoldBrief(Shape):
    """A hold in a list. `sentence` says what is wrong and what to do, `note` only the detail."""

    id: int
    code: str
    sentence: str
    note: str


class HoldBody(HoldBrief):
    """A hold in full. `shipment_id` is "" for a hold on the whole order; null `released_at`: it is active.

    `problem` says what is wrong; `advice` has one line for each way to make the order continue.
    """

    problem: str
    advice: list[str]
    order_id: str
    shipment_id: str
    placed_by: str
    placed_at: float
    released_by: str
    released_at: float | None
    release_reason: str


class _OrderFacts(Shape):
    id: str
    phase: OrderPhase
    reason: str = Field(description="The sentence that explains the phase.")
    status: str = Field(description="The store's own word.")
    site_slug: str
    due_at: float | None
    attempts: int
    last_error: str
    updated_at: float


class OrderBrief(_OrderFacts):
    """An order in a list, with its shipments and its standing holds."""

    shipments: list[ShipmentBrief]
    holds: list[HoldBrief]

    @classmethod
    def of(cls, noun: object) -> Self:
        """From the board's OrderView."""
        assert isinstance(noun, OrderView)
        return cls.model_construct(
            **dict(_OrderFacts.of(noun)),
            shipments=[ShipmentBrief.of(shipment) for shipment in noun.shipments],
            holds=[HoldBrief.of(hold) for hold in noun.holds if hold.is_active],
        )


class OrderBody(_OrderFacts):
    """An order with its shipments in full and all its holds, standing or released."""

    shipments: list[ShipmentBody]
    holds: list[HoldBody]

    @classmethod
    def of(cls, noun: object) -> Self:
        """From the board's OrderView."""
        assert isinstance(noun, OrderView)
        return cls.model_construct(
            **dict(_OrderFacts.of(noun)),
            shipments=[ShipmentBody.of(shipment) for shipment in noun.shipments],
            holds=[HoldBody.of(hold) for hold in noun.holds],
        )


class OrdersBody(BaseModel):
    """One page; `next` goes into `after` for the following page, null on the last."""

    orders: list[OrderBrief]
    next: str | None


class EntryBody(Shape):
    """One act. `actor` is "packhouse" or a person's name, `shipment_id` "" for acts on the whole order."""

    id: int
    at: float
    order_id: str
    shipment_id: str
    actor: str
    action: str
    why: str
    data: dict[str, Any]


class OrderJournalBody(BaseModel):
    """The story of one order, oldest first."""

    order_id: str
    entries: list[EntryBody]


class JournalBody(BaseModel):
    """Acts on all orders, oldest first; `next` goes into `after` to hear only what came later."""

    entries: list[EntryBody]
    next: int | None


class ShipmentsBody(BaseModel):
    """Shipments, last changed first."""

    shipments: list[ShipmentBody]


class HoldsBody(BaseModel):
    """Holds, newest first."""

    holds: list[HoldBody]


class StatusBody(BaseModel):
    """The house at a glance: counts by phase, state and code; money in minor units by currency."""

    version: str
    paused: bool
    paused_by: str
    orders: dict[str, int]
    shipments: dict[str, int]
    holds: dict[str, int]
    spent: dict[str, int]
    labels: int
    due: int
    oldest_due_s: float
    dead_letters: int
    carrier: str
    store: str

    @classmethod
    def of(cls, report: StatusReport) -> Self:
        """From the board's report."""
        counts = report.counts
        return cls(
            version=report.version,
            paused=report.paused,
            paused_by=report.paused_by,
            orders={phase.value: counts.orders.get(phase.value, 0) for phase in OrderPhase},
            shipments=dict(counts.shipments),
            holds=dict(counts.holds),
            spent=dict(report.spent),
            labels=report.labels,
            due=counts.due,
            oldest_due_s=counts.oldest_due_s,
            dead_letters=counts.dead_letters,
            carrier=report.carrier,
            store=report.store,
        )


def _sold(shipment: Shipment) -> dict[str, Any]:
    label = shipment.label
    return {
        "tracking_number": label.tracking_number if label else "",
        "carrier": label.carrier if label else "",
        "cost_minor": label.cost.minor if label else None,
        "currency": label.cost.currency if label else None,
    }
