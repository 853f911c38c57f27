"""Packhouse in one process, on a clock that the test advances.

The steps, ledger, store client and EasyPost adapter are real; the sandbox answers without sockets.

A test takes the `harness` fixture. `@pytest.mark.harness(...)` gives the arguments of `Harness`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from packhouse.config.customs import CustomsSettings
from packhouse.config.sections import ParcelSettings
from packhouse.config.settings import Settings
from packhouse.flow import STEPS, process_order
from packhouse.ledger import guard, holds, orders, queries, shipments
from packhouse.ledger.documents import DocumentFolder
from packhouse.ledger.engine import open_ledger
from packhouse.model.event import Event
from packhouse.model.hold import Hold
from packhouse.model.label import LabelFormat
from packhouse.model.order import Address
from packhouse.model.shipment import Shipment
from packhouse.operations import Operations
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.port import Provider, ProviderContext
from packhouse.sandbox.sandbox import EASYPOST_KEY, STORE_KEY, Sandbox, SandboxOptions
from packhouse.sandbox.store.state import StoreOrder
from packhouse.sandbox.transport import SandboxTransport
from packhouse.sinks.port import Sink
from packhouse.steps.context import Context, OrderJob
from packhouse.store.async_client import AsyncStoreClient
from packhouse.telemetry.metrics import Metrics
from packhouse.worker.intake import Intake
from packhouse.worker.tracking import Trackers
from tests.clock import ManualClock
from tests.service.ledger.address import address_in
from tests.service.ledger.empty_file import begin_empty
from tests.service.scripted import ScriptedLedger, ScriptedStore, scripted

SENDER = Address(
    name="Shop", street1="1 Pier", city="San Francisco", state="CA", postcode="94110", country="US"
)
STEP_NAMES = tuple(step.name for step in STEPS)

MakeProvider = Callable[[ProviderContext, Path], Provider]


class SkewedClock(ManualClock):
    """A manual clock whose wall time may be wrong by `skew` seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.skew = 0.0

    def now(self) -> float:
        return super().now() + self.skew

    def monotonic(self) -> float:
        return super().now()


class Harness:
    """One worker with its sandbox and its ledger.

    `provider`, `store` and `ledger` are the real ones until a test scripts their answers. `provider=` uses
    another real provider than EasyPost, `sandbox_account=` another one on the sandbox's EasyPost.
    `external_tracking` is the number of a label that was bought outside the sandbox. With `calls_hang`, the
    clock advances while a call waits for a response.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, Any] | None = None,
        provider: MakeProvider | None = None,
        sinks: tuple[Sink, ...] = (),
        external_tracking: str = "",
        sandbox_account: type[EasyPostProvider] = EasyPostProvider,
    ) -> None:
        self.clock = SkewedClock()
        self.sandbox = Sandbox(
            self.clock,
            random.Random(1),
            self._ignore_webhook,
            options=SandboxOptions(void_s=30.0, transit_s=6000.0),
        )
        self.metrics = Metrics(CollectorRegistry())
        self._sandbox_account = sandbox_account
        context = ProviderContext(self.clock, 30.0, SENDER, LabelFormat.ZPL, self.metrics.call)
        self.provider = scripted((provider or self._easypost)(context, folder))
        self.store = ScriptedStore(self._store())
        begin_empty(address_in(folder))
        self.ledger = ScriptedLedger(open_ledger(address_in(folder), connections=4))
        defaults = {
            "provider": self.provider.account,
            "parcel": ParcelSettings(weight_g=500),
            "customs": CustomsSettings(origin_country="US", signer="Ann Lee"),
        }
        self.settings = Settings(_env_file=None, data_dir=folder, **(defaults | dict(settings or {})))  # type: ignore[call-arg, arg-type]
        self.context = Context(
            store=self.store,
            ledger=self.ledger,
            providers={self.provider.account: self.provider},
            documents=DocumentFolder(self.settings.labels_dir),
            settings=self.settings,
            clock=self.clock,
            metrics=self.metrics,
            log=structlog.get_logger("test"),
            sinks=sinks,
        )
        self.operations = Operations.build(
            *(self.ledger, self.context.documents, self.clock, self.settings, lambda: None),
            accounts=lambda: self.context.breaker.states(self.clock),
        )
        self.intake = Intake(self.ledger, self.clock, self.settings, lambda: None)
        self.trackers = Trackers(self.context, lambda: None)
        self.calls_hang = False
        self._external_tracking = external_tracking
        self._sequence = 0

    def _easypost(self, context: ProviderContext, folder: Path) -> Provider:
        options = EasyPostOptions(api_key=SecretStr(EASYPOST_KEY), url="http://sandbox.invalid/easypost/v2")
        return self._sandbox_account(options, context, SandboxTransport(self.sandbox))

    def _store(self) -> AsyncStoreClient:
        return AsyncStoreClient(
            "http://sandbox.invalid/api/storefront/v1",
            STORE_KEY,
            timeout_s=15,
            clock=self.clock,
            observe=self.metrics.call,
            transport=SandboxTransport(self.sandbox),
        )

    async def _ignore_webhook(self, url: str, headers: object, body: bytes) -> int:
        return 200

    async def deliver_event(self, order: StoreOrder | str, kind: str = "order.created") -> None:
        """Receive a webhook event about an order."""
        order_id = order if isinstance(order, str) else order.id
        self._sequence += 1
        await self.intake.receive(Event(f"evt_{self._sequence}", kind, order_id, "paper-lantern", "{}"))

    async def claim_due(self) -> list[OrderJob]:
        """Lease every due order for 120 s: those that may end a process once no other order is due."""
        self._sequence += 1
        now = self.clock.now()
        lease = (f"test:{self._sequence}", now + 120, 100)
        claimed = await self.ledger.write(orders.claim, now, *lease)
        claimed = claimed or await self.ledger.write(orders.claim, now, *lease, suspects=True)
        paused = await self.ledger.read(guard.paused)
        until = self.clock.monotonic() + 120
        return [
            OrderJob(
                *(lease, until, list(known.shipments), list(known.holds)),
                restored_at=known.restored_at,
                paused=paused,
            )
            for lease, known in claimed
        ]

    async def process_due(self, passes: int = 20) -> None:
        """Process due orders until none is due."""
        for _ in range(passes):
            claimed = await self.claim_due()
            if not claimed:
                return
            for job in claimed:
                await self.finish(process_order(self.context, job))
        raise AssertionError(f"orders are still due after {passes} passes")

    async def process_until(self, order: StoreOrder | None = None, *, before: str) -> OrderJob:
        """Receive an event about this order, and run its steps up to the one named; then its worker dies.

        Without an order: the one order that is due. The lease ends after 120 s.
        """
        if order is not None:
            await self.deliver_event(order)
        (job,) = [one for one in await self.claim_due() if order is None or one.order_id == order.id]
        await self.run_steps(job, before=before)
        return job

    async def run_steps(self, job: OrderJob, *, start: str = "", before: str = "") -> None:
        """Run the steps from `start` (or the first) up to `before` (or to the last)."""
        first = STEP_NAMES.index(start) if start else 0
        end = STEP_NAMES.index(before) if before else len(STEPS)
        for step in STEPS[first:end]:
            await step.run(self.context, job)

    async def run_step(self, name: str, job: OrderJob) -> None:
        """Run one step."""
        await STEPS[STEP_NAMES.index(name)].run(self.context, job)

    async def finish(self, doing: Coroutine[Any, Any, None]) -> None:
        """Run it to its end. With `calls_hang`, time passes until its calls time out."""
        task = asyncio.create_task(doing)
        while not (await asyncio.wait({task}, timeout=0.5 if self.calls_hang else None))[0]:
            if not self.ledger.under_way:  # a busy machine may take long to write
                await self.clock.advance(5.0)
        task.result()

    async def advance(self, seconds: float, step: float = 5.0) -> None:
        """Let time pass, and process the orders that become due."""
        for _ in range(int(seconds / step)):
            await self.clock.advance(step)
            await self.process_due()

    async def track_parcels(self) -> int:
        """Let time pass until the trackers of young parcels are due, ask them, and process what had news."""
        await self.clock.advance(5 * self.settings.poll.track_interval_s)
        news = await self.trackers.run()
        await self.process_due()
        return news

    async def ship(self, kind: str = "plain") -> StoreOrder:
        """Place an order at the store, receive its event and process it."""
        order = self.sandbox.place_order(kind)
        await self.deliver_event(order)
        await self.process_due()
        return order

    async def phase(self, order: StoreOrder) -> str:
        row = await self.ledger.read(queries.order_row, order.id)
        assert row is not None
        return str(row.phase)

    async def order_row(self, order: StoreOrder | str) -> Any:
        order_id = order if isinstance(order, str) else order.id
        return await self.ledger.read(queries.order_row, order_id)

    async def shipments(self, order: StoreOrder) -> tuple[Shipment, ...]:
        return await self.ledger.read(shipments.of_order, order.id)

    async def states(self, order: StoreOrder) -> list[str]:
        return [shipment.state.value for shipment in await self.shipments(order)]

    async def active_holds(self, order: StoreOrder) -> list[Hold]:
        return [hold for hold in await self.ledger.read(holds.of_order, order.id) if hold.is_active]

    async def journal(self, order: StoreOrder) -> list[str]:
        """The actions in the journal of an order, oldest first."""
        return [entry.action for entry in await self.ledger.read(queries.entries, order_id=order.id)]

    async def release_hold(self, hold: Hold, reason: str = "checked") -> None:
        await self.operations.orders.release_hold(hold.id, reason=reason, actor="ada")

    async def place_hold(self, order: StoreOrder, reason: str = "wait") -> None:
        await self.operations.orders.place_hold(order.id, reason=reason, actor="ada")

    def labels_sold(self, order: StoreOrder, live_only: bool = True) -> int:
        """How many labels the sandbox's EasyPost sold for an order."""
        sold = [
            one
            for one in self.sandbox.audit.to_json()["purchases"]
            if one["reference"].startswith(f"{order.id}/")
        ]
        return sum(1 for one in sold if not (live_only and one["voided"]))

    def problems(self) -> list[str]:
        """What the sandbox's audit finds wrong, apart from the label that was bought outside the sandbox."""
        unsold = f"EasyPost never sold {self._external_tracking!r}"
        return [problem for problem in self.sandbox.audit.problems() if not problem.endswith(unsold)]

    async def aclose(self) -> None:
        await self.sandbox.aclose()
        await self.ledger.close()


NewHarness = Callable[..., Harness]
