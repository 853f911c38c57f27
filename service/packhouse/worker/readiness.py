"""Readiness: whether the ledger, the disk and the workers can take work; warnings about everything else."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Collection, Mapping, Sequence

from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import LedgerError, PackhouseError
from packhouse.ledger import polls, queries
from packhouse.ledger.port import Ledger
from packhouse.model.health import Check, Level
from packhouse.providers.port import Provider
from packhouse.worker.dispatcher import Dispatcher
from packhouse.worker.periodic import PeriodicTasks

_STUCK_AFTER_S = 60.0
_PROVIDER_EVERY_S = 300.0
_MOST_TROUBLES = 5


class Readiness:
    """Runs the checks. A failing store or provider is a warning: webhooks must still be accepted."""

    def __init__(
        self,
        ledger: Ledger,
        dispatcher: Dispatcher,
        tasks: PeriodicTasks,
        providers: Mapping[str, Provider],
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._tasks = tasks
        self._providers = providers
        self._clock = clock
        self._settings = settings
        self._provider_checks: tuple[Check, ...] = ()
        self._providers_checked_at = float("-inf")
        self.draining = False

    async def checks(self) -> Sequence[Check]:
        """The result of every check, within a second or so."""
        return [
            await self._check_ledger(),
            self._check_disk(),
            self._check_workers(),
            self._check_webhook(),
            self._check_store(),
            await self._check_poll(),
            *await self._check_providers(),
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

    async def _check_poll(self) -> Check:
        """Whether the last polls read the store's whole list of orders, in any replica."""
        try:
            report = await self._ledger.read(polls.report)
        except LedgerError as error:
            return Check("poll", Level.WARN, str(error))
        troubles = report.troubles
        if not troubles:
            return Check("poll", Level.PASS)
        sentences = [trouble.sentence for trouble in troubles[:_MOST_TROUBLES]]
        if more := len(troubles) - len(sentences):
            sentences.append(f"{more} more like these are in the log.")
        return Check("poll", Level.WARN, " ".join(sentences))

    async def _check_providers(self) -> tuple[Check, ...]:
        """One check for each account, at most every few minutes."""
        now = self._clock.monotonic()
        if now - self._providers_checked_at >= _PROVIDER_EVERY_S:
            checks = (self._check_provider(account) for account in self._providers)
            self._provider_checks = tuple(await asyncio.gather(*checks))
            self._providers_checked_at = now
        return self._provider_checks

    async def _check_provider(self, account: str) -> Check:
        name = check_name(account, self._providers)
        try:
            await self._providers[account].check()
        except PackhouseError as error:
            return Check(name, Level.WARN, str(error))
        return Check(name, Level.PASS)


def check_name(account: str, accounts: Collection[str]) -> str:
    """The name of an account's check: "provider", or "provider NAME" if there are several accounts."""
    return "provider" if len(accounts) == 1 else f"provider {account}"
