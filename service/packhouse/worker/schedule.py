"""The calendar duties, one line each. Due orders are not found here but by the dispatcher's own tick."""

from __future__ import annotations

from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from packhouse.config.settings import Settings
from packhouse.worker.periodic import PeriodicTasks

_NEVER_DROPPED = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


def build_schedule(duties: PeriodicTasks, settings: Settings) -> Any:
    """A scheduler with every duty in it, not yet started."""
    poll_s = settings.poll.interval_s
    scheduler = AsyncIOScheduler(job_defaults=_NEVER_DROPPED, timezone="UTC")
    scheduler.add_job(duties.poll, "interval", seconds=poll_s, jitter=poll_s * 0.1, id="poll")
    scheduler.add_job(duties.sweep, "interval", seconds=60, jitter=5, id="sweep")
    scheduler.add_job(duties.prune, "interval", hours=6, jitter=600, id="prune")
    return scheduler
