"""Readiness: whether the ledger, the disk and the workers can take work; warnings about everything else."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import LedgerError, PackhouseError
from packhouse.ledger import queries
from packhouse.ledger.port import Ledger
from packhouse.model.health import Check, Level
from packhouse.providers.port import Provider
from packhouse.worker.dispatcher import Dispatcher
from packhouse.worker.periodic import PeriodicTasks

_STUCK_AFTER_S = 60.0
_PROVIDER_EVERY_S = 300.0


class Readiness:
    """Runs the checks. A failing store or provider is a warning: webhooks must still be accepted."""

    def __init__(
        self,
        ledger: Ledger,
        dispatcher: Dispatcher,
        tasks: PeriodicTasks,
        provider: Provider,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._tasks = tasks
        self._provider = provider
        self._clock = clock
        self._settings = settings
        self._last_provider_check = (float("-inf"), Check("provider", Level.PASS))
        self.draining = False

    async def checks(self) -> Sequence[Check]:
        """The result of every check, within a second or so."""
        return [
            await self._check_ledger(),
            self._check_disk(),
            self._check_workers(),
            self._check_webhook(),
            self._check_store(),
            await self._check_provider(),
        ]

    async def _check_ledger(self) -> Check:
        """By a write, since a full disk or a server in recovery still allows reads."""
        try:
            await self._ledger.write(queries.probe, self._clock.now())
        except LedgerError as error:
            return Check("ledger", Level.FAIL, str(error))
        return Check("ledger", Level.PASS, f"writable, version {self._ledger.migrated[1]}")

    def _check_disk(self) -> Check:
        free_mb = shutil.disk_usage(self._settings.data_dir).free // 1_000_000
        floor = self._settings.min_free_disk_mb
        if free_mb < floor:
            return Check("disk", Level.FAIL, f"{free_mb} MB free in the data folder; {floor} MB are required")
        return Check("disk", Level.PASS)

    def _check_workers(self) -> Check:
        if self.draining:
            return Check("workers", Level.FAIL, "stopping: no new orders are started")
        since_s = self._clock.monotonic() - self._dispatcher.last_tick
        if since_s > _STUCK_AFTER_S:
            return Check(
                "workers", Level.FAIL, f"the dispatcher has not looked for due orders for {since_s:.0f} s"
            )
        return Check("workers", Level.PASS)

    def _check_webhook(self) -> Check:
        if self._settings.webhook.secrets:
            return Check("webhook", Level.PASS)
        return Check(
            "webhook", Level.WARN, "closed: orders are found by polling only. Set PACKHOUSE_WEBHOOK__SECRETS"
        )

    def _check_store(self) -> Check:
        if error := self._tasks.last_poll_error:
            return Check("store", Level.WARN, error)
        return Check("store", Level.PASS)

    async def _check_provider(self) -> Check:
        """At most once in five minutes."""
        checked_at, check = self._last_provider_check
        now = self._clock.monotonic()
        if now - checked_at >= _PROVIDER_EVERY_S:
            try:
                await self._provider.check()
                check = Check("provider", Level.PASS)
            except PackhouseError as error:
                check = Check("provider", Level.WARN, str(error))
            self._last_provider_check = (now, check)
        return check
