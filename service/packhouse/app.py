"""The composition root: everything is built here once, from the settings, and handed on."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from packhouse import __version__, configuration
from packhouse.api.app_factory import build_api
from packhouse.api.asgi import ASGIApp
from packhouse.board import LedgerBoard
from packhouse.carriers.port import Carrier, CarrierContext
from packhouse.carriers.registry import build_carrier
from packhouse.clock import Clock
from packhouse.dispatcher import Dispatcher
from packhouse.duties import Duties
from packhouse.errors import FolderInUse, SettingsError
from packhouse.health import HouseHealth
from packhouse.ledger import leases
from packhouse.ledger.documents import DocumentShelf
from packhouse.ledger.engine import open_ledger
from packhouse.ledger.postgres import PostgresLedger
from packhouse.ledger.sqlite import SqliteLedger
from packhouse.model.order import Address
from packhouse.schedule import build_schedule
from packhouse.settings import Settings
from packhouse.sinks.folder import FolderSink
from packhouse.steps.desk import Desk
from packhouse.steps.intake import Intake
from packhouse.steps.resting import Resting
from packhouse.store.aio import AioStore
from packhouse.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class House:
    """Everything that runs: what __main__ starts, and stops in the opposite order."""

    surface: ASGIApp
    dispatcher: Dispatcher
    duties: Duties
    schedule: Any
    health: HouseHealth
    ledger: SqliteLedger | PostgresLedger
    store: AioStore
    carriers: dict[str, Carrier]

    async def aclose(self) -> None:
        """Let go of everything that was opened."""
        for carrier in self.carriers.values():
            await carrier.aclose()
        await self.store.aclose()
        await self.ledger.close()


async def build_house(settings: Settings, clock: Clock) -> House:
    """Build the daemon. Raises SettingsError, LedgerUnavailable or LedgerUnusable."""
    configuration.require_for_serving(settings)
    log = structlog.get_logger("packhouse")
    metrics = Metrics(CollectorRegistry(), __version__)
    carriers = build_carriers(settings, clock, metrics)
    outbox = settings.data_dir / "outbox"
    for folder in (settings.data_dir, settings.labels_dir, outbox):
        _make(folder)
    ledger = open_ledger(settings.ledger_url, connections=min(settings.worker.concurrency + 4, 20))
    # Of two wall clocks one is for the world outside, for signatures say, and one for what the ledger says.
    ours = ledger.clock(clock)
    before, after = ledger.migrated
    log.info("ledger_ready", version=after, migrated_from=before if before != after else None)
    if not ledger.shared:
        # Only one process can hold this ledger, and we are it: whoever held leases is gone.
        await ledger.write(leases.free_all, ours.now())
    await ledger.write(leases.stir, ours.now())
    shelf = DocumentShelf(settings.labels_dir)
    store = AioStore(
        settings.store.url,
        settings.store.api_key.get_secret_value(),
        timeout_s=settings.store.timeout_s,
        max_per_s=settings.store.max_per_s,
        clock=clock,
        observe=metrics.call,
    )
    desk = Desk(
        store=store,
        ledger=ledger,
        carriers=carriers,
        shelf=shelf,
        settings=settings,
        clock=ours,
        metrics=metrics,
        log=log,
        sinks=(FolderSink(outbox),),
        resting=Resting(settings.guard.rest_after, settings.guard.rest_s),
    )
    dispatcher = Dispatcher(desk)
    duties = Duties(desk, dispatcher.name, dispatcher.nudge)
    health = HouseHealth(ledger, dispatcher, duties, carriers[settings.carrier], ours, settings)
    surface = build_api(
        board=LedgerBoard(ledger, shelf, ours, settings, dispatcher.nudge),
        inbox=Intake(ledger, ours, settings, dispatcher.nudge),
        health_source=health,
        metrics=metrics,
        clock=clock,
        webhook=settings.webhook,
        operators=settings.operator,
        version=__version__,
        docs=settings.http.docs,
    )
    return House(
        surface, dispatcher, duties, build_schedule(duties, settings), health, ledger, store, carriers
    )


def build_carriers(settings: Settings, clock: Clock, metrics: Metrics) -> dict[str, Carrier]:
    """The adapter that sells, and every other with a section: labels they sold may still need them."""
    sender = settings.ship_from
    context = CarrierContext(
        clock=clock,
        timeout_s=settings.carrier_timeout_s,
        ship_from=Address(
            name=sender.name,
            company=sender.company,
            street1=sender.street1,
            street2=sender.street2,
            city=sender.city,
            state=sender.state,
            postcode=sender.zip,
            country=sender.country,
            phone=sender.phone,
        ),
        label_format=settings.label_format,
        observe=metrics.call,
    )
    names = dict.fromkeys((settings.carrier, *settings.carriers))
    return {name: build_carrier(name, settings.carriers.get(name, {}), context) for name in names}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"nothing can be kept in {folder.resolve()}: {error.strerror}. Give PACKHOUSE_DATA_DIR a folder that "
        "this user may write to, on a disk with free space."
    )


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for this process. Raises FolderInUse, or SettingsError if nobody can."""
    _make(data_dir)
    try:
        handle = os.open(data_dir / "packhouse.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(data_dir, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise FolderInUse(
            f"another Packhouse works in {data_dir.resolve()}: stop it first, or give this one its own "
            "PACKHOUSE_DATA_DIR. Many replicas need PACKHOUSE_LEDGER__URL=postgresql+psycopg://..."
        ) from error
    try:
        yield
    finally:
        os.close(handle)
