"""What every step is handed: the desk with its tools, and the work that lies on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from structlog.typing import FilteringBoundLogger

from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import ProviderMisconfigured
from packhouse.ledger import guard
from packhouse.ledger import holds as hold_records
from packhouse.ledger.documents import Documents
from packhouse.ledger.port import Ledger
from packhouse.ledger.tx import Lease, P, R, Tx, WriteUnit, under
from packhouse.model.hold import SENTENCE, Hold, HoldCode
from packhouse.model.journal import MACHINE, Entry
from packhouse.model.label import LabelDocument
from packhouse.model.order import Order, OrderPage, Product
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.manual import ManualProvider
from packhouse.providers.port import Provider
from packhouse.rules.decision import Decision
from packhouse.rules.fingerprints import hold_fingerprint
from packhouse.sinks.port import Sink
from packhouse.steps.circuit_breaker import CircuitBreaker
from packhouse.store.protocol import OrdersQuery
from packhouse.telemetry.metrics import Metrics


class Store(Protocol):
    """The store's async door, as far as steps and duties use it. Raises StoreError."""

    async def order(self, order_id: str) -> Order:
        """Read one order afresh."""

    def order_pages(self, query: OrdersQuery) -> AsyncIterator[OrderPage]:
        """Read every page of a list, as the pages are consumed."""

    async def products(self, site_slug: str, ids: Sequence[str]) -> dict[str, Product]:
        """Read products; ids that the store does not know are absent."""

    async def fulfill(self, order_id: str, body: bytes, key: str) -> None:
        """Post a fulfillment: exactly these bytes under this key."""


@dataclass(slots=True)
class OrderJob:
    """One order while it is worked on. Steps read it and leave their results in it.

    `lease_until` and `looked_at` are on the monotonic clock; the first grows as the lease is renewed.
    `verdict` is what `decide` found. `deferred` are writes that need no commit of their own; `documents` are
    label files by shipment, handed over with the purchase. `paused` says why nothing is bought or posted,
    `waits_for` what has to pass before more can be done.
    """

    lease: Lease
    lease_until: float
    shipments: list[Shipment]
    holds: list[Hold]
    fetched: Order | None = None
    decision: Decision | None = None
    wake_times: list[float] = field(default_factory=list)
    recheck_times: list[float] = field(default_factory=list)
    failures: list[tuple[str, float | None, str]] = field(default_factory=list)
    documents: dict[str, LabelDocument] = field(default_factory=dict)
    fetched_at: float = 0.0
    paused: str = ""
    waiting_reason: str = ""
    deferred: list[Callable[[Tx], None]] = field(default_factory=list)

    @property
    def order_id(self) -> str:
        """Which order this is about."""
        return self.lease.order_id

    @property
    def order(self) -> Order:
        """The order as the `look` step read it."""
        if self.fetched is None:
            raise RuntimeError("no step may act on an order before it was looked at")
        return self.fetched

    def in_state(self, *states: ShipmentState) -> list[Shipment]:
        """The shipments that stand in one of these states."""
        return [shipment for shipment in self.shipments if shipment.state in states]

    def update(self, shipment: Shipment, **changes: Any) -> Shipment:
        """Replace a shipment by its changed self, after the ledger took the change."""
        changed = replace(shipment, **changes)
        self.shipments[self.shipments.index(shipment)] = changed
        return changed

    def active_holds(self, shipment: Shipment | None = None) -> list[Hold]:
        """The holds that stand: those on the order, and those on this shipment (or on any)."""
        return [
            hold
            for hold in self.holds
            if hold.is_active and (shipment is None or hold.shipment_id in ("", shipment.id))
        ]

    def blocking(self, shipment: Shipment) -> list[Hold]:
        """The holds that keep this shipment from going on. What keeps failing is tried on: only success
        shows that the cause has gone.
        """
        return [hold for hold in self.active_holds(shipment) if hold.code is not HoldCode.REPEATED_FAILURE]

    def blocks_buying(self, shipment: Shipment) -> list[Hold]:
        """The holds that keep a shipment's label from being bought; some only keep it from being posted."""
        return [hold for hold in self.blocking(shipment) if hold.code is not HoldCode.EXTERNAL_POSTING]

    def reserves_units(self, shipment: Shipment) -> bool:
        """Whether a shipment's units are spoken for. Those of a label that is being given back are, until a
        person has looked at it: it may be in use after all.
        """
        fetched_at = any(
            hold.code in (HoldCode.VOID_PENDING, HoldCode.VOID_REFUSED)
            and hold.shipment_id == shipment.id
            and hold.released_by not in ("", MACHINE)
            for hold in self.holds
        )
        given_back = shipment.label is not None and shipment.label.state is not LabelState.BOUGHT
        return shipment.state.reserves_units and not (given_back and fetched_at)

    def is_waived(self, code: HoldCode, shipment: Shipment | None = None) -> bool:
        """Whether a person has released this reason, and what it rested on has not changed since."""
        facts = hold_fingerprint(code, self.order)
        return any(
            hold.code is code
            and hold.shipment_id == (shipment.id if shipment else "")
            and hold.released_by not in ("", MACHINE)
            and not hold.is_active
            and hold.fingerprint == facts
            for hold in self.holds
        )

    def wake_at(self, at: float) -> None:
        """There is more to do on this order, at this wall time."""
        self.wake_times.append(at)

    def defer(self, until: float, why: str) -> None:
        """Nothing can be done before this wall time, and a person may want to know why."""
        self.wake_times.append(until)
        self.waiting_reason = why

    def recheck_at(self, at: float) -> None:
        """Nothing is left to do; a look at this wall time may still bring news."""
        self.recheck_times.append(at)

    def failed(self, why: str, retry_after_s: float | None = None, kind: str = "") -> None:
        """Something passing went wrong: try again, no sooner than was asked for."""
        self.failures.append((why, retry_after_s, kind))


@dataclass(frozen=True, slots=True)
class Context:
    """The tools, built once in app.py.

    `carriers` are all adapters that are set up; `carrier` sells new labels. `products` remembers the store's
    catalogue, `settling` when the call of a purchase (its reference and intent) ended or must end, or when
    one of another process was first met, on the monotonic clock; `resting` the carriers left alone.
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
    products: dict[tuple[str, str], tuple[float, Product | None]] = field(default_factory=dict)
    settling: dict[tuple[str, float | None], float] = field(default_factory=dict)
    breaker: CircuitBreaker = field(default_factory=lambda: CircuitBreaker(20, 300.0))

    @property
    def seller(self) -> Provider:
        """The adapter that sells new labels."""
        return self.providers[self.settings.provider]

    def provider(self, name: str) -> Provider:
        """The adapter that sold a label. Raises CarrierMisconfigured if it is not set up any more."""
        if name == ManualProvider.name:
            return ManualProvider()
        try:
            return self.providers[name]
        except KeyError:
            raise ProviderMisconfigured(
                f"the carrier {name!r} bought a label that is still in use, and is no longer set up: "
                f"put its section [providers.{name}] back"
            ) from None

    async def write(
        self,
        job: OrderJob,
        unit: WriteUnit[P, R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Commit a unit under the work's lease, together with what was deferred until now.

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
        """Asked in the last moment before money is spent or the buyer told: why to wait; "" to go on.

        Raises LeaseLost where a person stepped in, or where this process slept and another took over.
        """
        return await self.ledger.read(guard.check_may_proceed, job.lease)

    def record(self, *entries: Entry) -> tuple[Entry, ...]:
        """Log acts, one line each, and hand them on to be journaled."""
        for act in entries:
            self.log.info(
                act.why,
                action=act.action,
                order_id=act.order_id,
                shipment_id=act.shipment_id or None,
                **act.data,
            )
        return entries

    async def hold(
        self,
        job: OrderJob,
        code: HoldCode,
        note: str,
        *,
        shipment: Shipment | None = None,
        also: Callable[[Tx], None] | None = None,
    ) -> None:
        """Place a hold on the order or on one of its shipments, with `also` in the same transaction."""
        act = Entry(
            job.order_id,
            "held",
            SENTENCE[code],
            shipment_id=shipment.id if shipment else "",
            data={"code": code.value},
            quoted=note,
        )
        fingerprint = hold_fingerprint(code, job.fetched) if job.fetched else ""

        def place(tx: Tx) -> tuple[Hold, ...]:
            hold_records.place(
                tx,
                code=code,
                note=note,
                fingerprint=fingerprint,
                shipment_id=act.shipment_id,
                act=act,
            )
            if also:
                also(tx)
            return hold_records.of_order(tx.connection, job.order_id)

        stood = any((one.code, one.shipment_id) == (code, act.shipment_id) for one in job.active_holds())
        job.holds = list(await self.write(job, place))
        if not stood:
            self.record(act)
