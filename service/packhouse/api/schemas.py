"""The JSON that the operator API returns: one pydantic model per shape, built from a value's fields.

Times are seconds since 1970 UTC, amounts are integer minor units with their currency. No shape contains an
address, a buyer's name or the store's raw order.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import AliasPath, BaseModel, Field

from packhouse.api.shape import Shape
from packhouse.api.status_schemas import WaitingBody
from packhouse.model.label import LabelFormat
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, OrderPhase, ShipmentState
from packhouse.model.tracking import TrackerState
from packhouse.operations.views import LabelOffer, OrderView, Takeover


class UnitsBody(Shape):
    """A quantity of one order line."""

    line_id: str
    quantity: int


class ParcelBody(Shape):
    """A parcel, in grams and millimetres."""

    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int


class RateBody(Shape):
    """The rate that was chosen. Its price is null if the provider reports it only with the label."""

    carrier: str
    service: str
    price_minor: int | None
    currency: str | None
    days: int | None


class PaperBody(Shape):
    """A paper that travels with the parcel. `document` is the SHA-256 of its file at /labels, "" without one.

    `submitted`: the carrier has it electronically. `problem` says why its file could not be fetched so far.
    """

    kind: str
    submitted: bool
    document: str
    document_format: LabelFormat | None
    problem: str


class LabelBody(Shape):
    """A bought label. `document` is the SHA-256 of its file at /labels, "" until the file is fetched."""

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
    void_requested_at: float | None
    papers: list[PaperBody]
    tracking_state: TrackerState = Field(
        validation_alias=AliasPath("tracking", "state"), description="What its tracker said last."
    )
    tracking_note: str = Field(validation_alias=AliasPath("tracking", "note"))
    tracking_changed_at: float | None
    expected_at: float | None = Field(
        validation_alias=AliasPath("tracking", "expected_at"),
        description="When the carrier expects to deliver the parcel.",
    )
    track_due_at: float | None = Field(description="When its tracker is asked next.")


class _LabelSummary(BaseModel):
    """The label of a shipment in a list: "" and null until it is bought."""

    tracking_number: str
    carrier: str
    cost_minor: int | None
    currency: str | None


class ShipmentBrief(_LabelSummary):
    """A shipment in a list."""

    id: str
    state: ShipmentState

    @classmethod
    def of(cls, shipment: Shipment) -> Self:
        """Build it from the shipment."""
        return cls(id=shipment.id, state=shipment.state, **_label_summary(shipment))


class _ShipmentFacts(Shape):
    id: str
    state: ShipmentState
    order_id: str
    seq: int
    generation: int
    reference: str = Field(description="The reference of its purchase at the provider.")
    units: list[UnitsBody]
    parcel: ParcelBody | None
    provider: str
    rate: RateBody | None
    intent_at: float | None
    announced_at: float | None
    label: LabelBody | None


class ShipmentBody(_ShipmentFacts, _LabelSummary):
    """A shipment in full."""

    @classmethod
    def of(cls, value: object) -> Self:
        """Build it from a Shipment."""
        assert isinstance(value, Shipment)
        return cls.model_construct(**dict(_ShipmentFacts.of(value)), **_label_summary(value))


class HoldBrief(Shape):
    """A hold in a list. `sentence` says what is wrong and what to do, `note` only the detail."""

    id: int
    code: str
    sentence: str
    note: str


class HoldBody(HoldBrief):
    """A hold in full. `shipment_id` is "" for the whole order; `released_at` is null while it is active.

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
    status: str = Field(description="The status in the store.")
    site_slug: str
    due_at: float | None
    attempts: int
    last_error: str
    updated_at: float
    fetched_at: float | None = Field(description="When `status` was read from the store.")
    waiting: list[WaitingBody] = Field(description="What an open order waits for.")


class OrderBrief(_OrderFacts):
    """An order in a list, with its shipments and its active holds."""

    shipments: list[ShipmentBrief]
    holds: list[HoldBrief]

    @classmethod
    def of(cls, value: object) -> Self:
        """Build it from an OrderView."""
        assert isinstance(value, OrderView)
        return cls.model_construct(
            **dict(_OrderFacts.of(value)),
            shipments=[ShipmentBrief.of(shipment) for shipment in value.shipments],
            holds=[HoldBrief.of(hold) for hold in value.holds if hold.is_active],
        )


class OrderBody(_OrderFacts):
    """An order with its shipments in full and all its holds, active or released."""

    shipments: list[ShipmentBody]
    holds: list[HoldBody]

    @classmethod
    def of(cls, value: object) -> Self:
        """Build it from an OrderView."""
        assert isinstance(value, OrderView)
        return cls.model_construct(
            **dict(_OrderFacts.of(value)),
            shipments=[ShipmentBody.of(shipment) for shipment in value.shipments],
            holds=[HoldBody.of(hold) for hold in value.holds],
        )


class OrdersBody(BaseModel):
    """One page; `next` is the `after` of the following page, null on the last."""

    orders: list[OrderBrief]
    next: str | None


class EntryBody(Shape):
    """A journal entry. `actor` is "packhouse" or an operator, `shipment_id` is "" for the whole order."""

    id: int
    at: float
    order_id: str
    shipment_id: str
    actor: str
    action: str
    why: str
    data: dict[str, Any]


class OrderJournalBody(BaseModel):
    """The journal of one order, oldest first; `next` is the `after` of the next page, null on the last."""

    order_id: str
    entries: list[EntryBody]
    next: int | None


class JournalBody(BaseModel):
    """Journal entries of all orders, oldest first; `next` is the `after` that lists only later ones."""

    entries: list[EntryBody]
    next: int | None


class ShipmentsBody(BaseModel):
    """Shipments, last changed first."""

    shipments: list[ShipmentBody]


class HoldsBody(BaseModel):
    """Holds, newest first."""

    holds: list[HoldBody]


class TakeoverBody(BaseModel):
    """An order that is taken over: Packhouse does nothing with it until the hold is released."""

    hold: HoldBody
    in_flight: str = Field(description='What a worker began before the takeover. Repeat until it is "".')
    resumed: bool = Field(description="Whether the same purpose had taken the order over before.")
    order: OrderBody

    @classmethod
    def of(cls, takeover: Takeover) -> Self:
        """Build it from the takeover."""
        return cls.model_construct(
            hold=HoldBody.of(takeover.hold),
            in_flight=takeover.in_flight,
            resumed=takeover.resumed,
            order=OrderBody.of(takeover.order),
        )


class LabelOfferBody(BaseModel):
    """The label of an order for a person or a program: "" and null until `state` is "ready"."""

    order_id: str
    state: str = Field(description="ready, waiting, or refused.")
    why: str
    hold_id: int | None = Field(description="The hold that keeps Packhouse from posting the label.")
    shipment_id: str
    tracking: str
    carrier: str = Field(description="The carrier's name at the store.")
    service: str
    cost_minor: int | None
    currency: str | None
    document: str = Field(description="The SHA-256 of its file at /labels.")
    document_format: LabelFormat | None
    parcels: int = Field(description="Shipments of the order that the store does not have yet.")
    bought: bool = Field(description="Whether a label is bought, even if it is not offered.")
    complete: bool = Field(description="Whether its file was fetched, or the provider has none.")

    @classmethod
    def of(cls, offer: LabelOffer) -> Self:
        """Build it from the offer."""
        shipment, label = offer.shipment, offer.label
        return cls(
            order_id=offer.order_id,
            state=offer.state,
            why=offer.why,
            hold_id=offer.hold_id,
            shipment_id=shipment.id if shipment else "",
            tracking=label.tracking_number if label else "",
            carrier=offer.carrier if label else "",
            service=label.service if label else "",
            cost_minor=label.cost.minor if label else None,
            currency=label.cost.currency if label else None,
            document=label.document if label else "",
            document_format=label.document_format if label else None,
            parcels=offer.parcels,
            bought=bool(shipment and shipment.label),
            complete=bool(shipment and label and (shipment.post_key or label.document)),
        )


class EventBody(Shape):
    """A received webhook event, without its body. `note` says why an unreadable one could not be read."""

    id: str
    type: str
    order_id: str
    site_slug: str
    received_at: float
    outcome: str = Field(description="accepted, ignored, or unreadable.")
    note: str


class EventsBody(BaseModel):
    """Events, newest first; `next` is the `before` of the following page, null on the last."""

    events: list[EventBody]
    next: float | None


def _label_summary(shipment: Shipment) -> dict[str, Any]:
    label = shipment.label
    return {
        "tracking_number": label.tracking_number if label else "",
        "carrier": label.carrier if label else "",
        "cost_minor": label.cost.minor if label else None,
        "currency": label.cost.currency if label else None,
    }
