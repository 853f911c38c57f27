"""The values that queries and operations take and return. The API translates them to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from packhouse.model.hold import Hold
from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.model.poll import PollReport
from packhouse.model.shipment import Shipment
from packhouse.model.states import OrderPhase
from packhouse.model.store_limit import NO_LIMIT, Limit
from packhouse.model.waiting import Waiting
from packhouse.operations.waiting import Conditions, WaitingOrders
from packhouse.telemetry.metrics import LedgerCounts


class Polling(NamedTuple):
    """How the store is polled; see PollSettings."""

    interval_s: float
    full_poll_s: float
    horizon_days: float
    site_slug: str


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The daemon at a glance. `spent` is minor units by currency, `labels` how many were bought, `providers`
    the provider accounts that sell, `store` the store's address. `at` is the time on the ledger's clock,
    `waiting` everything that orders wait for. `poll` is what the last polls read, `polling` how they are set,
    for one site or ("") for all. `limit` is what calls to the store wait for.
    """

    version: str
    counts: LedgerCounts
    spent: Mapping[str, int]
    labels: int
    providers: tuple[str, ...]
    store: str
    at: float
    conditions: Conditions
    waiting: tuple[WaitingOrders, ...] = ()
    poll: PollReport = field(default_factory=PollReport)
    limit: Limit = NO_LIMIT
    polling: Polling = field(default_factory=lambda: Polling(0.0, 0.0, 0.0, ""))


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as the ledger knows it. Times are seconds since 1970 UTC; `status` is the status in the store.

    `reason` is the sentence that explains the phase, `due_at` None when nothing is due, `working` whether
    a worker processes the order now, or will as soon as one is free. `waiting` is what it waits for, and
    `fetched_at` when `status` was read.
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
    waiting: tuple[Waiting, ...] = ()
    fetched_at: float | None = None


@dataclass(frozen=True, slots=True)
class OrderViews:
    """One page of orders; `next` is where the following page starts, "" on the last."""

    orders: tuple[OrderView, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class AdoptedLabel:
    """A label that a person found in the provider account. `provider_id` is the provider's own id, or ""."""

    tracking_number: str
    carrier: str
    service: str
    cost: Money
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class SentParcel:
    """A parcel that left with a label from elsewhere."""

    tracking_number: str
    carrier: str


@dataclass(frozen=True, slots=True)
class Takeover:
    """An order that a person or a program works on at the store while Packhouse keeps off it.

    `in_flight` says what a worker began before and may not have ended yet, "" when it is safe to continue;
    `resumed` whether the same purpose had taken the order over before.
    """

    order: OrderView
    hold: Hold
    in_flight: str
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class LabelOffer:
    """The label of an order for a person or a program, or why there is none. `state` is "ready", "waiting" or
    "refused".

    `carrier` is the carrier's name at the store, `hold_id` the hold that keeps Packhouse from posting the
    label, `parcels` the number of the order's shipments that the store does not have yet.
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
        """The label; None unless it is ready."""
        return self.shipment.label if self.shipment and self.state == "ready" else None
