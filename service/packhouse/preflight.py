"""What `packhouse doctor` and `config check` look at with the daemon's settings; nothing is changed."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from packhouse import __version__
from packhouse.api.health import Check, Level
from packhouse.app import build_providers
from packhouse.clock import SystemClock
from packhouse.config import require_for_serving
from packhouse.config.settings import Settings
from packhouse.errors import PackhouseError
from packhouse.ledger.check import check_ledger
from packhouse.telemetry.metrics import Metrics


def look(settings: Settings) -> Sequence[Check]:
    """The database, the disk and each provider, one check each; nothing raises."""
    return [_database(settings), _disk(settings), *asyncio.run(_carriers(settings))]


def require_startable(settings: Settings) -> None:
    """Raise SettingsError where `packhouse serve` would: no API key, no driver, or an unusable provider."""
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
            f"{free_mb} MB free for {folder}, {settings.min_free_disk_mb} MB are required. Make room, or set "
            "PACKHOUSE_DATA_DIR to a larger disk.",
        )
    if not os.access(there, os.W_OK | os.X_OK):
        return Check(
            "disk", Level.FAIL, f"{there} cannot be written. Correct its owner or PACKHOUSE_DATA_DIR."
        )
    return Check("disk", Level.PASS, f"{free_mb} MB free for {folder}")


async def _carriers(settings: Settings) -> list[Check]:
    try:
        providers = build_providers(settings, SystemClock(), Metrics(CollectorRegistry(), __version__))
    except PackhouseError as error:
        return [Check("provider", Level.FAIL, str(error))]
    found = []
    for name, provider in providers.items():
        label = "provider" if name == settings.provider else f"provider {name}"
        try:
            await provider.check()
            found.append(Check(label, Level.PASS, f"{name} answers"))
        except PackhouseError as error:
            found.append(Check(label, Level.FAIL, str(error)))
        finally:
            await provider.aclose()
    return found
