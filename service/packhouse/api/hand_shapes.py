"""The JSON of orders in a person's hands, of labels handed out, and of the inbox."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field

from packhouse.api.board import LabelInHand, TakenOrder
from packhouse.api.schemas import HoldBody, OrderBody, Shape
from packhouse.model.label import LabelFormat


class TakenBody(BaseModel):
    """An order in a person's hands, until the hold is released."""

    hold: HoldBody
    in_flight: str = Field(description='What the machine began before; ask again until it is "".')
    resumed: bool = Field(description="Whether the same doing had taken it before, and nobody gave it back.")
    order: OrderBody

    @classmethod
    def of(cls, taken: TakenOrder) -> Self:
        """From the board's answer."""
        return cls.model_construct(
            hold=HoldBody.of(taken.hold),
            in_flight=taken.in_flight,
            resumed=taken.resumed,
            order=OrderBody.of(taken.order),
        )


class LabelInHandBody(BaseModel):
    """The label that is handed out for an order: "" and null until `state` is "ready"."""

    order_id: str
    state: str = Field(description="ready, waiting, or refused.")
    why: str
    hold_id: int | None = Field(description="The hold that keeps the machine from posting the label.")
    shipment_id: str
    tracking: str
    carrier: str = Field(description="As the store is told.")
    service: str
    cost_minor: int | None
    currency: str | None
    document: str = Field(description="The SHA-256 under which /labels has its file.")
    document_format: LabelFormat | None
    parcels: int = Field(description="Shipments of the order that the store does not know yet.")
    bought: bool = Field(description="Whether a label is bought for it, handed out or not.")
    complete: bool = Field(description="Whether its file was fetched, or the carrier gives none.")

    @classmethod
    def of(cls, found: LabelInHand) -> Self:
        """From the board's answer."""
        shipment, label = found.shipment, found.label
        return cls(
            order_id=found.order_id,
            state=found.state,
            why=found.why,
            hold_id=found.hold_id,
            shipment_id=shipment.id if shipment else "",
            tracking=label.tracking_number if label else "",
            carrier=found.carrier if label else "",
            service=label.service if label else "",
            cost_minor=label.cost.minor if label else None,
            currency=label.cost.currency if label else None,
            document=label.document if label else "",
            document_format=label.document_format if label else None,
            parcels=found.parcels,
            bought=bool(shipment and shipment.label),
            complete=bool(shipment and label and (shipment.post_key or label.document)),
        )


class EventBody(Shape):
    """An event that the store sent, without its body. `note` says why one could not be read."""

    id: str
    type: str
    order_id: str
    site_slug: str
    received_at: float
    outcome: str = Field(description="new, ignored, or unreadable.")
    note: str


class EventsBody(BaseModel):
    """Events, the newest first; ask again with `before=next` for older ones, null when there are none."""

    events: list[EventBody]
    next: float | None
