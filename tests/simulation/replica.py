"""One replica of the daemon: what app.py builds, on a life's own clock, ledger door and transports."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from structlog.typing import FilteringBoundLogger

from packhouse.api.webhooks import WebhookEndpoint
from packhouse.config.settings import Settings
from packhouse.errors import LedgerUnavailable
from packhouse.ledger import leases
from packhouse.model.label import LabelFormat
from packhouse.model.order import Address
from packhouse.operations import Operations
from packhouse.providers.port import ProviderContext, Safety
from packhouse.sandbox.sandbox import STORE_KEY, WEBHOOK_SECRET
from packhouse.sandbox.transport import SandboxTransport
from packhouse.steps.circuit_breaker import CircuitBreaker
from packhouse.steps.context import Context
from packhouse.store.async_client import AsyncStoreClient
from packhouse.telemetry.metrics import Metrics
from packhouse.worker.dispatcher import Dispatcher
from packhouse.worker.intake import Intake
from packhouse.worker.periodic import PeriodicTasks
from tests.simulation.carriers import carrier_of
from tests.simulation.effects import LifeTransport, SimClock
from tests.simulation.ledger import Database, LedgerFaults, SimLedger, SimShelf
from tests.simulation.loop import Dead, Life
from tests.simulation.trace import Trace
from tests.simulation.witness import Witness
from tests.simulation.world import SimWorld

SENDER = Address(
    name="Shop", street1="1 Pier", city="San Francisco", state="CA", postcode="94110", country="US"
)
_ANSWER_WITHIN_S = 10.0
_AGAIN_S = 2.0
# A clock may jump: nobody sleeps for ever.
_IDLE_S = 60.0
# How often a duty is run when the trouble is over.
_QUIET_S = 300.0


@dataclass(slots=True)
class Ground:
    """What all replicas stand on."""

    world: SimWorld
    database: Database
    faults: LedgerFaults
    trace: Trace
    witness: Witness
    settings: Settings
    metrics: Metrics
    safety: Safety
    shared: bool
    chance: random.Random
    tick_s: float
    quiet: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)


class Replica:
    """One of several; `start` begins a new life of it. `skew` is how wrong its wall clock is, in seconds."""

    def __init__(self, ground: Ground, number: int) -> None:
        self._ground = ground
        self._number = number
        self._births = 0
        self.skew = [0.0]
        self.life: Life | None = None
        self._lives: list[Life] = []
        self.dispatcher: PatientDispatcher | None = None
        self.operations: Operations | None = None
        self._hook: WebhookEndpoint | None = None

    @property
    def name(self) -> str:
        """Which of them, over all its lives."""
        return f"r{self._number}"

    @property
    def is_up(self) -> bool:
        """Whether it runs, and runs on."""
        return self.life is not None and not self.life.dead and not self.life.frozen

    @property
    def all_tasks(self) -> list[asyncio.Task[Any]]:
        """What was begun in any of its lives."""
        return [task for life in self._lives for task in life.tasks]

    def start(self) -> None:
        """Begin a new life, knowing nothing but what the database says."""
        if self.life is not None and not self.life.dead:
            return
        ground = self._ground
        self._births += 1
        self.life = life = Life(f"r{self._number}.{self._births}")
        self._lives.append(life)
        ground.trace.add(life.name, "starts")
        self._always(life, self._run(life))

    def _always(self, life: Life, job: Coroutine[Any, Any, None]) -> None:
        """Begin what must never end by an error of its own."""

        def ended(task: asyncio.Task[Any]) -> None:
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, Dead):
                self._ground.surprises.append(f"{life.name}: ended by {error!r}")

        life.begin(job).add_done_callback(ended)

    def crash(self) -> None:
        """Die at once."""
        if self.life is not None and not self.life.dead:
            self._ground.trace.add(self.life.name, "dies")
            self.life.end()

    async def _run(self, life: Life) -> None:
        """As under a supervisor: a process that cannot start is started again."""
        try:
            await self._serve(life)
        except LedgerUnavailable:
            self._ground.trace.add(life.name, "could not start")
            await asyncio.sleep(_AGAIN_S)
            if not life.dead:
                self._always(life, self._run(life))

    async def _serve(self, life: Life) -> None:
        ground, settings = self._ground, self._ground.settings
        clock = SimClock(life, self.skew, ground.chance.uniform(0, 1e6))
        ledger = SimLedger(ground.database, life, ground.shared, ground.faults, ground.trace)
        ours = ledger.clock(clock)
        world = SandboxTransport(ground.world)
        keyed = ground.safety is Safety.KEYED
        way = LifeTransport(world, life, ground.trace, ground.witness, ground.chance, dally=keyed)
        context = ProviderContext(
            clock, settings.provider_timeout_s, SENDER, LabelFormat.ZPL, ground.metrics.call
        )
        carrier = carrier_of(ground.safety, context, way)
        documents = SimShelf(ground.files, life, ground.faults)
        store = AsyncStoreClient(
            "http://sandbox.invalid/api/storefront/v1",
            STORE_KEY,
            timeout_s=settings.store.timeout_s,
            rate_limit_per_s=settings.store.rate_limit_per_s,
            clock=clock,
            observe=ground.metrics.call,
            transport=way,
        )
        context = Context(
            store=store,
            ledger=ledger,
            providers={carrier.account: carrier},
            documents=documents,
            settings=settings,
            clock=ours,
            metrics=ground.metrics,
            log=cast(FilteringBoundLogger, _Log(life, ground.surprises)),
            breaker=CircuitBreaker(settings.guard.breaker_threshold, settings.guard.breaker_cooldown_s),
        )
        if not ledger.shared:
            await ledger.write(leases.release_all, ours.now())
        await ledger.write(leases.wake_unfinished, ours.now())
        self.dispatcher = dispatcher = PatientDispatcher(context, ground)
        dispatcher.worker_id = life.name
        tasks = PeriodicTasks(context, dispatcher.worker_id, dispatcher.wake)
        self.operations = Operations.build(ledger, documents, ours, settings, dispatcher.wake)
        self._hook = WebhookEndpoint(
            secrets=[WEBHOOK_SECRET.encode()],
            tolerance_s=settings.webhook.tolerance_s,
            inbox=Intake(ledger, ours, settings, dispatcher.wake),
            metrics=ground.metrics,
            clock=clock,
        )
        self._always(life, _now_and_then(tasks.poll, settings.poll.interval_s, life, ground))
        self._always(life, _now_and_then(tasks.wake_stalled, 60.0, life, ground))
        await dispatcher.run()

    async def take_delivery(self, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        """A webhook arrives at its door. Raises OSError when nobody answers."""
        life, hook = self.life, self._hook
        if life is None or life.dead or hook is None:
            raise ConnectionRefusedError("nobody listens")
        scope = {"method": "POST", "headers": [(n.encode(), v.encode()) for n, v in headers]}
        answer: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                life.check()
                answer.append(message["status"])

        await self.inside(hook(scope, receive, send), _ANSWER_WITHIN_S)
        if not answer:
            raise ConnectionResetError("it died before it answered")
        return answer[0]

    async def inside(self, job: Coroutine[Any, Any, Any], within_s: float) -> Any:
        """Do it in this process, from outside. Raises TimeoutError, or ConnectionResetError if it dies."""
        assert self.life is not None
        task = self.life.begin(job)
        await asyncio.wait({task}, timeout=within_s)
        if not task.done():
            raise TimeoutError("no answer in time")
        if task.cancelled() or isinstance(task.exception(), Dead):
            raise ConnectionResetError("it died")
        return task.result()


class PatientDispatcher(Dispatcher):
    """The real one, which sleeps through the ticks at which it would find nothing due."""

    def __init__(self, context: Context, ground: Ground) -> None:
        super().__init__(context)
        self._ground = ground

    def _tick_s(self) -> float:
        return self._ground.tick_s * self._ground.chance.random()

    async def _wait_for_tick(self) -> None:
        due, now = self._ground.database.next_due, self._context.clock.now()
        idle_s = _IDLE_S if due is None else min(max(due - now, 0.0), _IDLE_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake_up.wait(), idle_s + self._tick_s())

    def something_is_due(self) -> None:
        """Somebody made something due: the next tick finds it."""
        asyncio.get_running_loop().call_later(self._tick_s(), self.wake)


async def _now_and_then(
    duty: Callable[[], Coroutine[Any, Any, Any]], every_s: float, life: Life, ground: Ground
) -> None:
    """What the scheduler does with a duty; less often when nothing happens any more."""
    chance = ground.chance
    await asyncio.sleep(every_s * chance.random() * 0.2)
    while True:
        life.check()
        try:
            await duty()
        except LedgerUnavailable:
            # As the scheduler: a duty that fails is run again next time.
            await asyncio.sleep(0)
        await asyncio.sleep(
            (max(every_s, _QUIET_S) if ground.quiet else every_s) * (0.9 + 0.2 * chance.random())
        )


class _Log:
    """Says nothing, but keeps what a program must never say: that something failed that nobody foresaw."""

    def __init__(self, life: Life, surprises: list[str], bound: str = "") -> None:
        self._life = life
        self._surprises = surprises
        self._bound = bound

    def bind(self, **facts: Any) -> _Log:
        return _Log(self._life, self._surprises, f"{facts}")

    def exception(self, event: str, **facts: Any) -> None:
        if not self._life.dead:
            self._surprises.append(f"{self._life.name}: {event} {self._bound}{facts}: {sys.exception()!r}")

    def error(self, event: str, **facts: Any) -> None:
        if event == "adapter_failed" and not self._life.dead:
            self._surprises.append(f"{self._life.name}: {event} {facts}")

    def info(self, *_: Any, **__: Any) -> None: ...

    def warning(self, *_: Any, **__: Any) -> None: ...

    def debug(self, *_: Any, **__: Any) -> None: ...
