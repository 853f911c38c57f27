"""What every step receives: the context with its clients and settings, and the job with one order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

from structlog.typing import FilteringBoundLogger

from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import ProviderMisconfigured
from packhouse.ledger import guard, restores
from packhouse.ledger import holds as hold_records
from packhouse.ledger import shipments as shipment_records
from packhouse.ledger.documents import Documents
from packhouse.ledger.port import Ledger
from packhouse.ledger.tx import Lease, P, R, Tx, WriteUnit, under
from packhouse.model.hold import KINDS, Hold, HoldCode
from packhouse.model.hold_kind import Stage
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.label import LabelDocument
from packhouse.model.order import Order, OrderPage, Product
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.model.waiting import Waiting, WaitKind
from packhouse.providers.deadline import BoundedProvider
from packhouse.providers.manual import ManualProvider
from packhouse.providers.port import Provider
from packhouse.rules.decision import Decision, Reason
from packhouse.rules.fingerprints import hold_fingerprint, settings_fingerprint
from packhouse.sinks.port import Sink
from packhouse.steps.circuit_breaker import CircuitBreaker
from packhouse.steps.moves import Move
from packhouse.steps.products import ProductCache
from packhouse.store.protocol import OrdersQuery
from packhouse.telemetry.metrics import Metrics


class Store(Protocol):
    """The store's asynchronous client, as far as steps and periodic tasks use it. Raises StoreError."""

    async def order(self, order_id: str, before: Order | None = None) -> Order:
        """Read one order. `before` itself is returned if the answer has the very bytes it was read from."""

    async def orders(self, query: OrdersQuery) -> OrderPage:
        """Read one page of a list."""

    async def products(self, site_slug: str, ids: Sequence[str]) -> dict[str, Product]:
        """Read products of a site; ids that the store does not know are absent."""

    async def merchant_products(self, ids: Sequence[str]) -> dict[str, Product]:
        """Read products of the workspace, and any others that were listed before them."""

    async def fulfill(self, order_id: str, body: bytes, key: str) -> bool:
        """Post a fulfillment: exactly these bytes under this key. Whether the answer shows it."""


class Failure(NamedTuple):
    """A transient failure of one order; see `OrderJob.failed`."""

    why: str
    retry_after_s: float | None
    kind: str
    account: str


@dataclass(slots=True)
class OrderJob:
    """One order while a worker processes it. Steps read the job and leave their results in it.

    `lease_until` and `fetched_at` are on the monotonic clock; the first grows as the lease is renewed.
    `deferred` are writes that need no commit of their own; `documents` are label files by shipment that came
    with the purchase. `restored_at` is when the ledger was restored, if
    the order is still to be compared since, else 0.0; `looked_up` are its shipments that were, `unasked` the
    accounts it is not bought from. `paused` says why nothing is bought or posted, `waiting` what the order
    waits for; `waiting_reason` is its sentence if the order did nothing else.
    """

    lease: Lease
    lease_until: float
    shipments: list[Shipment]
    holds: list[Hold]
    fetched: Order | None = None
    decision: Decision | None = None
    wake_times: list[float] = field(default_factory=list)
    recheck_times: list[float] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    documents: dict[str, LabelDocument] = field(default_factory=dict)
    fetched_at: float = 0.0
    restored_at: float = 0.0
    looked_up: set[str] = field(default_factory=set)
    paused: str = ""
    unasked: tuple[restores.Unasked, ...] = ()
    waits_for_account: str = ""
    waiting_reason: str = ""
    waiting: Waiting | None = None
    deferred: list[Callable[[Tx], None]] = field(default_factory=list)

    @property
    def order_id(self) -> str:
        """The id of the order."""
        return self.lease.order_id

    @property
    def order(self) -> Order:
        """The order as the store last returned it. Raises RuntimeError before `refresh` has read it."""
        if self.fetched is None:
            raise RuntimeError("the order has not been read from the store yet")
        return self.fetched

    def in_state(self, *states: ShipmentState) -> list[Shipment]:
        """The shipments that are in one of these states."""
        return [shipment for shipment in self.shipments if shipment.state in states]

    def update(self, shipment: Shipment, **changes: Any) -> Shipment:
        """Replace a shipment in memory, after the ledger has stored the change."""
        changed = replace(shipment, **changes)
        self.shipments[self.shipments.index(shipment)] = changed
        return changed

    def active_holds(self, shipment: Shipment | None = None) -> list[Hold]:
        """The active holds: those on the order, and those on this shipment (or on any)."""
        return [
            hold
            for hold in self.holds
            if hold.is_active and (shipment is None or hold.shipment_id in ("", shipment.id))
        ]

    def blocking(self, shipment: Shipment) -> list[Hold]:
        """The active holds that stop this shipment from being bought, posted or both."""
        return [hold for hold in self.active_holds(shipment) if hold.kind.blocks]

    def blocks_buying(self, shipment: Shipment) -> list[Hold]:
        """The active holds that stop this shipment's label from being bought."""
        return [hold for hold in self.active_holds(shipment) if hold.blocks(Stage.BUYING)]

    def reserves_units(self, shipment: Shipment) -> bool:
        """Whether no other shipment may take this one's units.

        A label that is being voided may still be in use, so its units stay reserved until an operator has
        released the hold on its void.
        """
        is_freed = any(
            hold.kind.release_frees_units
            and hold.shipment_id == shipment.id
            and hold.released_by not in ("", MACHINE)
            for hold in self.holds
        )
        in_void = shipment.label is not None and shipment.label.state is not LabelState.BOUGHT
        return shipment.state.reserves_units and not (in_void and is_freed)

    def wake_at(self, at: float, waiting: Waiting | None = None) -> None:
        """Process the order again at this wall time: there is more to do. Show what it waits for."""
        self.wake_times.append(at)
        self.waiting = waiting or self.waiting

    def defer(self, until: float, why: str, kind: WaitKind = WaitKind.RETRY, account: str = "") -> None:
        """Do nothing with the order until this wall time, and show `why`."""
        self.wake_at(until, Waiting(kind, why, account, until=until))
        self.waiting_reason = why

    def wait_for_resume(self, until: float, why: str) -> None:
        """Buy and post nothing: `why` says who paused the daemon, or for what account the order waits."""
        if self.waits_for_account:
            return self.defer(until, why, WaitKind.PROVIDER_UNAVAILABLE, self.waits_for_account)
        return self.defer(until, f"Paused: {why}", WaitKind.PAUSED)

    def recheck_at(self, at: float) -> None:
        """Check the order at this wall time, although nothing is left to do."""
        self.recheck_times.append(at)

    def failed(self, why: str, retry_after_s: float | None = None, kind: str = "", account: str = "") -> None:
        """Note a transient failure: the order is tried again, no sooner than `retry_after_s`.

        `kind` is the name of the error, `account` the provider account that was asked, if one was.
        """
        self.failures.append(Failure(why, retry_after_s, kind, account))


@dataclass(frozen=True, slots=True)
class Context:
    """What steps use to reach the world, built once in app.py.

    `providers` are all provider accounts by name; steps get them from `sellers` (which sell new labels) and
    `provider`, with a deadline for each method. `products` remembers the store's
    catalog. `settling` maps a purchase (its reference and intent) to the time, on the monotonic clock, when
    its call ended or must end, or when this process first saw a purchase of another one. `tracked` maps a
    label's id to the time when its tracker was last asked, `unshown` a post's key to the time until
    which a store that accepted the post may take to show it, `missing` an order's id to the number of times
    in a row that the store did not have it. `breaker` knows the accounts that refuse.
    """

    store: Store
    ledger: Ledger
    providers: Mapping[str, Provider]
    documents: Documents
    settings: Settings
    clock: Clock
    metrics: Metrics
    log: FilteringBoundLogger
    sinks: Sequence[Sink] = ()
    settling: dict[tuple[str, float | None], float] = field(default_factory=dict)
    tracked: dict[str, float] = field(default_factory=dict)
    unshown: dict[str, float] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    breaker: CircuitBreaker = field(default_factory=lambda: CircuitBreaker(20, 300.0))
    products: ProductCache = field(init=False)
    settings_fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        """Derive what the settings alone decide."""
        object.__setattr__(self, "products", ProductCache(self.store, self.settings, self.clock))
        object.__setattr__(self, "settings_fingerprint", settings_fingerprint(self.settings))

    @property
    def sellers(self) -> tuple[BoundedProvider, ...]:
        """The provider accounts that sell new labels, in the order of the settings."""
        return tuple(self._bounded(account) for account in self.settings.provider)

    def provider(self, account: str) -> Provider:
        """The provider account that sold a label. Raises ProviderMisconfigured if it is no longer set up."""
        if account == ManualProvider.account:
            return ManualProvider()
        try:
            return self._bounded(account)
        except KeyError:
            raise ProviderMisconfigured(
                f"the provider account {account!r} bought a label that is in use, and is no longer set up. "
                f"Restore its section [providers.{account}]."
            ) from None

    def _bounded(self, account: str) -> BoundedProvider:
        return BoundedProvider(self.providers[account], self.settings.provider_timeout_s)

    def fingerprint(self, job: OrderJob, code: HoldCode) -> str:
        """The fingerprint of the facts that a hold of this kind rests on now; "" without an order."""
        return hold_fingerprint(code, job.fetched, self.settings_fingerprint) if job.fetched else ""

    def is_waived(self, job: OrderJob, code: HoldCode, shipment: Shipment | None = None) -> bool:
        """Whether an operator has released a hold of this kind, and its facts are still the same."""
        return any(
            hold.code is code
            and hold.shipment_id == (shipment.id if shipment else "")
            and hold.released_by not in ("", MACHINE)
            and not hold.is_active
            and hold.fingerprint == self.fingerprint(job, code)  # last: a hash is only made for a release
            for hold in job.holds
        )

    async def write(
        self,
        job: OrderJob,
        unit: WriteUnit[P, R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Commit a unit under the job's lease, together with the deferred writes.

        Raises LeaseLost, LedgerUnavailable.
        """
        now, deferred = self.clock.now(), tuple(job.deferred)

        def both(tx: Tx) -> R:
            for earlier in deferred:
                earlier(tx)
            return unit(tx, *args, **kwargs)

        result = await self.ledger.write(under(job.lease, both), now)
        del job.deferred[: len(deferred)]
        return result

    async def check_may_proceed(self, job: OrderJob) -> str:
        """Ask the ledger, just before a purchase or a post, why to wait; "" to proceed.

        Raises LeaseLost where an operator or another worker has the order now.
        """
        return await self.ledger.read_now(guard.check_may_proceed, job.lease)

    async def move(
        self,
        job: OrderJob,
        shipment: Shipment,
        to: ShipmentState,
        entry: Entry | None = None,
        /,
        **changes: Any,
    ) -> Shipment:
        """Move a shipment and set other fields: in the ledger, the journal, the log and the job."""
        return await self.apply(job, Move(shipment, to, changes=changes), entry)

    async def move_label(
        self,
        job: OrderJob,
        shipment: Shipment,
        to: ShipmentState,
        label_state: LabelState,
        entry: Entry | None = None,
        /,
        **void: Any,
    ) -> Shipment:
        """Move a shipment and its label together: in the ledger, the journal, the log and the job.

        `void` are the other fields of `Move`.
        """
        return await self.apply(job, Move(shipment, to, label_state, **void), entry)

    async def apply(
        self,
        job: OrderJob,
        move: Move,
        entry: Entry | None = None,
        also: Callable[[Tx], None] | None = None,
    ) -> Shipment:
        """Carry out one move, with `also` in the same transaction. Raises LeaseLost, LedgerUnavailable."""
        entries = (entry,) if entry else ()

        def unit(tx: Tx) -> float:
            move.write(tx, entries)
            if also:
                also(tx)
            return tx.now

        moved_at = await self.write(job, unit)
        self.record(*entries)
        return job.update(move.shipment, **move.fields(moved_at))

    async def plan(self, job: OrderJob, planned: Sequence[Shipment], entries: Sequence[Entry]) -> None:
        """Add new shipments: in the ledger, the journal, the log and the job."""
        await self.write(job, shipment_records.plan, planned, entries)
        self.record(*entries)
        job.shipments += planned

    async def hold(
        self,
        job: OrderJob,
        code: HoldCode,
        note: str,
        *,
        shipment: Shipment | None = None,
        move: Move | None = None,
    ) -> None:
        """Place a hold on the order or on one of its shipments, with `move` in the same transaction."""
        note, shipment_id = Reason(code, note).note, shipment.id if shipment else ""
        problem, detail = KINDS[code].split(note)
        entry = Entry(
            job.order_id,
            "held",
            f"{problem}:" if detail else f"{problem}.",
            shipment_id=shipment_id,
            data={"code": code.value},
            quoted=detail,
        )
        fingerprint = self.fingerprint(job, code)

        def place(tx: Tx) -> tuple[float, tuple[Hold, ...]]:
            hold_records.place(
                tx,
                code=code,
                note=note,
                fingerprint=fingerprint,
                shipment_id=shipment_id,
                entry=entry,
            )
            if move:
                move.write(tx)
            return tx.now, hold_records.of_order(tx.connection, job.order_id)

        was_active = any((one.code, one.shipment_id) == (code, shipment_id) for one in job.active_holds())
        held_at, holds = await self.write(job, place)
        job.holds = list(holds)
        if not was_active:
            self.record(entry)
        if move:
            job.update(move.shipment, **move.fields(held_at))

    async def release(self, job: OrderJob, ended: Sequence[Hold], why: str) -> None:
        """Release holds that Packhouse itself ends: in the ledger, the journal, the log and the job."""
        entries = [released(hold, why) for hold in ended]
        await self.write(job, hold_records.release_all, ended, why, entries)
        self.record(*entries)
        job.holds = [hold for hold in job.holds if hold not in ended]

    def record(self, *entries: Entry) -> None:
        """Log journal entries, one line each. The log omits quoted text and the colon before it."""
        for entry in entries:
            self.log.info(
                entry.why.removesuffix(":"),
                action=entry.action,
                order_id=entry.order_id,
                shipment_id=entry.shipment_id or None,
                **entry.data,
            )


def released(hold: Hold, why: str) -> Entry:
    """The journal entry of a hold that Packhouse releases."""
    return Entry(hold.order_id, "released", f"{hold.code}: {why}", hold.shipment_id)
