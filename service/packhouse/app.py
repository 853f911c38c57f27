"""The composition root: everything is built here once, from the settings, and passed on."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from packhouse import __version__, config
from packhouse.api.app import build_api
from packhouse.api.asgi import ASGIApp
from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import FolderInUse, SettingsError
from packhouse.ledger import leases
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
from packhouse.telemetry.metrics import Metrics
from packhouse.worker.dispatcher import Dispatcher
from packhouse.worker.intake import Intake
from packhouse.worker.periodic import PeriodicTasks, build_schedule
from packhouse.worker.readiness import Readiness


@dataclass(frozen=True, slots=True)
class App:
    """Everything that runs: __main__ starts it, and stops it in the opposite order."""

    asgi_app: ASGIApp
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
    log = structlog.get_logger("packhouse")
    metrics = Metrics(CollectorRegistry(), __version__)
    providers = build_providers(settings, clock, metrics)
    outbox = settings.data_dir / "outbox"
    for folder in (settings.data_dir, settings.labels_dir, outbox):
        _make_folder(folder)
    ledger = open_ledger(settings.ledger_url, connections=min(settings.worker.concurrency + 4, 20))
    # Due times follow the ledger's clock, which replicas share; signatures and limits follow this machine's.
    ledger_clock = ledger.clock(clock)
    before, after = ledger.migrated
    log.info("ledger_ready", version=after, migrated_from=before if before != after else None)
    if not ledger.shared:
        # Only one process can use this ledger, so every lease in it is of a process that has ended.
        await ledger.write(leases.release_all, ledger_clock.now())
    await ledger.write(leases.wake_unfinished, ledger_clock.now())
    documents = DocumentFolder(settings.labels_dir)
    store = AsyncStoreClient(
        settings.store.url,
        settings.store.api_key.get_secret_value(),
        timeout_s=settings.store.timeout_s,
        rate_limit_per_s=settings.store.rate_limit_per_s,
        clock=clock,
        observe=metrics.call,
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
        sinks=(FolderSink(outbox),),
        breaker=CircuitBreaker(settings.guard.breaker_threshold, settings.guard.breaker_cooldown_s),
    )
    dispatcher = Dispatcher(context)
    tasks = PeriodicTasks(context, dispatcher.worker_id, dispatcher.wake)
    breaker = context.breaker
    operations = Operations.build(
        ledger, documents, ledger_clock, settings, dispatcher.wake, lambda: breaker.states(ledger_clock)
    )
    accounts = {account: context.provider(account) for account in providers}
    readiness = Readiness(ledger, dispatcher, operations.queries.stopping, accounts, ledger_clock, settings)
    asgi_app = build_api(
        operations=operations,
        inbox=Intake(ledger, ledger_clock, settings, dispatcher.wake),
        health_source=readiness,
        metrics=metrics,
        clock=clock,
        webhook=settings.webhook,
        operators=settings.operator,
        version=__version__,
        docs=settings.http.docs,
    )
    return App(
        asgi_app, dispatcher, tasks, build_schedule(tasks, settings), readiness, ledger, store, providers
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


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error


def _cannot_write(folder: Path, error: OSError) -> SettingsError:
    if isinstance(error, FileExistsError | NotADirectoryError):
        place = next(place for place in (folder, *folder.parents) if place.exists())
        return SettingsError(
            f"Cannot write to {folder.resolve()}: {place.resolve()} is a file, not a folder. Move the file "
            "away, or set PACKHOUSE_DATA_DIR to another folder."
        )
    return SettingsError(
        f"Cannot write to {folder.resolve()}: {error.strerror}. Set PACKHOUSE_DATA_DIR to a folder that this "
        "user may write to, on a disk with free space."
    )


@contextlib.contextmanager
def lock_data_dir(data_dir: Path) -> Iterator[None]:
    """Lock the data folder for this process. Raises FolderInUse, or SettingsError if it cannot be written."""
    _make_folder(data_dir)
    try:
        handle = os.open(data_dir / "packhouse.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _cannot_write(data_dir, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise FolderInUse(
            f"Another Packhouse process is using {data_dir.resolve()}. Stop it, or set PACKHOUSE_DATA_DIR to "
            "another folder. Several replicas need PACKHOUSE_LEDGER__URL=postgresql+psycopg://..."
        ) from error
    try:
        yield
    finally:
        os.close(handle)
