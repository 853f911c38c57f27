"""What the operator API asks of the house: reads of the ledger, and the overrides of a person.

The API translates these values to JSON and knows no SQL; whoever keeps the ledger keeps this protocol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from packhouse.model.event import EventRecord
from packhouse.model.hold import Hold
from packhouse.model.journal import JournalEntry
from packhouse.model.label import Label, LabelDocument
from packhouse.model.money import Money
from packhouse.model.shipment import Shipment
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.telemetry.metrics import LedgerCounts


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The house at a glance. `paused_by` says who paused it and why, `spent` is minor units by currency,
    `labels` how many were bought.
    """

    version: str
    paused: bool
    counts: LedgerCounts
    spent: Mapping[str, int]
    labels: int
    carrier: str
    store: str
    paused_by: str = ""


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as the ledger knows it. Times are seconds since 1970 UTC; `status` is the store's own word.

    `reason` is the sentence that explains the phase, `due_at` None when nothing is due, `working` whether
    it is looked at just now, or as soon as a worker is free.
    """

    id: str
    phase: OrderPhase
    reason: str
    status: str
    site_slug: str
    due_at: float | None
    attempts: int
    last_error: str
    updated_at: float
    shipments: tuple[Shipment, ...] = field(default=())
    holds: tuple[Hold, ...] = field(default=())
    working: bool = False


@dataclass(frozen=True, slots=True)
class OrderViews:
    """One page of orders; `next` is where the following page starts, "" on the last."""

    orders: tuple[OrderView, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class AdoptedLabel:
    """A label that a person found in the carrier's account. `provider_id` is the carrier's own id, or ""."""

    tracking_number: str
    carrier: str
    service: str
    cost: Money
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class SentParcel:
    """What a person says of a parcel that left by hand."""

    tracking_number: str
    carrier: str


@dataclass(frozen=True, slots=True)
class TakenOrder:
    """An order that a person has in hand. `in_flight` says what the machine began before that may not have
    ended yet, "" when it is safe to go on; `resumed` that the same doing had taken it before.
    """

    order: OrderView
    hold: Hold
    in_flight: str
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class LabelInHand:
    """The label that is handed out for an order, or why there is none: `state` is "ready", "waiting" or
    "refused". `carrier` is what the store is told, `hold_id` the hold that keeps the machine from posting it,
    `parcels` how many of the order's shipments the store does not know yet.
    """

    order_id: str
    state: str
    why: str
    shipment: Shipment | None
    carrier: str
    hold_id: int | None
    parcels: int

    @property
    def label(self) -> Label | None:
        """What is handed out; None unless it is ready."""
        return self.shipment.label if self.shipment and self.state == "ready" else None


class Board(Protocol):
    """The ledger's side of the operator API.

    Every method may raise LedgerUnavailable (answered 503). What is asked for by id and is not there raises
    NotRecorded (404); an act that the present state forbids raises ActRefused (409).
    """

    async def counts(self) -> LedgerCounts:
        """Counts for a scrape; cheap, as it is asked for every few seconds."""

    async def status(self) -> StatusReport:
        """The house at a glance."""

    async def orders(self, *, phase: OrderPhase | None, limit: int, after: str) -> OrderViews:
        """Orders, last changed first, with their shipments and standing holds. `after` is a page's `next`."""

    async def order(self, order_id: str) -> OrderView:
        """One order with its shipments and all its holds, standing or released."""

    async def order_journal(self, order_id: str) -> Sequence[JournalEntry]:
        """The whole story of an order, oldest first."""

    async def journal(self, *, after: int | None, limit: int) -> Sequence[JournalEntry]:
        """Entries with an id above `after`, oldest first; with None the newest `limit`, oldest first."""

    async def shipments(self, *, state: ShipmentState | None, limit: int) -> Sequence[Shipment]:
        """Shipments, last changed first."""

    async def shipment(self, shipment_id: str) -> Shipment:
        """One shipment in full."""

    async def holds(self, *, standing: bool | None, limit: int) -> Sequence[Hold]:
        """Holds, newest first; only those that stand, only released ones, or (None) both."""

    async def label_document(self, sha256: str) -> LabelDocument:
        """The bytes kept under this hash (64 lower-case hex digits)."""

    async def place_hold(self, order_id: str, *, reason: str, actor: str) -> Hold:
        """A person stops an order."""

    async def release_hold(self, hold_id: int, *, reason: str, actor: str) -> Hold:
        """A person lets it go on; raises ActRefused if the hold no longer stands."""

    async def pause(self, *, reason: str, actor: str) -> StatusReport:
        """A person stops all buying and posting."""

    async def resume(self, *, reason: str, actor: str) -> StatusReport:
        """A person lets buying and posting go on."""

    async def adopt_label(
        self, shipment_id: str, label: AdoptedLabel, *, reason: str, actor: str
    ) -> Shipment:
        """A person says which label was bought; raises ActRefused if that is not in doubt."""

    async def not_bought(self, shipment_id: str, *, reason: str, actor: str) -> Shipment:
        """A person says that no label was bought; raises ActRefused if that is not in doubt."""

    async def retry(self, order_id: str, *, reason: str, actor: str) -> OrderView:
        """A person asks for the order to be looked at now; its waiting time and failures are forgotten."""

    async def events(
        self, *, order_id: str, outcome: str, limit: int, before: float | None
    ) -> Sequence[EventRecord]:
        """Events received, the newest first; "" for any order or outcome, `before` a time or None."""

    async def event(self, event_id: str) -> EventRecord:
        """One event."""

    async def replay_event(self, event_id: str, *, reason: str, actor: str) -> EventRecord:
        """A person has the event's order looked at again; raises ActRefused for one that was ignored."""

    async def take(self, order_id: str, *, doing: str, reason: str, actor: str) -> TakenOrder:
        """A person takes an order, known or not, to do something with it; raises ActRefused while another
        doing stands. To be repeated until nothing is in flight; releasing the hold gives the order back.
        """

    async def hold_shipment(self, shipment_id: str, *, reason: str, actor: str) -> Hold:
        """A person stops one shipment."""

    async def release_shipment(self, shipment_id: str, *, reason: str, actor: str, ship: bool) -> Shipment:
        """A person lets one go on: their own holds go; with `ship` also what may be set aside."""

    async def ask_void(self, shipment_id: str, *, reason: str, actor: str, again: bool) -> Shipment:
        """A person wants a label's money back; unless `again`, no new label is bought for the order."""

    async def mark_shipped(
        self, shipment_id: str, parcel: SentParcel, *, reason: str, actor: str
    ) -> Shipment:
        """A person has sent the parcel off: its number is posted, and nothing is bought."""

    async def ask_label(self, order_id: str, *, reason: str, actor: str) -> LabelInHand:
        """A person or a program posts this order's label: it is bought, and not posted meanwhile."""

    async def label_of(self, order_id: str) -> LabelInHand:
        """The label of an order as it can be handed out now."""
