"""What `packhouse doctor` and `config check` look at with the daemon's settings; nothing is changed."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from packhouse import __version__
from packhouse.api.health import Check, Level
from packhouse.app import build_carriers
from packhouse.clock import SystemClock
from packhouse.configuration import require_for_serving
from packhouse.errors import PackhouseError
from packhouse.ledger.inspection import inspect
from packhouse.settings import Settings
from packhouse.telemetry.metrics import Metrics


def look(settings: Settings) -> Sequence[Check]:
    """The database, the disk and each carrier, one check each; nothing raises."""
    return [_database(settings), _disk(settings), *asyncio.run(_carriers(settings))]


def require_startable(settings: Settings) -> None:
    """Raise SettingsError where `packhouse serve` would: no API key, or a carrier that is not to be had."""
    require_for_serving(settings)
    asyncio.run(_build_and_close(settings))


async def _build_and_close(settings: Settings) -> None:
    for carrier in build_carriers(
        settings, SystemClock(), Metrics(CollectorRegistry(), __version__)
    ).values():
        await carrier.aclose()


def _database(settings: Settings) -> Check:
    try:
        return Check("database", Level.PASS, inspect(settings.ledger_url))
    except PackhouseError as error:
        return Check("database", Level.FAIL, str(error))


def _disk(settings: Settings) -> Check:
    folder = settings.data_dir.absolute()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free_mb = shutil.disk_usage(there).free // 1_000_000
    if free_mb < settings.disk_floor_mb:
        return Check(
            "disk",
            Level.FAIL,
            f"{free_mb} MB free for {folder}, {settings.disk_floor_mb} MB are required. Make room, or set "
            "PACKHOUSE_DATA_DIR to a larger disk.",
        )
    if not os.access(there, os.W_OK | os.X_OK):
        return Check(
            "disk", Level.FAIL, f"{there} cannot be written. Correct its owner or PACKHOUSE_DATA_DIR."
        )
    return Check("disk", Level.PASS, f"{free_mb} MB free for {folder}")


async def _carriers(settings: Settings) -> list[Check]:
    try:
        carriers = build_carriers(settings, SystemClock(), Metrics(CollectorRegistry(), __version__))
    except PackhouseError as error:
        return [Check("carrier", Level.FAIL, str(error))]
    found = []
    for name, carrier in carriers.items():
        label = "carrier" if name == settings.carrier else f"carrier {name}"
        try:
            await carrier.check()
            found.append(Check(label, Level.PASS, f"{name} answers"))
        except PackhouseError as error:
            found.append(Check(label, Level.FAIL, str(error)))
        finally:
            await carrier.aclose()
    return found
