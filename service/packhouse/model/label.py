"""Rates and labels: what a provider offers, and what was bought."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from packhouse.model.money import Money
from packhouse.model.states import LabelState
from packhouse.model.tracking import NO_NEWS, Tracking


class LabelFormat(StrEnum):
    """The formats of label files. RAW is a file of a kind that Packhouse cannot print, kept as it came."""

    PDF = "pdf"
    PNG = "png"
    ZPL = "zpl"
    EPL = "epl"
    RAW = "bin"


# What Packhouse asks providers for, and draws itself.
USUAL_FORMATS = frozenset({LabelFormat.PDF, LabelFormat.PNG, LabelFormat.ZPL})


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of one carrier's service for a parcel. `id` is the provider's, `days` the promised time.

    `price` is None if the provider reports the cost only with the label. `is_estimate`: the cost may differ
    from it, and no offer is broken then. `chosen_by` are the rules that chose it, "" in an offer.
    """

    id: str
    carrier: str
    service: str
    price: Money | None
    days: int | None = None
    is_estimate: bool = False
    chosen_by: str = ""

    @property
    def price_minor(self) -> int | None:
        """The amount of the price, in minor units."""
        return self.price.minor if self.price else None

    @property
    def currency(self) -> str | None:
        """The currency of the price."""
        return self.price.currency if self.price else None


@dataclass(frozen=True, slots=True)
class LabelDocument:
    """The bytes of a label file, and their format. `problem` says why a RAW file cannot be printed."""

    content: bytes
    format: LabelFormat
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LabelPaper:
    """A paper that travels with a label's parcel, such as a commercial invoice, as the ledger keeps it.

    `kind` is the provider's word, `source` the link of the file, `submitted` whether the carrier has it
    electronically, so that it is kept and not printed. `document` is the SHA-256 of the stored file (""
    before it is stored), `announced` whether the sinks have it. `tries`, `next_at` and `problem` are those of
    the fetches that failed.
    """

    kind: str
    source: str
    submitted: bool = False
    document: str = ""
    document_format: LabelFormat | None = None
    announced: bool = False
    tries: int = 0
    next_at: float = 0.0
    problem: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether its file is still to be fetched. The carrier may have a paper of which there is no file."""
        return not self.document and (bool(self.source) or not self.submitted)

    @property
    def is_to_print(self) -> bool:
        """Whether the sinks still have to receive it."""
        return bool(self.document) and not self.submitted and not self.announced


@dataclass(frozen=True, slots=True)
class Label:
    """A bought label as the ledger keeps it.

    `provider` is the provider account that sold it, `carrier` the carrier as the provider names it,
    `provider_id` the provider's id for look-up and void, `document` the SHA-256 of its stored file ("" before
    it is stored), `void_refusals` how often the provider refused to void it, `void_due_at` when it is asked
    again (None: at once), `void_again` whether an operator wants it asked whatever it said before. `tracking`
    is what its tracker said last and `tracking_changed_at` when that was news, `track_due_at` when the
    tracker is asked next (None: it is not asked). Times: seconds since 1970 UTC.
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
    void_due_at: float | None = None
    void_again: bool = False
    papers: tuple[LabelPaper, ...] = ()
    tracking: Tracking = NO_NEWS
    tracking_changed_at: float | None = None
    track_due_at: float | None = None
