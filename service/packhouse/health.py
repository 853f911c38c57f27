"""What readiness depends on: the ledger, the disk, the workers; and what is worth a warning."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from packhouse.api.health import Check, Level
from packhouse.carriers.port import Carrier
from packhouse.clock import Clock
from packhouse.dispatcher import Dispatcher
from packhouse.duties import Duties
from packhouse.errors import LedgerError, PackhouseError
from packhouse.ledger import reading
from packhouse.ledger.door import Ledger
from packhouse.settings import Settings

_STUCK_AFTER_S = 60.0
_CARRIER_EVERY_S = 300.0


class HouseHealth:
    """Keeps api.health.HealthSource. Trouble at the store or the carrier is a warning: intake must go on."""

    def __init__(
        self,
        ledger: Ledger,
        dispatcher: Dispatcher,
        duties: Duties,
        carrier: Carrier,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._duties = duties
        self._carrier = carrier
        self._clock = clock
        self._settings = settings
        self._carrier_seen = (float("-inf"), Check("carrier", Level.PASS))
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
            await self._ledger.write(reading.probe, self._clock.now())
        except LedgerError as error:
            return Check("ledger", Level.FAIL, str(error))
        return Check("ledger", Level.PASS, f"writable, version {self._ledger.migrated[1]}")

    def _check_disk(self) -> Check:
        free_mb = shutil.disk_usage(self._settings.data_dir).free // 1_000_000
        floor = self._settings.disk_floor_mb
        if free_mb < floor:
            return Check("disk", Level.FAIL, f"{free_mb} MB free in the data folder, {floor} MB are required")
        return Check("disk", Level.PASS)

    def _check_workers(self) -> Check:
        if self.draining:
            return Check("workers", Level.FAIL, "stopping: no new work is taken")
        silent = self._clock.monotonic() - self._dispatcher.last_turn
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
        seen_at, check = self._carrier_seen
        now = self._clock.monotonic()
        if now - seen_at >= _CARRIER_EVERY_S:
            try:
                await self._carrier.check()
                check = Check("carrier", Level.PASS)
            except PackhouseError as error:
                check = Check("carrier", Level.WARN, str(error))
            self._carrier_seen = (now, check)
        return check
