"""The composition root: everything is built here once, from the settings, and passed on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from packhouse import __version__, config, data_folder
from packhouse.api.app import build_api
from packhouse.api.asgi import ASGIApp
from packhouse.api.protocol import ConnectionPolicy
from packhouse.api.server import build_policy
from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.ledger import crashes, leases
from packhouse.ledger.documents import DocumentFolder
from packhouse.ledger.engine import open_ledger
from packhouse.ledger.postgres import PostgresLedger
from packhouse.ledger.sqlite import SqliteLedger
from packhouse.operations import Operations
from packhouse.providers.port import Provider, ProviderContext
from packhouse.providers.registry import build_provider
from packhouse.sinks.folder import FolderSink
from packhouse.steps.circuit_breaker import CircuitBreaker
from packhouse.steps.context import Context
from packhouse.store.async_client import AsyncStoreClient
from packhouse.store.limiter import RateLimiter
from packhouse.store.rate_file import FOLDER, open_rate
from packhouse.telemetry.metrics import Metrics
from packhouse.worker.dispatcher import Dispatcher, report_crashes
from packhouse.worker.intake import Intake
from packhouse.worker.periodic import PeriodicTasks, build_schedule
from packhouse.worker.readiness import Readiness
from packhouse.worker.reconciliation import RECONCILE_EVERY_S, Reconciliation


@dataclass(frozen=True, slots=True)
class App:
    """Everything that runs: __main__ starts it, and stops it in the opposite order."""

    asgi_app: ASGIApp
    connections: ConnectionPolicy
    dispatcher: Dispatcher
    tasks: PeriodicTasks
    schedule: Any
    readiness: Readiness
    ledger: SqliteLedger | PostgresLedger
    store: AsyncStoreClient
    providers: dict[str, Provider]

    async def aclose(self) -> None:
        """Close everything that was opened."""
        for provider in self.providers.values():
            await provider.aclose()
        await self.store.aclose()
        await self.ledger.close()


async def build_app(settings: Settings, clock: Clock) -> App:
    """Build the daemon. Raises SettingsError, LedgerUnavailable or LedgerUnusable."""
    config.require_for_serving(settings)
    log = structlog.get_logger("packhouse").bind()  # unbound, each line would make one
    metrics = Metrics(CollectorRegistry(), __version__, accounts=settings.accounts())
    providers = build_providers(settings, clock, metrics)
    for problem in data_folder.prepare(settings):
        log.warning("readable_by_others", problem=problem)
    ledger = open_ledger(settings.ledger_url, connections=min(settings.worker.concurrency + 4, 20))
    # Due times follow the ledger's clock, which replicas share; signatures and limits follow this machine's.
    ledger_clock = ledger.clock(clock)
    before, after = ledger.migrated
    log.info("ledger_ready", version=after, migrated_from=before if before != after else None)
    if not ledger.shared:
        # Only one process can use this ledger, so every lease in it is of a process that has ended.
        ended = await ledger.write(crashes.end_all, ledger_clock.now(), settings.retry)
        report_crashes(log, ended)
    await ledger.write(leases.wake_unfinished, ledger_clock.now())
    documents = DocumentFolder(settings.labels_dir)
    limiter = build_limiter(settings, clock, log)
    metrics.watch_store_limit(limiter.limit)
    store = AsyncStoreClient(
        settings.store.url,
        settings.store.api_key.get_secret_value(),
        timeout_s=settings.store.timeout_s,
        clock=clock,
        observe=metrics.call,
        limiter=limiter,
    )
    context = Context(
        store=store,
        ledger=ledger,
        providers=providers,
        documents=documents,
        settings=settings,
        clock=ledger_clock,
        metrics=metrics,
        log=log,
        sinks=(FolderSink(data_folder.outbox_of(settings), shared=settings.share_outbox),),
        breaker=CircuitBreaker(settings.guard.breaker_threshold, settings.guard.breaker_cooldown_s),
    )
    dispatcher = Dispatcher(context)
    tasks = PeriodicTasks(context, dispatcher.worker_id, dispatcher.wake)
    reconciliation = Reconciliation(context, tasks.poll, dispatcher.wake)
    await reconciliation.start()
    schedule = build_schedule(tasks, settings)
    schedule.add_job(reconciliation.tick, "interval", seconds=RECONCILE_EVERY_S, id="reconcile")
    breaker = context.breaker
    operations = Operations.build(
        ledger,
        documents,
        ledger_clock,
        settings,
        dispatcher.wake,
        lambda: breaker.states(ledger_clock),
        [one.account for one in context.sellers if one.lists_purchases],
        limiter.limit,
    )
    accounts = {account: context.provider(account) for account in providers}
    readiness = Readiness(ledger, dispatcher, operations.queries.stopping, accounts, ledger_clock, settings)
    connections = build_policy(settings.http, metrics, clock)
    asgi_app = build_api(
        operations=operations,
        inbox=Intake(ledger, ledger_clock, settings, dispatcher.wake),
        health_source=readiness,
        metrics=metrics,
        clock=clock,
        webhook=settings.webhook,
        operators=settings.operator,
        version=__version__,
        http=settings.http,
    )
    return App(asgi_app, connections, dispatcher, tasks, schedule, readiness, ledger, store, providers)


def build_limiter(
    settings: Settings, clock: Clock, log: structlog.typing.FilteringBoundLogger
) -> RateLimiter:
    """The turns of calls to the store, at a rate that this machine's commands share by the data folder."""
    store = settings.store
    rate = open_rate(str(settings.data_dir / FOLDER), store.url, store.api_key.get_secret_value())
    if not rate.is_shared:
        log.warning("store_limit_not_shared", folder=str(settings.data_dir / FOLDER))
    return RateLimiter(
        clock,
        ceiling_per_s=store.rate_limit_per_s,
        rate=rate,
        found=lambda calls_per_s: log.info("store_limit_found", calls_per_s=round(calls_per_s, 2)),
    )


def build_providers(settings: Settings, clock: Clock, metrics: Metrics) -> dict[str, Provider]:
    """The accounts that sell, and every other with a section: labels that they sold may still need them.

    Raises SettingsError.
    """
    context = ProviderContext(
        clock=clock,
        timeout_s=settings.provider_timeout_s,
        ship_from=settings.ship_from.address,
        label_format=settings.label_format,
        observe=metrics.call,
        link_hosts=settings.provider_link_hosts,
    )
    return {
        account: build_provider(kind, options, replace(context, account=account))
        for account, (kind, options) in settings.accounts().items()
    }
