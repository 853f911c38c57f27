"""The checks of `packhouse doctor` and `config check` with the daemon's settings. They change nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from packhouse import __version__
from packhouse.app import build_providers
from packhouse.clock import SystemClock
from packhouse.config import require_for_serving
from packhouse.config.settings import Settings
from packhouse.errors import PackhouseError
from packhouse.ledger.check import check_ledger
from packhouse.model.health import Check, Level
from packhouse.providers.deadline import BoundedProvider
from packhouse.telemetry.metrics import Metrics
from packhouse.worker.readiness import check_name


def run_checks(settings: Settings) -> Sequence[Check]:
    """Check the database, the disk and each provider account; nothing raises."""
    return [_database(settings), _disk(settings), *asyncio.run(_providers(settings))]


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
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free_mb = shutil.disk_usage(there).free // 1_000_000
    if free_mb < settings.min_free_disk_mb:
        return Check(
            "disk",
            Level.FAIL,
            f"{free_mb} MB free for {folder}, {settings.min_free_disk_mb} MB are required. Free space, or "
            "set PACKHOUSE_DATA_DIR to a larger disk.",
        )
    if not os.access(there, os.W_OK | os.X_OK):
        return Check("disk", Level.FAIL, f"Cannot write to {there}. Correct its owner or PACKHOUSE_DATA_DIR.")
    return Check("disk", Level.PASS, f"{free_mb} MB free for {folder}")


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
