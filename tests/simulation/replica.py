"""One replica of the daemon: what app.py builds, on the clock, ledger and transports of a process."""

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
from packhouse.ledger import crashes, leases
from packhouse.model.label import LabelFormat
from packhouse.model.order import Address
from packhouse.operations import Operations
from packhouse.providers.port import Provider, ProviderContext, Safety
from packhouse.sandbox.sandbox import STORE_KEY, WEBHOOK_SECRET
from packhouse.sandbox.transport import SandboxTransport
from packhouse.steps.context import Context
from packhouse.store.async_client import AsyncStoreClient
from packhouse.store.limiter import RateLimiter
from packhouse.telemetry.metrics import Metrics
from packhouse.worker.dispatcher import Dispatcher
from packhouse.worker.intake import Intake
from packhouse.worker.periodic import PeriodicTasks
from packhouse.worker.reconciliation import RECONCILE_EVERY_S
from packhouse.worker.tracking import run_every_s
from tests.simulation.event_loop import Process, ProcessKilled
from tests.simulation.ledger import Database, LedgerFaults, SimDocuments, SimLedger
from tests.simulation.moods import MoodyAccounts, MoodyProvider, WatchedBreaker
from tests.simulation.process_io import ProcessTransport, SimClock
from tests.simulation.providers import build_providers
from tests.simulation.restores import Restores
from tests.simulation.sandbox import SimSandbox
from tests.simulation.spend_check import SpendCheck
from tests.simulation.trace import Trace

SENDER = Address(
    name="Shop", street1="1 Pier", city="San Francisco", state="CA", postcode="94110", country="US"
)
_WEBHOOK_TIMEOUT_S = 10.0
_RESTART_S = 2.0
# A clock may jump: a worker never sleeps longer.
_IDLE_S = 60.0
# How often a periodic task runs after the faults have ended.
_CALM_S = 300.0


@dataclass(slots=True)
class Environment:
    """What all replicas share."""

    sandbox: SimSandbox
    database: Database
    faults: LedgerFaults
    trace: Trace
    spend_check: SpendCheck
    settings: Settings
    metrics: Metrics
    safety: Safety
    shared: bool
    chance: random.Random
    tick_s: float
    moody: MoodyAccounts
    restores: Restores | None = None
    calm: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)


class Replica:
    """One of several; `start` starts a new process. `skew` is the error of its wall clock in seconds."""

    def __init__(self, environment: Environment, number: int) -> None:
        self._environment = environment
        self._number = number
        self._starts = 0
        self.skew = [0.0]
        self.process: Process | None = None
        self._processes: list[Process] = []
        self.dispatcher: SimDispatcher | None = None
        self.operations: Operations | None = None
        self._webhooks: WebhookEndpoint | None = None

    @property
    def name(self) -> str:
        """The name of the replica, for all its processes."""
        return f"r{self._number}"

    @property
    def is_up(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and not self.process.dead and not self.process.frozen

    @property
    def all_tasks(self) -> list[asyncio.Task[Any]]:
        """The tasks of all its processes."""
        return [task for process in self._processes for task in process.tasks]

    def start(self) -> None:
        """Start a new process, which knows only the database."""
        if self.process is not None and not self.process.dead:
            return
        environment = self._environment
        if environment.restores and environment.restores.is_down:
            return
        self._starts += 1
        self.process = process = Process(f"r{self._number}.{self._starts}")
        self._processes.append(process)
        environment.trace.add(process.name, "starts")
        self._supervise(process, self._run(process))

    def _supervise(self, process: Process, job: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine that must not end with an error."""

        def ended(task: asyncio.Task[Any]) -> None:
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, ProcessKilled):
                self._environment.unexpected.append(f"{process.name}: ended with {error!r}")

        process.begin(job).add_done_callback(ended)

    def crash(self) -> None:
        """Kill the process."""
        if self.process is not None and not self.process.dead:
            self._environment.trace.add(self.process.name, "is killed")
            self.process.end()

    async def _run(self, process: Process) -> None:
        """As under a supervisor: restart a process that cannot start."""
        try:
            await self._serve(process)
        except LedgerUnavailable:
            self._environment.trace.add(process.name, "could not start")
            await asyncio.sleep(_RESTART_S)
            if not process.dead:
                self._supervise(process, self._run(process))

    async def _serve(self, process: Process) -> None:
        environment, settings = self._environment, self._environment.settings
        clock = SimClock(process, self.skew, environment.chance.uniform(0, 1e6))
        ledger = SimLedger(
            environment.database, process, environment.shared, environment.faults, environment.trace
        )
        database_clock = ledger.clock(clock)
        sandbox = SandboxTransport(environment.sandbox)
        keyed = environment.safety is Safety.KEYED
        transport = ProcessTransport(
            sandbox, process, environment.trace, environment.spend_check, environment.chance, delay=keyed
        )
        context = ProviderContext(
            clock, settings.provider_timeout_s, SENDER, LabelFormat.ZPL, environment.metrics.call
        )
        real = build_providers(environment.safety, settings.provider, context, transport)
        providers: dict[str, Provider] = {
            account: MoodyProvider(one, number, environment.moody)
            for number, (account, one) in enumerate(real.items())
        }
        if environment.restores:
            providers = {
                name: environment.restores.listing(one, real[name]) for name, one in providers.items()
            }
        documents = SimDocuments(environment.files, process, environment.faults)
        store = AsyncStoreClient(
            "http://sandbox.invalid/api/storefront/v1",
            STORE_KEY,
            timeout_s=settings.store.timeout_s,
            clock=clock,
            observe=environment.metrics.call,
            limiter=RateLimiter(clock, ceiling_per_s=settings.store.rate_limit_per_s),
            transport=transport,
        )
        context = Context(
            store=store,
            ledger=ledger,
            providers=providers,
            documents=documents,
            settings=settings,
            clock=database_clock,
            metrics=environment.metrics,
            log=cast(FilteringBoundLogger, _Log(process, environment.unexpected)),
            breaker=WatchedBreaker(
                settings.guard.breaker_threshold,
                settings.guard.breaker_cooldown_s,
                problems=environment.moody.problems,
            ),
        )
        if not ledger.shared:
            await ledger.write(crashes.end_all, database_clock.now(), settings.retry)
        await ledger.write(leases.wake_unfinished, database_clock.now())
        self.dispatcher = dispatcher = SimDispatcher(context, environment)
        dispatcher.worker_id = process.name
        tasks = PeriodicTasks(context, dispatcher.worker_id, dispatcher.wake)
        self.operations = Operations.build(ledger, documents, database_clock, settings, dispatcher.wake)
        if environment.restores:
            reconciliation = environment.restores.reconciliation(context, tasks.poll, dispatcher.wake)
            await reconciliation.start()
            self._supervise(
                process, _run_periodically(reconciliation.tick, RECONCILE_EVERY_S, process, environment)
            )
        self._webhooks = WebhookEndpoint(
            secrets=[WEBHOOK_SECRET.encode()],
            tolerance_s=settings.webhook.tolerance_s,
            inbox=Intake(ledger, database_clock, settings, dispatcher.wake),
            metrics=environment.metrics,
            clock=clock,
        )
        self._supervise(
            process, _run_periodically(tasks.poll, settings.poll.interval_s, process, environment)
        )
        self._supervise(process, _run_periodically(tasks.wake_stalled, 60.0, process, environment))
        if every_s := settings.poll.track_interval_s:
            run = _run_periodically(tasks.track, run_every_s(every_s), process, environment)
            self._supervise(process, run)
        await dispatcher.run()

    async def deliver_webhook(self, headers: Sequence[tuple[str, str]], body: bytes) -> int:
        """Deliver a webhook. Raises OSError when the process does not respond."""
        process, webhooks = self.process, self._webhooks
        if process is None or process.dead or webhooks is None:
            raise ConnectionRefusedError("the process does not listen")
        scope = {"method": "POST", "headers": [(n.encode(), v.encode()) for n, v in headers]}
        answer: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                process.check()
                answer.append(message["status"])

        await self.run_inside(webhooks(scope, receive, send), _WEBHOOK_TIMEOUT_S)
        if not answer:
            raise ConnectionResetError("the process died before it responded")
        return answer[0]

    async def run_inside(self, job: Coroutine[Any, Any, Any], within_s: float) -> Any:
        """Run a coroutine in this process. Raises TimeoutError, or ConnectionResetError at its death."""
        assert self.process is not None
        task = self.process.begin(job)
        await asyncio.wait({task}, timeout=within_s)
        if not task.done():
            raise TimeoutError("no response in time")
        if task.cancelled() or isinstance(task.exception(), ProcessKilled):
            raise ConnectionResetError("the process died")
        return task.result()


class SimDispatcher(Dispatcher):
    """The real dispatcher, which skips the ticks at which no order is due."""

    def __init__(self, context: Context, environment: Environment) -> None:
        super().__init__(context)
        self._environment = environment

    def _tick_s(self) -> float:
        return self._environment.tick_s * self._environment.chance.random()

    async def _wait_for_tick(self) -> None:
        due, now = self._environment.database.next_due, self._context.clock.now()
        idle_s = _IDLE_S if due is None else min(max(due - now, 0.0), _IDLE_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake_up.wait(), idle_s + self._tick_s())

    def wake_at_next_tick(self) -> None:
        """An order became due: wake at the next tick."""
        asyncio.get_running_loop().call_later(self._tick_s(), self.wake)


async def _run_periodically(
    task: Callable[[], Coroutine[Any, Any, Any]], every_s: float, process: Process, environment: Environment
) -> None:
    """Run a periodic task as the daemon does; less often after the faults have ended."""
    chance = environment.chance
    await asyncio.sleep(every_s * chance.random() * 0.2)
    while True:
        process.check()
        try:
            await task()
        except LedgerUnavailable:
            # As in the daemon: a task that fails runs again at its next time.
            await asyncio.sleep(0)
        await asyncio.sleep(
            (max(every_s, _CALM_S) if environment.calm else every_s) * (0.9 + 0.2 * chance.random())
        )


class _Log:
    """Drops the log, but keeps unexpected errors."""

    def __init__(self, process: Process, unexpected: list[str], bound: str = "") -> None:
        self._process = process
        self._unexpected = unexpected
        self._bound = bound

    def bind(self, **facts: Any) -> _Log:
        return _Log(self._process, self._unexpected, f"{facts}")

    def exception(self, event: str, **facts: Any) -> None:
        if not self._process.dead:
            self._unexpected.append(
                f"{self._process.name}: {event} {self._bound}{facts}: {sys.exception()!r}"
            )

    def error(self, event: str, **facts: Any) -> None:
        if event == "adapter_failed" and not self._process.dead:
            self._unexpected.append(f"{self._process.name}: {event} {facts}")

    def info(self, *_: Any, **__: Any) -> None: ...

    def warning(self, *_: Any, **__: Any) -> None: ...

    def debug(self, *_: Any, **__: Any) -> None: ...
