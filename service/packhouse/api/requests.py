"""The JSON bodies of operations: always a reason, and what the operation needs besides.

They are strict: a value has its type already, no other field is accepted, and everything has a bound.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints

from packhouse.api.texts import fit_text, one_line
from packhouse.model.money import Money
from packhouse.model.tracking_number import NotATrackingNumber, read_tracking_number
from packhouse.operations.views import AdoptedLabel, SentParcel

# Far above the price of any label in any currency, far below what a database or a float cannot keep.
_LARGEST_COST = 10**12

Sentence = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(fit_text),
]
Word = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120),
    AfterValidator(one_line),
]


def _number(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no tracking number: it must be a string")
    try:
        return read_tracking_number(value)
    except NotATrackingNumber as error:
        raise ValueError(f"no tracking number: {error}") from None


TrackingNumber = Annotated[str, BeforeValidator(_number)]


class Reason(BaseModel, extra="forbid", strict=True):
    """Why the operation is done; the journal records it with the caller's name."""

    reason: Sentence


class TakeoverRequest(Reason):
    """What the caller is about to do with the order. Only the same purpose may continue the takeover."""

    purpose: Sentence


class VoidRequest(Reason):
    """A label to void. With `again` a new one is bought afterwards; without it the order is held."""

    again: bool = False


class AdoptedLabelRequest(Reason):
    """A label that was found in the provider account; `cost_minor` in minor units of `currency`."""

    tracking_number: TrackingNumber
    carrier: Word
    service: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=120), AfterValidator(one_line)
    ] = ""
    cost_minor: int = Field(ge=0, le=_LARGEST_COST)
    currency: str = Field(pattern="^[A-Z]{3}$")
    provider_id: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(one_line)
    ] = ""

    def label(self) -> AdoptedLabel:
        """The label as the operation takes it."""
        cost = Money(self.cost_minor, self.currency)
        return AdoptedLabel(self.tracking_number, self.carrier, self.service, cost, self.provider_id)


class SentParcelRequest(Reason):
    """A parcel that left with a label from elsewhere."""

    tracking_number: TrackingNumber
    carrier: Word

    def parcel(self) -> SentParcel:
        """The parcel as the operation takes it."""
        return SentParcel(self.tracking_number, self.carrier)
