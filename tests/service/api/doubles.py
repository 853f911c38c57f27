"""Doubles of what the HTTP surface is handed: they note what they hear, and raise what they are set to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from prometheus_client import CollectorRegistry

from packhouse.api.app import build_api
from packhouse.api.board import (
    AdoptedLabel,
    LabelInHand,
    OrderView,
    OrderViews,
    SentParcel,
    StatusReport,
    TakenOrder,
)
from packhouse.api.health import Check
from packhouse.api.webhooks import Receipt
from packhouse.config.settings import OperatorSettings, WebhookSettings
from packhouse.errors import OperationRefused, PackhouseError, RecordNotFound
from packhouse.http import httpx
from packhouse.in_hand import label_in_hand
from packhouse.model.event import Event, EventRecord
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.journal import JournalEntry
from packhouse.model.label import Label, LabelDocument, LabelFormat, Rate
from packhouse.model.money import Money
from packhouse.model.order import Units
from packhouse.model.parcel import Parcel
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, OrderPhase, ShipmentState
from packhouse.telemetry.metrics import LedgerCounts, Metrics

NOW = 1_800_000_000.0
SECRET = b"whsec_canary_one"
OTHER_SECRET = b"whsec_canary_two"
TOKEN = "tok-canary-1234"
SHA = "ab" * 32

HOLD = Hold(7, "ord_1", "", HoldCode.MANUAL, "wait for Monday", "f" * 16, "ann", NOW)
LABEL = Label(
    "lab_1",
    "shp_1",
    1,
    "easypost",
    "USPS",
    "Ground",
    "9400",
    "shp_x",
    Money(512, "USD"),
    LabelState.BOUGHT,
    NOW,
    SHA,
)
SHIPMENT = Shipment(
    "shp_1",
    "ord_1",
    1,
    ShipmentState.FULFILLED,
    (Units("li_1", 2),),
    parcel=Parcel(500, 250, 200, 100),
    provider="easypost",
    rate=Rate("rate_1", "USPS", "Ground", Money(512, "USD"), 3),
    label=LABEL,
)
PLANNED = Shipment("shp_2", "ord_1", 2, ShipmentState.PLANNED, (Units("li_2", 1),))
RELEASED = replace(HOLD, id=6, released_by="bob", released_at=NOW + 5, release_reason="asked the buyer")
ORDER = OrderView(
    id="ord_1",
    phase=OrderPhase.HELD,
    reason="A person placed this hold.",
    status="pending",
    site_slug="shop",
    due_at=NOW + 60,
    attempts=2,
    last_error="",
    updated_at=NOW,
    shipments=(SHIPMENT, PLANNED),
    holds=(HOLD, RELEASED),
)
EVENT = EventRecord("evt_1", "order.created", "ord_1", "shop", NOW, "new")
ENTRY = JournalEntry(
    41, NOW, "ord_1", "shp_1", "packhouse", "bought", "cheapest of 3 rates", {"cost_minor": 512}
)


class StillClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: float = NOW) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class MemoryInbox:
    """Keeps events and dead letters in lists; `failure` is raised instead when set."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.dead_letters: list[tuple[bytes, str]] = []
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def receive(self, event: Event) -> Receipt:
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        if any(known.id == event.id for known in self.events):
            return "duplicate"
        self.events.append(event)
        return "new" if event.is_known else "ignored"

    async def keep_dead_letter(self, body: bytes, reason: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.dead_letters.append((body, reason))


@dataclass
class MemoryBoard:
    """One order, one label; `calls` lists what was asked, `failure` is raised instead when set."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failure: Exception | None = None

    def _note(self, call: str, **what: Any) -> None:
        self.calls.append((call, what))
        if self.failure is not None:
            raise self.failure

    def _known(self, found: bool, what: str) -> None:
        if not found:
            raise RecordNotFound(f"there is no {what}")

    async def counts(self) -> LedgerCounts:
        self._note("counts")
        return LedgerCounts({"open": 3, "held": 1}, {"planned": 2}, {"manual": 1}, 3, 1.5, 2)

    async def status(self) -> StatusReport:
        self._note("status")
        counts = await self.counts()
        return StatusReport("1.2.3", False, counts, {"USD": 1024}, 2, "easypost", "https://aly.store/api")

    async def orders(self, *, phase: OrderPhase | None, limit: int, after: str) -> OrderViews:
        self._note("orders", phase=phase, limit=limit, after=after)
        return OrderViews((ORDER,), "" if after else "page-2")

    async def order(self, order_id: str) -> OrderView:
        self._note("order", order_id=order_id)
        self._known(order_id == ORDER.id, "such order")
        return ORDER

    async def order_journal(self, order_id: str) -> Sequence[JournalEntry]:
        self._note("order_journal", order_id=order_id)
        self._known(order_id == ORDER.id, "such order")
        return [ENTRY]

    async def journal(self, *, after: int | None, limit: int) -> Sequence[JournalEntry]:
        self._note("journal", after=after, limit=limit)
        return [ENTRY] if (after or 0) < ENTRY.id else []

    async def shipments(self, *, state: ShipmentState | None, limit: int) -> Sequence[Shipment]:
        self._note("shipments", state=state, limit=limit)
        return [SHIPMENT, PLANNED]

    async def shipment(self, shipment_id: str) -> Shipment:
        self._note("shipment", shipment_id=shipment_id)
        self._known(shipment_id == SHIPMENT.id, "such shipment")
        return SHIPMENT

    async def holds(self, *, standing: bool | None, limit: int) -> Sequence[Hold]:
        self._note("holds", standing=standing, limit=limit)
        return [HOLD] if standing else [HOLD, RELEASED]

    async def label_document(self, sha256: str) -> LabelDocument:
        self._note("label_document", sha256=sha256)
        self._known(sha256 == SHA, "such label file")
        return LabelDocument(b"%PDF-1.4 label", LabelFormat.PDF)

    async def place_hold(self, order_id: str, *, reason: str, actor: str) -> Hold:
        self._note("place_hold", order_id=order_id, reason=reason, actor=actor)
        self._known(order_id == ORDER.id, "such order")
        return replace(HOLD, note=reason, placed_by=actor)

    async def release_hold(self, hold_id: int, *, reason: str, actor: str) -> Hold:
        self._note("release_hold", hold_id=hold_id, reason=reason, actor=actor)
        if hold_id == RELEASED.id:
            raise OperationRefused("this hold was released before, by bob")
        self._known(hold_id == HOLD.id, "such hold")
        return replace(HOLD, released_by=actor, released_at=NOW, release_reason=reason)

    async def pause(self, *, reason: str, actor: str) -> StatusReport:
        self._note("pause", reason=reason, actor=actor)
        return replace(await self.status(), paused=True, paused_by=f"{actor}: {reason}")

    async def resume(self, *, reason: str, actor: str) -> StatusReport:
        self._note("resume", reason=reason, actor=actor)
        return await self.status()

    async def adopt_label(
        self, shipment_id: str, label: AdoptedLabel, *, reason: str, actor: str
    ) -> Shipment:
        self._note("adopt_label", shipment_id=shipment_id, label=label, reason=reason, actor=actor)
        self._known(shipment_id == SHIPMENT.id, "such shipment")
        return SHIPMENT

    async def not_bought(self, shipment_id: str, *, reason: str, actor: str) -> Shipment:
        self._note("not_bought", shipment_id=shipment_id, reason=reason, actor=actor)
        self._known(shipment_id == SHIPMENT.id, "such shipment")
        return SHIPMENT

    async def events(self, **asked: Any) -> Sequence[EventRecord]:
        self._note("events", **asked)
        return [EVENT]

    async def event(self, event_id: str) -> EventRecord:
        self._note("event", event_id=event_id)
        self._known(event_id == EVENT.id, "such event")
        return EVENT

    async def replay_event(self, event_id: str, *, reason: str, actor: str) -> EventRecord:
        self._note("replay_event", event_id=event_id, reason=reason, actor=actor)
        return EVENT

    async def take(self, order_id: str, *, doing: str, reason: str, actor: str) -> TakenOrder:
        self._note("take", order_id=order_id, doing=doing, reason=reason, actor=actor)
        return TakenOrder(ORDER, replace(HOLD, code=HoldCode.TAKEN_OVER, note=doing), "")

    async def hold_shipment(self, shipment_id: str, *, reason: str, actor: str) -> Hold:
        self._note("hold_shipment", shipment_id=shipment_id, reason=reason, actor=actor)
        return replace(HOLD, shipment_id=shipment_id, note=reason)

    async def release_shipment(self, shipment_id: str, **how: Any) -> Shipment:
        self._note("release_shipment", shipment_id=shipment_id, **how)
        return SHIPMENT

    async def ask_void(self, shipment_id: str, **how: Any) -> Shipment:
        self._note("ask_void", shipment_id=shipment_id, **how)
        return SHIPMENT

    async def mark_shipped(self, shipment_id: str, parcel: SentParcel, **how: Any) -> Shipment:
        self._note("mark_shipped", shipment_id=shipment_id, parcel=parcel, **how)
        return SHIPMENT

    async def ask_label(self, order_id: str, *, reason: str, actor: str) -> LabelInHand:
        self._note("ask_label", order_id=order_id, reason=reason, actor=actor)
        return label_in_hand(replace(ORDER, shipments=(SHIPMENT,), holds=()), str)

    async def label_of(self, order_id: str) -> LabelInHand:
        self._note("label_of", order_id=order_id)
        return label_in_hand(replace(ORDER, shipments=(SHIPMENT,), holds=()), str)

    async def retry(self, order_id: str, *, reason: str, actor: str) -> OrderView:
        self._note("retry", order_id=order_id, reason=reason, actor=actor)
        self._known(order_id == ORDER.id, "such order")
        return ORDER


class SetHealth:
    """Answers the checks it is set to, or raises."""

    def __init__(self) -> None:
        self.answer: Sequence[Check] = ()
        self.failure: PackhouseError | None = None

    async def checks(self) -> Sequence[Check]:
        if self.failure is not None:
            raise self.failure
        return self.answer


class App:
    """The whole surface over doubles, and a client to it."""

    def __init__(
        self, *, secrets: str = f"{SECRET.decode()},{OTHER_SECRET.decode()}", tokens: str = ""
    ) -> None:
        self.inbox = MemoryInbox()
        self.board = MemoryBoard()
        self.health = SetHealth()
        self.clock = StillClock()
        self.metrics = Metrics(CollectorRegistry(), "1.2.3")
        self.app = build_api(
            board=self.board,
            inbox=self.inbox,
            health_source=self.health,
            metrics=self.metrics,
            clock=self.clock,
            webhook=WebhookSettings.model_validate({"secrets": secrets}),
            operators=OperatorSettings.model_validate(
                {"tokens": tokens or f"ann:{TOKEN},bob:tok-other-5678"}
            ),
            version="1.2.3",
        )

    def ask(self, method: str, path: str, *, token: str = TOKEN, **more: Any) -> httpx.Response:
        """One request, answered."""

        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://packhouse") as client:
                headers = {"authorization": f"Bearer {token}"} if token else {}
                return await client.request(method, path, headers=headers | more.pop("headers", {}), **more)

        return asyncio.run(run())

    def number(self, name: str, **labels: str) -> float:
        """One number as Prometheus would see it; 0 when it is not there yet."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0
