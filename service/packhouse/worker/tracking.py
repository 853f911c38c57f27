"""Asks the provider accounts where parcels are: trackers that are due, many at once, without their orders.

An order in tracking is not read, claimed or woken until its parcel has news (ledger/tracking.py). What an
account answered is written in one transaction with what follows from it, so a process that is killed before
asks again, and nothing is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from packhouse.errors import ProviderError, ProviderRefused
from packhouse.ledger import tracking as records
from packhouse.ledger.tracking import Look
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.model.tracking import NO_NEWS, Tracking
from packhouse.providers.deadline import BoundedProvider
from packhouse.rules import tracking_schedule
from packhouse.steps.context import Context

# Trackers that fall due between two runs share a call, and those due soon after are asked with them.
_RUNS_AN_INTERVAL = 12
_LONGEST_RUN_S = 1800.0
_SOON = 0.5
_BATCH = 100
# One by one: so many are written together, and so many are asked a minute.
_FEW = 20
_SINGLES_A_MINUTE = 60
# So many failures in a row, one by one, are the account's and not those of its parcels.
_PATIENCE = 3
_LONGEST_REST_S = 6 * 3600.0


def run_every_s(track_interval_s: float) -> float:
    """Seconds between two runs."""
    return min(max(track_interval_s / _RUNS_AN_INTERVAL, 1.0), _LONGEST_RUN_S)


@dataclass(slots=True)
class _Account:
    """An account: how often it failed in a row, until when it is not asked, and when it was last searched for
    trackers that are due too late; the times are on the monotonic clock.
    """

    failures: int = 0
    until: float = 0.0
    searched_at: float = -math.inf


class _Asked(NamedTuple):
    """What an account answered, and the failure that says that it does not answer now, if it does not."""

    looks: list[Look]
    failed: ProviderError | None


class Trackers:
    """The task. `wake` makes the workers look for due orders at once."""

    def __init__(self, context: Context, wake: Callable[[], None]) -> None:
        self._context = context
        self._wake = wake
        self._every_s = context.settings.poll.track_interval_s
        self._run_s = run_every_s(self._every_s)
        self._rests: dict[str, _Account] = {}

    async def run(self) -> int:
        """Ask every account about its due trackers. Returns how many brought news that changes an order.

        Raises LedgerError.
        """
        news = 0
        for account in self._context.providers:
            rest = self._rests.setdefault(account, _Account())
            if rest.until <= self._context.clock.monotonic():
                news += await self._run_account(account, rest)
        return news

    async def _run_account(self, account: str, rest: _Account) -> int:
        context, news, singles = self._context, 0, 0
        provider = context.bounded(account)
        while True:
            # An account that failed is first asked about one parcel after the other.
            is_batch = provider.tracks_many and not rest.failures
            most = _BATCH if is_batch else _FEW
            due = await self._due(account, rest, most, _SOON * self._every_s if is_batch else 0.0)
            if not due:
                return news
            asked = await self._ask(provider, due, is_batch=is_batch)
            news += await self._save(asked.looks)
            if asked.failed is not None:
                self._let_rest(account, rest, asked.failed)
                return news
            rest.failures = 0
            singles += 0 if is_batch else len(due)
            if len(due) < most or singles >= max(_SINGLES_A_MINUTE * self._run_s / 60, _FEW):
                return news

    async def _due(self, account: str, rest: _Account, most: int, soon_s: float) -> tuple[Shipment, ...]:
        """What is due; if nothing is, what a clock that ran ahead has deferred for too long."""
        context, now, uptime = self._context, self._context.clock.now(), self._context.clock.monotonic()
        due = await context.ledger.read(records.due, account, now, now + soon_s, most)
        if due or uptime - rest.searched_at < self._every_s:
            return due
        latest = now + tracking_schedule.longest_wait_s(self._every_s)
        late = await context.ledger.read(records.too_late, account, latest, most)
        if not late:
            rest.searched_at = uptime
        return late

    async def _ask(self, provider: BoundedProvider, due: Sequence[Shipment], *, is_batch: bool) -> _Asked:
        """Ask about what is still on its way; the others are asked about never again."""
        posted = {
            one.label.id: one.label for one in due if one.label and one.state is ShipmentState.FULFILLED
        }
        reported: dict[str, Tracking] = {}
        failed: ProviderError | None = None
        if is_batch and len(posted) > 1:
            try:
                reported |= await provider.track_many(list(posted.values()))
            except ProviderRefused as error:
                # One number that the provider cannot read must not hide the others.
                self._context.log.warning("track_failed", account=provider.account, error=str(error))
            except ProviderError as error:
                return _Asked([], error)
        if left := [label for label in posted.values() if label.id not in reported]:
            failed = await self._ask_each(provider, left, reported)
        looks = [
            self._look(one, reported.get(one.label.id))
            for one in due
            if one.label and (one.label.id in reported or one.label.id not in posted)
        ]
        return _Asked(looks, failed)

    async def _ask_each(
        self, provider: BoundedProvider, left: Sequence[Label], reported: dict[str, Tracking]
    ) -> ProviderError | None:
        """Ask about one parcel after the other. Returns the failure that is the account's, if one is.

        A parcel that alone cannot be asked about is asked about again as if it had no news.
        """
        failed, in_a_row = None, 0
        for label in left:
            try:
                reported[label.id] = await provider.track(label)
                failed, in_a_row = None, 0
            except ProviderError as error:
                self._context.log.warning("track_failed", shipment_id=label.shipment_id, error=str(error))
                reported[label.id] = NO_NEWS
                failed, in_a_row = error, in_a_row + 1
                if in_a_row >= _PATIENCE:
                    break
        return failed if in_a_row >= min(_PATIENCE, len(left)) else None

    def _look(self, shipment: Shipment, reported: Tracking | None) -> Look:
        """What is written about a label. Without an answer: it is not on its way any more."""
        label = shipment.label
        assert label is not None
        if reported is None:
            return Look(shipment, label.tracking, label.tracking_changed_at, None)
        now, known = self._context.clock.now(), label.tracking
        is_news = tracking_schedule.is_news(known, reported)
        if is_news:
            label = replace(label, tracking=reported, tracking_changed_at=now)
        elif reported.expected_at is not None:
            label = replace(label, tracking=replace(known, expected_at=reported.expected_at))
        return Look(
            shipment,
            label.tracking,
            label.tracking_changed_at,
            self._next_look(shipment, label, now),
            needs_step=is_news and tracking_schedule.needs_step(known, reported),
        )

    def _next_look(self, shipment: Shipment, label: Label, now: float) -> float | None:
        days = shipment.rate.days if shipment.rate else None
        return tracking_schedule.next_look(label, now, self._every_s, days)

    async def _save(self, looks: Sequence[Look]) -> int:
        """Write the answers, and then log and count what they changed."""
        if not looks:
            return 0
        context = self._context
        saved = await context.ledger.write(records.save, context.clock.now(), looks)
        for shipment in saved.delivered:
            context.record(records.delivery(shipment))
            if shipment.label:
                context.metrics.parcel(shipment.label.provider, "delivered")
        if saved.woken:
            self._wake()
        return len(saved.delivered) + len(saved.woken)

    def _let_rest(self, account: str, rest: _Account, error: ProviderError) -> None:
        """Ask a failing account later: twice as late after each failure, and no sooner than it wants."""
        wait_s = min(self._run_s * 2 ** min(rest.failures, 30), _LONGEST_REST_S)
        wait_s = max(wait_s, error.retry_after_s or 0.0)
        rest.failures += 1
        rest.until = self._context.clock.monotonic() + wait_s
        self._context.log.warning("tracking_waits", account=account, wait_s=round(wait_s), error=str(error))
