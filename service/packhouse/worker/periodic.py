"""The periodic duties' bodies: listing pending orders, mending the ledger, forgetting what is old.

With several replicas on one ledger a duty is run by whichever comes first in its interval, and by no other
while it lasts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from packhouse.errors import LedgerError, PackhouseError
from packhouse.ledger import inbox, kv, leases
from packhouse.ledger.tx import Tx
from packhouse.model.order import Order
from packhouse.rules.timeouts import longest_wait_s
from packhouse.steps.context import Context
from packhouse.store.protocol import OrdersQuery, read_pages_async

_PAGE = 100
_WATERMARK = "poll:newest"
_SWEPT = "poll:swept_at"


class PeriodicTasks:
    """What schedule.py calls. `who` is this replica's name, `nudge` wakes the workers."""

    def __init__(self, context: Context, who: str, wake: Callable[[], None]) -> None:
        self._context = context
        self._who = who
        self._wake = wake
        self.last_poll_error = ""

    async def poll(self) -> int:
        """List pending orders and make due those that we did not know of. Answers how many.

        Mostly only what was created since shortly before the newest order seen; now and then everything.
        """
        return await self._exclusively("poll", self._context.settings.poll.interval_s * 0.5, self._poll)

    async def sweep(self) -> int:
        """Make due whatever is unfinished without a time to act: a net under everything else."""
        return await self._exclusively("sweep", 30.0, self._sweep)

    async def prune(self) -> int:
        """Forget events that are older than any retry of the store's."""
        return await self._exclusively("prune", 3600.0, self._prune)

    async def _exclusively(self, duty: str, every_s: float, body: Callable[[], Awaitable[int]]) -> int:
        """Run the duty, unless another replica is at it or was lately."""
        context = self._context
        try:
            async with context.ledger.exclusive(duty) as mine:
                if mine and context.ledger.shared:
                    now = context.clock.now()
                    mine = await context.ledger.write(kv.claim_turn, now, duty, self._who, every_s)
                return await body() if mine else 0
        except LedgerError as error:
            context.log.warning("duty_failed", duty=duty, error=str(error))
            return 0

    async def _poll(self) -> int:
        try:
            found = await self._list_pending()
        except LedgerError:
            raise
        except PackhouseError as error:
            self.last_poll_error = str(error)
            self._context.log.warning("poll_failed", error=str(error))
            return 0
        self.last_poll_error = ""
        if found:
            self._context.log.info("poll_found", orders=found)
            self._wake()
        return found

    async def _list_pending(self) -> int:
        context, settings = self._context, self._context.settings.poll
        began = context.clock.now()
        newest = await context.ledger.read(kv.read, _WATERMARK)
        swept = await context.ledger.read(kv.read, _SWEPT)
        swept_at = float(swept) if swept else 0.0
        # A clock that was set back must not keep the full list from ever coming.
        sweep = newest is None or not swept_at <= began < swept_at + settings.full_poll_s
        after = "" if sweep or newest is None else _earlier(newest, settings.overlap_s)
        found, highest = 0, newest or ""
        async for page in read_pages_async(context.store.orders, _pending(context, after)):
            listed = [(order.id, order.site_slug) for order in page.orders if _is_mine(context, order)]
            now = context.clock.now()
            found += await context.ledger.write(leases.add_listed, now, listed, now - settings.recheck_s)
            highest = max(
                [highest, *(order.created_at for order in page.orders if _moment(order.created_at))]
            )
        await context.ledger.write(_keep_marks, context.clock.now(), highest, began if sweep else None)
        return found

    async def _sweep(self) -> int:
        now, settings = self._context.clock.now(), self._context.settings
        latest, latest_lease = now + longest_wait_s(settings), now + 2 * settings.lease_s
        found = await self._context.ledger.write(leases.wake_stalled, now, latest, latest_lease)
        if found:
            self._context.log.warning("rescued", orders=found)
            self._wake()
        return found

    async def _prune(self) -> int:
        before = self._context.clock.now() - self._context.settings.event_retention_days * 86_400
        return await self._context.ledger.write(inbox.prune, self._context.clock.now(), before)


def _keep_marks(tx: Tx, newest: str, swept_at: float | None) -> None:
    kv.write(tx, _WATERMARK, newest)
    if swept_at is not None:
        kv.write(tx, _SWEPT, repr(swept_at))


def _pending(context: Context, after: str) -> OrdersQuery:
    site = context.settings.store.site_slug
    return OrdersQuery(status="pending", site_slug=site, created_after=after, limit=_PAGE)


def _is_mine(context: Context, order: Order) -> bool:
    site = context.settings.store.site_slug
    return not site or not order.site_slug or order.site_slug == site


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _earlier(text: str, seconds: float) -> str:
    """An ISO 8601 time so many seconds earlier, as full UTC; "" (no bound) if the text is no time."""
    moment = _moment(text)
    if moment is None:
        return ""
    return datetime.fromtimestamp(moment.timestamp() - seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
