"""The periodic tasks: poll the store for orders, wake stalled orders, track parcels, prune old events.

Due orders are found by the dispatcher, not here. Where several replicas share a ledger, one of them runs a
task in each interval, and no other one meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from packhouse.config.settings import Settings
from packhouse.errors import LedgerError, PackhouseError
from packhouse.ledger import inbox, kv, leases, poll_record
from packhouse.rules.timeouts import longest_wait_s
from packhouse.steps.context import Context
from packhouse.worker.poll import Poll
from packhouse.worker.tracking import Trackers, run_every_s

# Few enough that no webhook and no order waits for them.
_PRUNED_A_COMMIT, _PRUNE_PAUSE_S = 250, 0.05
# A task that is late runs once, as soon as it can, and never twice at the same time.
_NEVER_DROPPED = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


class PeriodicTasks:
    """The tasks. `worker_id` names this replica, `wake` makes the workers look for due orders at once."""

    def __init__(self, context: Context, worker_id: str, wake: Callable[[], None]) -> None:
        self._context = context
        self._worker_id = worker_id
        self._wake = wake
        self._poller = Poll(context)
        self._trackers = Trackers(context, wake)
        self.last_poll_error = ""

    async def poll(self) -> int:
        """List orders at the store and make due what has work to do, as poll.py says. Returns how many."""
        return await self._exclusively("poll", self._context.settings.poll.interval_s * 0.5, self._poll)

    async def wake_stalled(self) -> int:
        """Make unfinished orders due that have no due time, or one that is too late. Returns how many."""
        return await self._exclusively("wake_stalled", 30.0, self._wake_stalled)

    async def track(self) -> int:
        """Ask about parcels whose trackers are due, as tracking.py says. Returns how many had news."""
        every_s = run_every_s(self._context.settings.poll.track_interval_s)
        return await self._exclusively("track", every_s * 0.5, self._trackers.run)

    async def prune(self) -> int:
        """Delete events older than `event_retention_days`. Returns how many."""
        return await self._exclusively("prune", 3600.0, self._prune)

    async def _exclusively(self, task: str, every_s: float, run: Callable[[], Awaitable[int]]) -> int:
        """Run the task, unless another replica runs it now or did so within `every_s` seconds."""
        context = self._context
        try:
            async with context.ledger.exclusive(task) as mine:
                if mine and context.ledger.shared:
                    now = context.clock.now()
                    mine = await context.ledger.write(kv.claim_turn, now, task, self._worker_id, every_s)
                return await run() if mine else 0
        except LedgerError as error:
            context.log.warning("task_failed", task=task, error=str(error))
            return 0

    async def _poll(self) -> int:
        if self._poller.is_running:
            return 0  # The poll at the start may still run when the first of the schedule begins.
        try:
            found = await self._poller.run()
        except LedgerError:
            raise
        except PackhouseError as error:
            self.last_poll_error = str(error)
            self._context.log.warning("poll_failed", error=str(error))
            now = self._context.clock.now()
            await self._context.ledger.write(poll_record.save_failure, now, str(error), type(error).__name__)
            return 0
        self.last_poll_error = ""
        await self._context.ledger.write(poll_record.save_success, self._context.clock.now())
        if found:
            self._context.log.info("poll_found", orders=found)
            self._wake()
        return found

    async def _wake_stalled(self) -> int:
        now, settings = self._context.clock.now(), self._context.settings
        latest, latest_lease = now + longest_wait_s(settings), now + 2 * settings.lease_s
        found = await self._context.ledger.write(leases.wake_stalled, now, latest, latest_lease)
        if found:
            self._context.log.warning("stalled_orders_woken", orders=found)
            self._wake()
        return found

    async def _prune(self) -> int:
        context, pruned = self._context, 0
        before = context.clock.now() - context.settings.event_retention_days * 86_400
        while True:
            some = await context.ledger.write(inbox.prune, context.clock.now(), before, _PRUNED_A_COMMIT)
            pruned += some
            if some < _PRUNED_A_COMMIT:
                return pruned
            await context.clock.sleep(_PRUNE_PAUSE_S)


def _until_stopped(task: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[None]]:
    """The task, ended in silence by a stop: the scheduler would log a cancelled job as an error."""

    async def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await task()

    return run


def build_schedule(tasks: PeriodicTasks, settings: Settings) -> Any:
    """A scheduler with every task in it, not started yet."""
    poll_s = settings.poll.interval_s
    scheduler = AsyncIOScheduler(job_defaults=_NEVER_DROPPED, timezone="UTC")
    scheduler.add_job(_until_stopped(tasks.poll), "interval", seconds=poll_s, jitter=poll_s * 0.1, id="poll")
    scheduler.add_job(_until_stopped(tasks.wake_stalled), "interval", seconds=60, jitter=5, id="wake_stalled")
    if settings.poll.track_interval_s:
        track_s = run_every_s(settings.poll.track_interval_s)
        scheduler.add_job(
            _until_stopped(tasks.track), "interval", seconds=track_s, jitter=track_s * 0.1, id="track"
        )
    scheduler.add_job(_until_stopped(tasks.prune), "interval", hours=6, jitter=600, id="prune")
    return scheduler
