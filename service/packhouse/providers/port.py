"""The port between the steps and the label providers. Steps import this module, never an adapter.

An adapter is a class found by its kind under the entry-point group `packhouse.providers`. It is built once
for each account, with `Adapter.from_settings(options, ProviderContext)`, and then used for many orders at the
same time. A purchase takes two calls, so that the provider's id is in the ledger before money moves:

    prepare (free) -> [id saved, intent saved] -> buy -> Bought | NotBought | Unknown
    Unknown -> lookup -> Bought | Withdrawn | Absent | Unknown
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from packhouse.clock import Clock
from packhouse.model.account import Whose as Whose
from packhouse.model.customs import Customs
from packhouse.model.label import Label, LabelDocument, LabelFormat, Rate
from packhouse.model.money import Money
from packhouse.model.order import Address, Order, Units
from packhouse.model.parcel import Parcel
from packhouse.model.tracking import TrackerState as TrackerState
from packhouse.model.tracking import Tracking as Tracking
from packhouse.providers.link_guard import Resolve, system_resolve

# The code of ProviderRefused from `document` where no file was ever promised: nothing is missing then.
NO_FILE = "no_file"


class Safety(StrEnum):
    """How a provider protects us from paying twice.

    KEYED: it refuses a second purchase under our key or prepared id. LOOKUP: we can ask what was bought.
    BLIND: neither; a person decides about an unknown outcome.
    """

    KEYED = "keyed"
    LOOKUP = "lookup"
    BLIND = "blind"


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What every adapter receives besides its own options.

    `timeout_s` bounds each method as a whole, however many calls it makes: `deadline.time_left_s(timeout_s)`
    is what is left of it. `account` is the name of the `[providers.NAME]` section; an adapter that gets none
    uses its kind. `link_hosts` and `resolve` are for links that a provider names: see link_guard.py.
    """

    clock: Clock
    timeout_s: float
    ship_from: Address
    label_format: LabelFormat
    observe: CallObserver
    account: str = ""
    link_hosts: tuple[str, ...] = ()
    resolve: Resolve = system_resolve


class CallObserver(Protocol):
    """Counts calls to an upstream: "store" or the name of a provider account."""

    def __call__(self, upstream: str, call: str, outcome: str, seconds: float) -> None:
        """Count one call; `outcome` is the HTTP status or the name of the error."""


@dataclass(frozen=True, slots=True)
class PurchaseRequest:
    """Everything a provider may need about one shipment; `reference` is its permanent name there.

    `customs` is the declaration of a parcel that leaves a customs area, None for any other.
    """

    reference: str
    order: Order
    units: tuple[Units, ...]
    to_address: Address
    parcel: Parcel
    customs: Customs | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` returns: the provider's id ("" if the provider has none) and the rates on offer.

    `messages` are the provider's own remarks, shown to a person when no rate is usable.
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
class Paper:
    """A paper that travels with the parcel, such as a commercial invoice: its kind, and the link of its file.

    `kind` is the provider's word in lower case ("commercial_invoice"). `submitted`: the carrier has it
    electronically, so it need not be printed.
    """

    kind: str
    source: str
    submitted: bool = False


@dataclass(frozen=True, slots=True)
class Bought:
    """The label exists and costs money. `provider_id` identifies it; `document_source` locates its file.

    `cost` is None if the provider reports none, or none that can be read. `fees` is the part of `cost` that
    the provider charges besides the price of the rate, such as an insurance that the account has set up.
    `document` is set if the provider returns the file with the purchase. `papers` travel with the parcel.
    `remark` is for the journal: what a person should know about a label that is bought, such as a cost that
    cannot be read, or a fee in another currency, which `cost` cannot include. `to_address` is where the label
    goes, if the account shows it: one found after a restore that goes elsewhere than its order is voided.
    """

    provider_id: str
    tracking_number: str
    carrier: str
    service: str
    cost: Money | None
    document_source: str = ""
    document: LabelDocument | None = None
    papers: tuple[Paper, ...] = ()
    fees: Money | None = None
    remark: str = ""
    to_address: Address | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NotBought:
    """Certainly no label and no money spent. `whose` says what stands in the way.

    What the adapter refuses itself, before any call, is ORDER. `prepare_again`: what was prepared cannot be
    bought any more; the next try asks for rates again.
    """

    reason: str
    whose: Whose = Whose.ORDER
    retry_after_s: float | None = None
    prepare_again: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """The response does not say whether money moved. `reason` says what came back.

    `needs_person`: asking again would give the same answer, so an operator must find out.
    """

    reason: str
    needs_person: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The purchase was made, and its label has been voided since (or its void is requested: VoidPending).

    `provider_id` identifies the label for a void that is pending; "" means the purchase's `provider_ref`.
    `cost` is what it cost, None if the provider does not tell.
    """

    tracking_number: str
    void: Voided | VoidPending
    provider_id: str = ""
    cost: Money | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider answered that it has no such purchase."""


@dataclass(frozen=True, slots=True)
class Voided:
    """The label is void: its money came back, or was never taken.

    `charged_only_if_used`: nothing was charged, since the label costs money only once it is scanned.
    """

    charged_only_if_used: bool = False


@dataclass(frozen=True, slots=True)
class VoidPending:
    """The provider accepted the request and has not decided yet."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class VoidRefused:
    """The provider refuses to void the label.

    `final`: it will refuse again, however often it is asked, so it is held at once. Otherwise it is
    asked again as long as the carrier's time for voids is not over.
    """

    reason: str
    final: bool = True


class Provider(Protocol):
    """One configured account that sells labels.

    `kind` finds the adapter's class ("easypost"). `account` is the name of the account's section: the ledger,
    metrics, the journal and messages use it.
    """

    kind: ClassVar[str]
    account: str

    @property
    def safety(self) -> Safety:
        """The guarantee that this account gives, as configured."""

    @classmethod
    def from_settings(cls, options: Mapping[str, Any], context: ProviderContext) -> Self:
        """Build it from the options of a `[providers.NAME]` section, without `kind`.

        Raises SettingsError, which names the option and the fix.
        """

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        """Do what is free: register the shipment, ask for rates. May be repeated.

        Raises ProviderRefused (this order), ProviderMisconfigured (the account) or ProviderUnavailable (now).
        """

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        """Spend money once, with no automatic retry. Failures of the provider or the network never raise."""

    async def lookup(self, purchase: Purchase) -> Bought | Withdrawn | Absent | Unknown:
        """Ask whether a purchase was made. BLIND adapters answer Unknown."""

    async def document(self, label: Label) -> LabelDocument:
        """Fetch the file of a bought label: RAW, with its problem, if it cannot be printed.

        Raises ProviderUnavailable, ProviderRefused or ProviderMisconfigured.
        """

    async def void(self, label: Label) -> Voided | VoidPending | VoidRefused:
        """Void a label, or ask for the state of an earlier request. May be repeated.

        Raises ProviderUnavailable or ProviderMisconfigured.
        """

    async def track(self, label: Label) -> Tracking:
        """Where the parcel is. Raises ProviderUnavailable or ProviderMisconfigured."""

    async def check(self) -> None:
        """A free call that proves connection and credentials. Raises ProviderError."""

    async def aclose(self) -> None:
        """Close connections. May be repeated."""


@runtime_checkable
class KeepsPapers(Protocol):
    """What an account whose labels come with papers offers besides."""

    async def paper(self, label: Label, kind: str, source: str) -> LabelDocument:
        """Fetch the file of a paper of a bought label; `kind` and `source` are those of its `Paper`.

        Raises ProviderUnavailable, ProviderRefused or ProviderMisconfigured.
        """


@runtime_checkable
class TracksMany(Protocol):
    """What an account offers besides, if one call can tell where many parcels are."""

    async def track_many(self, labels: Sequence[Label]) -> Mapping[str, Tracking]:
        """Where the parcels of up to 100 labels are, by the label's id. Labels that the provider does not
        tell of are absent, and are asked about one by one.

        Raises ProviderUnavailable or ProviderMisconfigured.
        """


@dataclass(frozen=True, slots=True)
class ListedPurchase:
    """A label that an account has sold, as its list of purchases names it. `at` is seconds since 1970 UTC.

    `provider_ref` and `rate` are what a look-up needs, `parcel` is None where the list does not show it.
    """

    reference: str
    provider_ref: str
    tracking_number: str
    at: float
    rate: Rate
    parcel: Parcel | None = None


@runtime_checkable
class ListsPurchases(Protocol):
    """What an account offers besides, if it can be asked for everything that it sold."""

    async def purchases_since(self, since: float) -> tuple[ListedPurchase, ...]:
        """Every label sold since then under a reference, voided or not; older ones may be among them.

        Raises ProviderUnavailable or ProviderMisconfigured, also if the list is too long to be read whole.
        """
