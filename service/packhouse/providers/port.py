"""What Packhouse asks of a carrier. Steps know this module; adapters keep it; nothing else connects them.

An adapter is a class found under the entry-point group `packhouse.providers`. It is built once with
`Adapter.from_settings(options, CarrierContext)` and then used by many orders at the same time. A purchase is
two steps, so that the provider's id is in our ledger before money moves:

    prepare (free) -> [id saved, intent saved] -> buy -> Bought | NotBought | Unknown
    Unknown -> lookup -> Bought | Absent | Unknown
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, Self

from packhouse.clock import Clock
from packhouse.model.label import Label, LabelDocument, LabelFormat, Rate
from packhouse.model.money import Money
from packhouse.model.order import Address, Order, Units
from packhouse.model.parcel import Parcel


class Safety(StrEnum):
    """How far a carrier helps us never to pay twice.

    KEYED: it refuses a second purchase under our key or prepared id. LOOKUP: we can ask what was bought.
    BLIND: neither; an unknown outcome goes to a person.
    """

    KEYED = "keyed"
    LOOKUP = "lookup"
    BLIND = "blind"


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What every adapter is handed besides its own options. `timeout_s` bounds each call to the carrier."""

    clock: Clock
    timeout_s: float
    ship_from: Address
    label_format: LabelFormat
    observe: CallObserver


class CallObserver(Protocol):
    """Told of each call to an upstream: who, what, the status or error's name, and seconds taken."""

    def __call__(self, peer: str, call: str, outcome: str, seconds: float) -> None:
        """Count one call."""


@dataclass(frozen=True, slots=True)
class PurchaseRequest:
    """Everything a carrier may need to know about one shipment; `reference` names it there for ever."""

    reference: str
    order: Order
    units: tuple[Units, ...]
    to_address: Address
    parcel: Parcel


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` found: the provider's id ("" if the carrier has none) and the rates on offer.

    `messages` are the carrier's own remarks, shown to a person when no rate is usable.
    """

    provider_ref: str
    rates: tuple[Rate, ...]
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Purchase:
    """One intended purchase, as saved in the ledger before `buy` is called."""

    request: PurchaseRequest
    provider_ref: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class Bought:
    """The label exists and costs money. `provider_id` finds it again; `document_source` finds its file.

    `document` is set where the carrier hands the bytes over with the purchase.
    """

    provider_id: str
    tracking_number: str
    carrier: str
    service: str
    cost: Money
    document_source: str = ""
    document: LabelDocument | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NotBought:
    """Certainly no label and no money spent. `transient`: worth trying again later, without a person."""

    reason: str
    transient: bool = False
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can tell from this answer whether money moved. `reason` says what came back."""

    reason: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The carrier was asked and has no such purchase."""


@dataclass(frozen=True, slots=True)
class Voided:
    """The label is void and its money is back, or was never taken."""


@dataclass(frozen=True, slots=True)
class VoidPending:
    """The carrier took the request and will decide."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class VoidRefused:
    """The carrier will not take the label back."""

    reason: str


class TrackerState(StrEnum):
    """What a carrier says of a parcel, in one vocabulary."""

    UNKNOWN = "unknown"
    PRE_TRANSIT = "pre_transit"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    READY_FOR_PICKUP = "ready_for_pickup"
    DELIVERED = "delivered"
    RETURNED = "returned"
    FAILURE = "failure"


class Provider(Protocol):
    """An adapter that sells labels."""

    name: ClassVar[str]

    @property
    def safety(self) -> Safety:
        """Which guarantee this adapter gives, as configured."""

    @classmethod
    def from_settings(cls, options: Mapping[str, Any], context: ProviderContext) -> Self:
        """Build it from the `[providers.NAME]` section. Raises SettingsError naming the option and its fix."""

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        """Do whatever is free: register the shipment, ask for rates. May be repeated.

        Raises CarrierUnavailable, CarrierRefused or CarrierMisconfigured.
        """

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        """Spend money, once, with no automatic retry. Never raises for what the carrier or network does."""

    async def lookup(self, purchase: Purchase) -> Bought | Absent | Unknown:
        """Ask what became of a purchase. BLIND adapters answer Unknown."""

    async def document(self, label: Label) -> LabelDocument:
        """Fetch the bytes of a bought label.

        Raises CarrierUnavailable, CarrierRefused or CarrierMisconfigured.
        """

    async def void(self, label: Label) -> Voided | VoidPending | VoidRefused:
        """Ask for the money back, or for what became of that; may be repeated.

        Raises CarrierUnavailable or CarrierMisconfigured.
        """

    async def track(self, label: Label) -> TrackerState:
        """Where the parcel is. Raises CarrierUnavailable or CarrierMisconfigured."""

    async def check(self) -> None:
        """A free call that proves reach and credentials. Raises CarrierError."""

    async def aclose(self) -> None:
        """Give back connections."""
