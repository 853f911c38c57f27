"""The poll: finds every order with units left to ship, whatever its status, also if its events never came.

A quick poll lists what was created since shortly before the newest known order. A full poll lists every order
of the last `horizon_days`, and older ones that the store calls pending. The row of an order says whether
there is anything to do; only then the order is added, or woken if it was finished.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from packhouse.errors import StoreUnanswered, StoreUnavailable
from packhouse.ledger import listed, polls
from packhouse.ledger.polls import Progress
from packhouse.model.listed import Listed, shown_by
from packhouse.model.order import Order
from packhouse.model.poll import PollProblem, PollReport, Trouble
from packhouse.rules.decision import Skip, Withdraw
from packhouse.rules.eligibility import decide
from packhouse.steps.context import Context
from packhouse.store.protocol import OrdersQuery, moment, second
from packhouse.worker.walk import LARGEST_PAGE, Walk

# Lines of an order whose row takes a while to judge.
_WIDE = 50
# A list of several pages may move while it is read. It is read again while it names orders that it did not.
_MOST_ROUNDS = 5
# The pending orders are part of each poll while they fit on so many pages: an order may appear late.
_FEW_PAGES = 10
# After a list failed, the next poll asks for half as many rows: the size may be the cause. Never for fewer.
_SMALLEST_PAGE = 10
# A finished order that the store still shows as open is read again after so long.
_REREAD_S = 86_400.0


class Poll:
    """One poll after another, for one replica."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._page_size = LARGEST_PAGE
        self._has_failed = False
        self._pending_pages = 0
        self.is_running = False

    async def run(self) -> int:
        """List orders at the store, and make those due that have work to do. Returns how many.

        Raises StoreError; what was found before it stays found. Raises LedgerError.
        """
        self.is_running = True
        try:
            return await self._run()
        finally:
            self.is_running = False

    async def _run(self) -> int:
        context = self._context
        began = context.clock.now()
        before = await context.ledger.read(polls.report)
        reached = await context.ledger.read(polls.progress)
        # A clock that was set back must not prevent the full poll for ever.
        full_due = reached.full_at + context.settings.poll.full_poll_s
        is_full = not reached.newest or not reached.full_at <= began < full_due
        # A full poll tries large pages again, unless the one before could not read them.
        page_size = LARGEST_PAGE if is_full and not self._has_failed else self._page_size
        walk = Walk(context.store.orders, began, page_size)
        reading = Reading(context, walk, began)
        outcome = "failed"
        try:
            settled = await self._read_lists(reading, reached, is_full)
            troubles = walk.troubles if settled else (*walk.troubles, _STILL_MOVING)
            outcome = "incomplete" if troubles else "complete"
            self._page_size, self._has_failed = walk.page_size, False
        except (StoreUnanswered, StoreUnavailable):
            smaller = max(walk.page_size // 2, _SMALLEST_PAGE)
            self._page_size, self._has_failed = min(walk.page_size, smaller), True
            raise
        finally:
            context.metrics.polled("full" if is_full else "quick", outcome, walk.rows)
        done = _report(before, walk, troubles, context.clock.now(), is_full)
        reached = Progress(reading.newest(reached.newest), began if is_full and settled else reached.full_at)
        await context.ledger.write(polls.save, context.clock.now(), done, reached)
        for trouble in troubles:
            if is_full or trouble not in before.troubles:
                context.log.warning("poll_incomplete", problem=trouble.problem.value, what=trouble.sentence)
        return reading.found

    async def _read_lists(self, reading: Reading, reached: Progress, is_full: bool) -> bool:
        """Read the lists of this poll. Returns whether all of them stopped naming new orders."""
        settings = self._context.settings.poll
        settled = True
        if is_full or self._pending_pages <= _FEW_PAGES:
            self._pending_pages, settled = await reading.list_orders("pending", "")
        start = reading.began - timedelta(days=settings.horizon_days)
        newest = moment(reached.newest)
        if newest is not None and not is_full:
            # The time of an order may be in the future: it must not keep the next polls from later orders.
            start = min(newest, reading.began) - timedelta(seconds=settings.overlap_s)
        _, also_settled = await reading.list_orders("", second(start, 0))
        await reading.add([Listed(order_id) for order_id in sorted(reading.walk.large_ids)])
        return settled and also_settled


class Reading:
    """The lists of one poll. `found` counts the orders that became due."""

    def __init__(self, context: Context, walk: Walk, began: float) -> None:
        self._context = context
        self.walk = walk
        self.began = datetime.fromtimestamp(began, UTC)
        self.found = 0
        self._newest: datetime | None = None

    async def list_orders(self, status: str, created_after: str) -> tuple[int, bool]:
        """Read one list, again while it moves. Returns its number of pages, and whether it came to rest."""
        site = self._context.settings.store.site_slug
        query = OrdersQuery(status=status, site_slug=site, created_after=created_after)
        pages = 0
        for _ in range(_MOST_ROUNDS):
            pages, news = await self._read(query)
            if pages <= 1 or not news:
                return pages, True
        return pages, False

    async def _read(self, query: OrdersQuery) -> tuple[int, int]:
        """Read a list once. Returns its pages, and how many orders from before this poll became due."""
        pages = news = 0
        async for page in self.walk.pages(query):
            pages += 1
            rows = []
            for order in page.orders:
                if row := self._row(order):
                    rows.append(row)
                if len(order.lines) > _WIDE:
                    await asyncio.sleep(0)  # a webhook is answered in between
            due = set(await self.add(rows))
            for order in page.orders:
                created = moment(order.created_at)
                news += order.id in due and (created is None or created <= self.began)
                if created is not None and created <= self.began:
                    self._newest = created if self._newest is None else max(created, self._newest)
        return pages, news

    async def add(self, rows: list[Listed]) -> list[str]:
        """Add what has work to do to the ledger. Returns the ids of the orders that became due."""
        if not rows:
            return []
        now = self._context.clock.now()
        due = await self._context.ledger.write(listed.add_listed, now, rows, now - _REREAD_S)
        self.found += len(due)
        return due

    def _row(self, order: Order) -> Listed | None:
        """What an order's row shows; None for an order of another site."""
        site = self._context.settings.store.site_slug
        if site and order.site_slug and order.site_slug != site:
            return None
        return Listed(order.id, order.site_slug, order.status, self._needs_work(order), shown_by(order.raw))

    def _needs_work(self, order: Order) -> bool:
        """Whether the order has, or may have, units left to ship, by what its row says."""
        if not order.status:
            return True
        digital = {line.id: bool(line.is_digital) for line in order.lines}
        return not isinstance(decide(order, (), digital, self._context.settings.rules), Skip | Withdraw)

    def newest(self, before: str) -> str:
        """The creation time of the newest order listed so far, never later than this poll."""
        known = moment(before)
        times = [time for time in (known, self._newest) if time is not None and time <= self.began]
        return second(max(times, default=self.began), 0)


_STILL_MOVING = Trouble(
    PollProblem.STILL_MOVING, f"The store's list of orders named new orders each of {_MOST_ROUNDS} times."
)


def _report(
    before: PollReport, walk: Walk, troubles: tuple[Trouble, ...], now: float, is_full: bool
) -> PollReport:
    done = replace(before, ended_at=now, rows=walk.rows, requests=walk.requests, quick_troubles=troubles)
    if not is_full:
        return done
    return replace(
        done,
        full_ended_at=now,
        full_rows=walk.rows,
        full_requests=walk.requests,
        quick_troubles=(),
        full_troubles=troubles,
    )
