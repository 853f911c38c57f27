"""Rates and labels: what a provider offers, and what was bought."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from packhouse.model.money import Money
from packhouse.model.states import LabelState


class LabelFormat(StrEnum):
    """The formats of label files."""

    PDF = "pdf"
    PNG = "png"
    ZPL = "zpl"


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of one carrier's service for a parcel. `id` is the provider's, `days` the promised time.

    `price` is None if the provider tells the cost only with the label. `is_estimate`: the cost may differ
    from it, and no offer is broken then.
    """

    id: str
    carrier: str
    service: str
    price: Money | None
    days: int | None = None
    is_estimate: bool = False


@dataclass(frozen=True, slots=True)
class LabelDocument:
    """The bytes of a label file, and their format."""

    content: bytes
    format: LabelFormat


@dataclass(frozen=True, slots=True)
class Label:
    """A bought label as the ledger keeps it.

    `provider` is the provider account that sold it, `carrier` the carrier as the provider names it,
    `provider_id` the provider's id for look-up and void, `document` the SHA-256 of its stored file ("" before
    it is stored), `void_refusals` how often the provider refused to void it. Times: seconds since 1970 UTC.
    """

    id: str
    shipment_id: str
    generation: int
    provider: str
    carrier: str
    service: str
    tracking_number: str
    provider_id: str
    cost: Money
    state: LabelState
    bought_at: float
    document: str = ""
    document_format: LabelFormat | None = None
    document_source: str = ""
    void_requested_at: float | None = None
    void_refusals: int = 0
