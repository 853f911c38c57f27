"""What a person's acts carry to the operator API: always a reason, and what the act is about."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from packhouse.api.board import AdoptedLabel, SentParcel
from packhouse.model.money import Money


class Reason(BaseModel, extra="forbid"):
    """Why a person acts; it is written to the journal with the person's name."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class Adoption(Reason):
    """A label that a person found in the carrier's account; `cost_minor` in minor units of `currency`."""

    tracking_number: Word
    carrier: Word
    service: Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)] = ""
    cost_minor: int = Field(ge=0)
    currency: str = Field(pattern="^[A-Z]{3}$")
    provider_id: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""

    def label(self) -> AdoptedLabel:
        """As the board takes it."""
        cost = Money(self.cost_minor, self.currency)
        return AdoptedLabel(self.tracking_number, self.carrier, self.service, cost, self.provider_id)


class Voiding(Reason):
    """A label whose money is asked back. `again`: a new one is bought afterwards; else the order is held."""

    again: bool = False


class Sent(Reason):
    """A parcel that a person sent off."""

    tracking_number: Word
    carrier: Word

    def parcel(self) -> SentParcel:
        """As the board takes it."""
        return SentParcel(self.tracking_number, self.carrier)


class Taking(Reason):
    """What a person is about to do with an order. The very same words go on where they were interrupted."""

    doing: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
