"""A whole house in one process, on a clock of its own: the real flow, ledger, store client and EasyPost
adapter, against the sandbox's store and carrier without sockets.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from packhouse.config.settings import ParcelSettings, Settings
from packhouse.flow import STEPS, process_order
from packhouse.ledger import guard, holds, orders, queries, shipments
from packhouse.ledger.documents import DocumentFolder
from packhouse.ledger.engine import open_ledger
from packhouse.model.event import Event
from packhouse.model.hold import Hold
from packhouse.model.label import LabelFormat
from packhouse.model.order import Address, Order
from packhouse.model.shipment import Shipment
from packhouse.operations import Operations
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
from tests.clock import ManualClock
from tests.service.ledger.address import address_in

SENDER = Address(
    name="Shop", street1="1 Pier", city="San Francisco", state="CA", postcode="94110", country="US"
)


class HouseClock(ManualClock):
    """The sandbox tests' clock; time moves when the house says so."""

    def __init__(self) -> None:
        super().__init__()
        self.skew = 0.0

    def now(self) -> float:
        return super().now() + self.skew

    def monotonic(self) -> float:
        return super().now()


class App:
    """One desk, its world and its ledger; `pass_time` does everything that falls due meanwhile."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, Any] | None = None,
        providers: Callable[[ProviderContext], dict[str, Provider]] | None = None,
        sinks: tuple[Sink, ...] = (),
    ) -> None:
        self.clock = HouseClock()
        self.events: list[tuple[str, bytes]] = []
        options = SandboxOptions(void_s=30.0, transit_s=6000.0)
        self.world = Sandbox(self.clock, random.Random(1), self._deaf, options=options)
        self.ledger = open_ledger(address_in(folder), connections=4)
        chosen = {"provider": "easypost", "parcel": ParcelSettings(weight_g=500)} | dict(settings or {})
        self.settings = Settings(_env_file=None, data_dir=folder, **chosen)  # type: ignore[call-arg]
        self.metrics = Metrics(CollectorRegistry())
        context = ProviderContext(self.clock, 30.0, SENDER, LabelFormat.ZPL, self.metrics.call)
        self.easypost = EasyPostProvider(
            EasyPostOptions(
                api_key=SecretStr(EASYPOST_KEY), url="http://sandbox.invalid/easypost/v2", customs_origin="US"
            ),
            context,
            SandboxTransport(self.world),
        )
        self.store = AsyncStoreClient(
            "http://sandbox.invalid/api/storefront/v1",
            STORE_KEY,
            timeout_s=15,
            rate_limit_per_s=0,
            clock=self.clock,
            observe=self.metrics.call,
            transport=SandboxTransport(self.world),
        )
        self.context = Context(
            store=self.store,
            ledger=self.ledger,
            providers=providers(context) if providers else {"easypost": self.easypost},
            documents=DocumentFolder(self.settings.labels_dir),
            settings=self.settings,
            clock=self.clock,
            metrics=self.metrics,
            log=structlog.get_logger("test"),
            sinks=sinks,
        )
        self.operations = Operations.build(
            self.ledger, self.context.documents, self.clock, self.settings, lambda: None
        )
        self.operations = Operations.build(
            self.ledger, self.context.documents, self.clock, self.settings, lambda: None
        )
        self.intake = Intake(self.ledger, self.clock, self.settings, lambda: None)
        self._claims = 0
        self.mute = False

    async def _deaf(self, url: str, headers: object, body: bytes) -> int:
        return 200

    async def hear(self, order: StoreOrder | str, kind: str = "order.created") -> None:
        """The store tells of an order."""
        order_id = order if isinstance(order, str) else order.id
        self._claims += 1
        await self.intake.receive(Event(f"evt_{self._claims}", kind, order_id, "paper-lantern", "{}"))

    async def claim(self) -> list[OrderJob]:
        """Take every due order."""
        self._claims += 1
        now = self.clock.now()
        taken = await self.ledger.write(orders.claim, now, f"test:{self._claims}", now + 120, 100)
        paused = await self.ledger.read(guard.paused)
        until = self.clock.monotonic() + 120
        return [
            OrderJob(lease, until, list(known.shipments), list(known.holds), paused=paused)
            for lease, known in taken
        ]

    async def job(self, passes: int = 20) -> None:
        """Take due orders through their life until nothing is due."""
        for _ in range(passes):
            taken = await self.claim()
            if not taken:
                return
            for job in taken:
                await self._patiently(process_order(self.context, job))
        raise AssertionError(f"still work to do after {passes} passes")

    async def _patiently(self, doing: Coroutine[Any, Any, None]) -> None:
        """Where somebody never answers, time passes until whoever waits gives up."""
        task = asyncio.create_task(doing)
        while not (await asyncio.wait({task}, timeout=0.5 if self.mute else None))[0]:
            await self.clock.advance(5.0)
        task.result()

    async def pass_time(self, seconds: float, step: float = 5.0) -> None:
        """Let time pass, and do what falls due."""
        for _ in range(int(seconds / step)):
            await self.clock.advance(step)
            await self.job()

    async def ship(self, kind: str = "plain") -> StoreOrder:
        """Somebody orders; the store tells; the work is done."""
        order = self.world.place_order(kind)
        await self.hear(order)
        await self.job()
        return order

    async def work_until(self, order: StoreOrder, before: str) -> OrderJob:
        """The store tells of an order, and its worker dies just before this step. Its lease ends in 120 s."""
        await self.hear(order)
        (job,) = [one for one in await self.claim() if one.order_id == order.id]
        for step in STEPS:
            if step.name == before:
                break
            await step.run(self.context, job)
        return job

    def store_answers(self, how: Callable[[Order], Order]) -> None:
        """From now on the store tells of its orders in another way."""
        read = self.store.order

        async def order(order_id: str) -> Order:
            return how(await read(order_id))

        self.store.order = order  # type: ignore[method-assign]

    async def phase(self, order: StoreOrder) -> str:
        row = await self.ledger.read(queries.order_row, order.id)
        assert row is not None
        return str(row.phase)

    async def row(self, order: StoreOrder) -> Any:
        return await self.ledger.read(queries.order_row, order.id)

    async def shipments(self, order: StoreOrder) -> tuple[Shipment, ...]:
        return await self.ledger.read(shipments.of_order, order.id)

    async def states(self, order: StoreOrder) -> list[str]:
        return [shipment.state.value for shipment in await self.shipments(order)]

    async def standing(self, order: StoreOrder) -> list[Hold]:
        return [hold for hold in await self.ledger.read(holds.of_order, order.id) if hold.is_active]

    async def story(self, order: StoreOrder) -> list[str]:
        return [entry.action for entry in await self.ledger.read(queries.entries, order_id=order.id)]

    async def person_releases(self, hold: Hold, reason: str = "looked at it") -> None:
        await self.operations.orders.release_hold(hold.id, reason=reason, actor="ada")

    async def person_holds(self, order: StoreOrder, reason: str = "wait") -> None:
        await self.operations.orders.place_hold(order.id, reason=reason, actor="ada")

    def labels_sold(self, order: StoreOrder, live_only: bool = True) -> int:
        """What the carrier's own books say was sold for an order."""
        sold = [
            one
            for one in self.world.audit.to_json()["purchases"]
            if one["reference"].startswith(f"{order.id}/")
        ]
        return sum(1 for one in sold if not (live_only and one["voided"]))

    async def aclose(self) -> None:
        await self.world.aclose()
        await self.ledger.close()


def in_house(
    story: Callable[[App], Awaitable[None]], folder: Path, *, elsewhere: str = "", **how: Any
) -> None:
    """Tell a story in a new house, and close it. The sandbox's own checker has the last word; `elsewhere`
    is the number of a parcel whose label a person bought somewhere else.
    """
    unsold = f"EasyPost never sold {elsewhere!r}"

    async def tell() -> None:
        house = App(folder, **how)
        try:
            await story(house)
            assert [one for one in house.world.audit.problems() if not one.endswith(unsold)] == []
        finally:
            await house.aclose()

    asyncio.run(tell())
