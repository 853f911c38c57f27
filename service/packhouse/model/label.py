"""Rates and labels: what a carrier offers, and what was bought."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from packhouse.model.money import Money
from packhouse.model.states import LabelState


class LabelFormat(StrEnum):
    """The kinds of label file we keep."""

    PDF = "pdf"
    PNG = "png"
    ZPL = "zpl"


@dataclass(frozen=True, slots=True)
class Rate:
    """A carrier's price for a parcel and a service. `id` is the carrier's, `days` the promised time."""

    id: str
    carrier: str
    service: str
    price: Money
    days: int | None = None


@dataclass(frozen=True, slots=True)
class LabelDocument:
    """The bytes of a label and what kind of file they are."""

    content: bytes
    format: LabelFormat


@dataclass(frozen=True, slots=True)
class Label:
    """A bought label as the ledger keeps it.

    `adapter` is the Packhouse adapter that bought it, `carrier` the transport company as the adapter names
    it, `provider_id` the adapter's handle for look-up and void, `document` the SHA-256 of the kept bytes
    ("" until they are kept), `void_refusals` how often the carrier would not take it back. Times are
    seconds since 1970 UTC.
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
    void_asked_at: float | None = None
    void_refusals: int = 0
