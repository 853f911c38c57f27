"""What readiness depends on: the ledger, the disk, the workers; and what is worth a warning."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from packhouse.api.health import Check, Level
from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import LedgerError, PackhouseError
from packhouse.ledger import queries
from packhouse.ledger.port import Ledger
from packhouse.providers.port import Provider
from packhouse.worker.dispatcher import Dispatcher
from packhouse.worker.periodic import PeriodicTasks

_STUCK_AFTER_S = 60.0
_PROVIDER_EVERY_S = 300.0


class Readiness:
    """Keeps api.health.HealthSource. Trouble at the store or the provider is a warning: intake must go on."""

    def __init__(
        self,
        ledger: Ledger,
        dispatcher: Dispatcher,
        duties: PeriodicTasks,
        provider: Provider,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._duties = duties
        self._provider = provider
        self._clock = clock
        self._settings = settings
        self._provider_seen = (float("-inf"), Check("provider", Level.PASS))
        self.draining = False

    async def checks(self) -> Sequence[Check]:
        """See HealthSource."""
        return [
            await self._check_ledger(),
            self._check_disk(),
            self._check_workers(),
            self._check_webhook(),
            self._check_store(),
            await self._check_carrier(),
        ]

    async def _check_ledger(self) -> Check:
        """It is written to, since a full disk or a server in recovery still answers reads."""
        try:
            await self._ledger.write(queries.probe, self._clock.now())
        except LedgerError as error:
            return Check("ledger", Level.FAIL, str(error))
        return Check("ledger", Level.PASS, f"writable, version {self._ledger.migrated[1]}")

    def _check_disk(self) -> Check:
        free_mb = shutil.disk_usage(self._settings.data_dir).free // 1_000_000
        floor = self._settings.min_free_disk_mb
        if free_mb < floor:
            return Check("disk", Level.FAIL, f"{free_mb} MB free in the data folder, {floor} MB are required")
        return Check("disk", Level.PASS)

    def _check_workers(self) -> Check:
        if self.draining:
            return Check("workers", Level.FAIL, "stopping: no new work is taken")
        silent = self._clock.monotonic() - self._dispatcher.last_tick
        if silent > _STUCK_AFTER_S:
            return Check("workers", Level.FAIL, f"no due order was looked for in {silent:.0f} s")
        return Check("workers", Level.PASS)

    def _check_webhook(self) -> Check:
        if self._settings.webhook.secrets:
            return Check("webhook", Level.PASS)
        return Check(
            "webhook", Level.WARN, "closed: set PACKHOUSE_WEBHOOK__SECRETS; orders come by polling alone"
        )

    def _check_store(self) -> Check:
        if error := self._duties.last_poll_error:
            return Check("store", Level.WARN, error)
        return Check("store", Level.PASS)

    async def _check_carrier(self) -> Check:
        """Asked every few minutes at most."""
        seen_at, check = self._provider_seen
        now = self._clock.monotonic()
        if now - seen_at >= _PROVIDER_EVERY_S:
            try:
                await self._provider.check()
                check = Check("provider", Level.PASS)
            except PackhouseError as error:
                check = Check("provider", Level.WARN, str(error))
            self._provider_seen = (now, check)
        return check
