"""The checks of `packhouse doctor` and `config check` with the daemon's settings. They change nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace

from prometheus_client import CollectorRegistry

from packhouse import __version__
from packhouse.app import build_providers
from packhouse.clock import SystemClock
from packhouse.config import require_for_serving
from packhouse.config.settings import Settings
from packhouse.errors import PackhouseError
from packhouse.ledger.check import check_ledger
from packhouse.model.health import Check, Level
from packhouse.model.line_units import end_of
from packhouse.model.order import Line, Order, Units
from packhouse.model.parcel import Parcel
from packhouse.providers.deadline import BoundedProvider
from packhouse.providers.port import Provider, PurchaseRequest
from packhouse.rules.customs import Incomplete
from packhouse.rules.setup import sender_problems, setup_checks
from packhouse.steps.customs import declare_unpacked
from packhouse.telemetry.metrics import Metrics
from packhouse.worker.readiness import check_name


def run_checks(settings: Settings) -> Sequence[Check]:
    """Check the settings, the database, the disk and each provider account; nothing raises."""
    disk = _disk(settings)
    # A ledger in a folder that cannot be used is no healthy one, even if it does not exist yet.
    is_in_folder = not settings.ledger.url and not settings.data_dir.is_dir()
    database = [] if disk.level is Level.FAIL and is_in_folder else [_database(settings)]
    return [*setup_checks(settings), *database, disk, *asyncio.run(_providers(settings))]


def run_config_checks(settings: Settings) -> Sequence[Check]:
    """The checks that need no connection: the settings and the data folder."""
    return [*setup_checks(settings), _disk(settings)]


def run_rate_checks(settings: Settings) -> Sequence[Check]:
    """Ask each account that sells for the rates of one small parcel. It is free, and nothing is bought."""
    if problems := sender_problems(settings):
        return [Check("rates", Level.FAIL, f"not asked: [ship_from] is incomplete: {'; '.join(problems)}.")]
    return asyncio.run(_rates(settings))


def run_export_checks(settings: Settings, orders: Sequence[Order]) -> Sequence[Check]:
    """Whether these orders, as the store lists them, would be held for their customs declarations."""
    declared = [
        (order.id, declare_unpacked(order, settings))
        for order in orders
        if order.address and not end_of(order) and any(not line.is_digital for line in order.lines)
    ]
    abroad = [(order_id, customs) for order_id, customs in declared if customs is not None]
    if not abroad:
        return []
    held = [(order_id, customs) for order_id, customs in abroad if isinstance(customs, Incomplete)]
    many = f"{len(abroad)} of the last {len(orders)} orders cross a customs border"
    if held:
        (order_id, customs), some = held[0], "all" if len(held) == len(abroad) else str(len(held))
        which = f"{some} of them would be held, such as {order_id}" if len(abroad) > 1 else "it would be held"
        if len(abroad) == 1:
            many = f"1 of the last {len(orders)} orders, {order_id}, crosses a customs border"
        level = Level.FAIL if len(held) == len(abroad) else Level.WARN
        return [Check("exports", level, f"{many}, and {which}: {customs}."), *_export_phone(settings, many)]
    complete = Check("exports", Level.PASS, f"{many}, such as {abroad[0][0]}; what customs ask for is known.")
    return _export_phone(settings, many) or [complete]


def _export_phone(settings: Settings, many: str) -> list[Check]:
    if settings.ship_from.phone:
        return []
    reason = f"{many}, and some carriers refuse exports without the sender's phone. Set ship_from.phone."
    return [Check("exports", Level.WARN, reason)]


def require_startable(settings: Settings) -> None:
    """Raise the SettingsError of `packhouse serve`: no API key, no driver, or an unusable account."""
    require_for_serving(settings)
    asyncio.run(_build_and_close(settings))


async def _build_and_close(settings: Settings) -> None:
    for provider in build_providers(
        settings, SystemClock(), Metrics(CollectorRegistry(), __version__)
    ).values():
        await provider.aclose()


def _database(settings: Settings) -> Check:
    try:
        return Check("database", Level.PASS, check_ledger(settings.ledger_url))
    except PackhouseError as error:
        return Check("database", Level.FAIL, str(error))


def _disk(settings: Settings) -> Check:
    folder = settings.data_dir.absolute()
    there = next(place for place in (folder, *folder.parents) if place.exists() or place.is_symlink())
    if not there.is_dir():
        return Check(
            "disk",
            Level.FAIL,
            f"{there} is not a folder, so the data folder {folder} cannot be used. Move it away, or set "
            "PACKHOUSE_DATA_DIR to another folder.",
        )
    if not os.access(there, os.W_OK | os.X_OK):
        owner = f"its owner is user {there.stat().st_uid}, this process runs as user {os.geteuid()}"
        return Check(
            "disk",
            Level.FAIL,
            f"Cannot write to {there}: {owner}. Correct its owner or PACKHOUSE_DATA_DIR.",
        )
    free_mb = shutil.disk_usage(there).free // 1_000_000
    if free_mb < settings.min_free_disk_mb:
        return Check(
            "disk",
            Level.FAIL,
            f"{free_mb} MB free for {folder}, {settings.min_free_disk_mb} MB are required. Free space, or "
            "set PACKHOUSE_DATA_DIR to a larger disk.",
        )
    new = "" if there == folder else ", which the first start creates"
    return Check("disk", Level.PASS, f"{free_mb} MB free for {folder}{new}")


async def _providers(settings: Settings) -> list[Check]:
    try:
        providers = build_providers(settings, SystemClock(), Metrics(CollectorRegistry(), __version__))
    except PackhouseError as error:
        return [Check("provider", Level.FAIL, str(error))]
    checks = []
    for account, provider in providers.items():
        name = check_name(account, providers)
        try:
            await BoundedProvider(provider, settings.provider_timeout_s).check()
            checks.append(Check(name, Level.PASS, f"{account} answers"))
        except PackhouseError as error:
            checks.append(Check(name, Level.FAIL, str(error)))
        finally:
            await provider.aclose()
    return checks


async def _rates(settings: Settings) -> list[Check]:
    try:
        providers = build_providers(settings, SystemClock(), Metrics(CollectorRegistry(), __version__))
    except PackhouseError as error:
        return [Check("rates", Level.FAIL, str(error))]
    try:
        return [await _rate(settings, account, providers[account]) for account in settings.provider]
    finally:
        for provider in providers.values():
            await provider.aclose()


async def _rate(settings: Settings, account: str, provider: Provider) -> Check:
    name = f"rates {account}"
    try:
        prepared = await provider.prepare(_test_request(settings))
    except Exception as error:  # noqa: BLE001 - an adapter of someone else may raise anything
        return Check(name, Level.FAIL, f"no rate: {error}")
    if not prepared.rates:
        return Check(name, Level.FAIL, " ".join(["no rate for a test parcel.", *prepared.messages]))
    cheapest = min(
        prepared.rates, key=lambda rate: (rate.price is None, (rate.price and rate.price.minor) or 0)
    )
    price = (
        f"for {cheapest.price}" if cheapest.price is not None else "(its price is known only with the label)"
    )
    many = f", the cheapest of {len(prepared.rates)} rates" if len(prepared.rates) > 1 else ""
    return Check(name, Level.PASS, f"{cheapest.carrier} {cheapest.service} {price}{many}; nothing was bought")


def _test_request(settings: Settings) -> PurchaseRequest:
    """One small parcel from the sender back to the sender."""
    parcel, sender = settings.parcel, settings.ship_from.address
    to = replace(sender, name=sender.name or sender.company)
    line = Line(id="test", name="Test of rates", quantity=1, unit_price_minor=1000)
    order = Order(id="packhouse-doctor", currency=settings.guard.currency, lines=(line,), address=to)
    size = Parcel(
        weight_g=(parcel.weight_g or 500) + parcel.tare_g,
        length_mm=parcel.length_mm,
        width_mm=parcel.width_mm,
        height_mm=parcel.height_mm,
    )
    # A reference of its own each time: a provider may remember the answer to an earlier one.
    reference = f"packhouse-doctor/{int(time.time())}"
    return PurchaseRequest(reference, order, (Units("test", 1),), to, size)
