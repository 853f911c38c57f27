"""Readiness: whether the ledger, the disk and the workers can take work; warnings about everything else."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import LedgerError, PackhouseError
from packhouse.ledger import polls, queries
from packhouse.ledger.port import Ledger
from packhouse.model.health import Check, Level
from packhouse.model.waiting import Waiting, WaitKind
from packhouse.providers.port import Provider
from packhouse.rules.setup import setup_checks
from packhouse.worker.dispatcher import Dispatcher

_STUCK_AFTER_S = 60.0
_PROVIDER_EVERY_S = 300.0
_REFUSED_PROVIDER_EVERY_S = 30.0
_MOST_TROUBLES = 5


class Readiness:
    """Runs the checks. A failing store or provider is a warning: webhooks must still be accepted.

    `stopping` returns what stops work now: the pause, the store, provider accounts.
    """

    def __init__(
        self,
        ledger: Ledger,
        dispatcher: Dispatcher,
        stopping: Callable[[], Awaitable[Sequence[Waiting]]],
        providers: Mapping[str, Provider],
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._stopping = stopping
        self._providers = providers
        self._clock = clock
        self._settings = settings
        self._provider_checks: Mapping[str, Check] = {}
        self._providers_checked_at = float("-inf")
        # Orders that such a setting stops are held, and webhooks are still accepted: warnings.
        self._setup = tuple(
            Check(check.name, Level.WARN, check.reason)
            for check in setup_checks(settings)
            if check.level is not Level.PASS
        )
        self.draining = False

    async def checks(self) -> Sequence[Check]:
        """The result of every check, within a second or so."""
        checks = [
            await self._check_ledger(),
            self._check_disk(),
            self._check_workers(),
            self._check_webhook(),
        ]
        if checks[0].level is Level.FAIL:
            return checks
        stopping = await self._stopping()
        return [
            *checks,
            *self._setup,
            _check_pause(stopping),
            _check_store(stopping),
            await self._check_poll(),
            *await self._check_providers(stopping),
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

    async def _check_providers(self, stopping: Sequence[Waiting]) -> list[Check]:
        """One check for each account. An account that buys nothing is no healthy one, whatever it answers."""
        resting = {waiting.account: waiting for waiting in stopping if waiting.account}
        answers = await self._ask_providers()
        return [
            Check(check.name, Level.WARN, resting[account].with_times) if account in resting else check
            for account, check in answers.items()
        ]

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

    async def _ask_providers(self) -> Mapping[str, Check]:
        """What each account answers, asked at most every few minutes, and sooner while one is refused."""
        now = self._clock.monotonic()
        is_healthy = all(check.level is Level.PASS for check in self._provider_checks.values())
        every_s = _PROVIDER_EVERY_S if is_healthy else _REFUSED_PROVIDER_EVERY_S
        if now - self._providers_checked_at >= every_s:
            checks = await asyncio.gather(*(self._check_provider(account) for account in self._providers))
            self._provider_checks = dict(zip(self._providers, checks, strict=True))
            self._providers_checked_at = now
        return self._provider_checks

    async def _check_provider(self, account: str) -> Check:
        name = check_name(account, self._providers)
        try:
            await self._providers[account].check()
        except PackhouseError as error:
            return Check(name, Level.WARN, str(error))
        return Check(name, Level.PASS)


def _check_pause(stopping: Sequence[Waiting]) -> Check:
    for waiting in stopping:
        if waiting.kind is WaitKind.PAUSED:
            return Check("buying", Level.WARN, waiting.with_times)
    return Check("buying", Level.PASS)


def _check_store(stopping: Sequence[Waiting]) -> Check:
    kinds = (WaitKind.STORE_LIMIT, WaitKind.STORE_REFUSED, WaitKind.STORE_UNAVAILABLE, WaitKind.RETRY)
    for waiting in stopping:
        if waiting.kind in kinds:
            return Check("store", Level.WARN, waiting.with_times)
    return Check("store", Level.PASS)


def check_name(account: str, accounts: Collection[str]) -> str:
    """The name of an account's check: "provider", or "provider NAME" if there are several accounts."""
    return "provider" if len(accounts) == 1 else f"provider {account}"
