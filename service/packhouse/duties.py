"""The periodic duties' bodies: listing pending orders, mending the ledger, forgetting what is old.

With several replicas on one ledger a duty is run by whichever comes first in its interval, and by no other
while it lasts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

from sqlalchemy import Connection

from packhouse.errors import LedgerError, PackhouseError
from packhouse.ledger import inbox, leases, marks
from packhouse.model.order import Order, OrderPage
from packhouse.rules.patience import longest_wait_s
from packhouse.steps.desk import Desk
from packhouse.store.protocol import OrdersQuery

_PAGE = 100
_WATERMARK = "poll:newest"
_SWEPT = "poll:swept_at"


class Duties:
    """What schedule.py calls. `who` is this replica's name, `nudge` wakes the workers."""

    def __init__(self, desk: Desk, who: str, nudge: Callable[[], None]) -> None:
        self._desk = desk
        self._who = who
        self._nudge = nudge
        self.last_poll_error = ""

    async def poll(self) -> int:
        """List pending orders and make due those that we did not know of. Answers how many.

        Mostly only what was created since shortly before the newest order seen; now and then everything.
        """
        return await self._in_turn("poll", self._desk.settings.poll.interval_s * 0.5, self._poll)

    async def sweep(self) -> int:
        """Make due whatever is unfinished without a time to act: a net under everything else."""
        return await self._in_turn("sweep", 30.0, self._sweep)

    async def prune(self) -> int:
        """Forget events that are older than any retry of the store's."""
        return await self._in_turn("prune", 3600.0, self._prune)

    async def _in_turn(self, duty: str, every_s: float, body: Callable[[], Awaitable[int]]) -> int:
        """Run the duty, unless another replica is at it or was lately."""
        desk = self._desk
        try:
            async with desk.ledger.alone(duty) as mine:
                if mine and desk.ledger.shared:
                    now = desk.clock.now()
                    mine = await desk.ledger.write(marks.take_turn, now, duty, self._who, every_s)
                return await body() if mine else 0
        except LedgerError as error:
            desk.log.warning("duty_failed", duty=duty, error=str(error))
            return 0

    async def _poll(self) -> int:
        try:
            found = await self._list_pending()
        except LedgerError:
            raise
        except PackhouseError as error:
            self.last_poll_error = str(error)
            self._desk.log.warning("poll_failed", error=str(error))
            return 0
        self.last_poll_error = ""
        if found:
            self._desk.log.info("poll_found", orders=found)
            self._nudge()
        return found

    async def _list_pending(self) -> int:
        desk, settings = self._desk, self._desk.settings.poll
        began = desk.clock.now()
        newest = await desk.ledger.read(marks.read, _WATERMARK)
        swept = await desk.ledger.read(marks.read, _SWEPT)
        swept_at = float(swept) if swept else 0.0
        # A clock that was set back must not keep the full list from ever coming.
        sweep = newest is None or not swept_at <= began < swept_at + settings.sweep_s
        after = "" if sweep or newest is None else _earlier(newest, settings.overlap_s)
        found, highest = 0, newest or ""
        async for page in self._pages(after):
            listed = [(order.id, order.site_slug) for order in page.orders if _is_mine(desk, order)]
            now = desk.clock.now()
            found += await desk.ledger.write(leases.meet, now, listed, now - settings.relook_s)
            highest = max(
                [highest, *(order.created_at for order in page.orders if _moment(order.created_at))]
            )
        await desk.ledger.write(_keep_marks, desk.clock.now(), highest, began if sweep else None)
        return found

    async def _pages(self, after: str) -> AsyncIterator[OrderPage]:
        """Every page of pending orders. Raises PackhouseError where the list has no end."""
        settings = self._desk.settings.store
        query = OrdersQuery(status="pending", site_slug=settings.site_slug, created_after=after, limit=_PAGE)
        asked: set[OrdersQuery] = set()
        while True:
            if query in asked:
                raise PackhouseError("the store's list of orders goes in a circle: a cursor came twice")
            asked.add(query)
            page = await self._desk.store.orders(query)
            yield page
            if page.next_cursor is not None:
                query = query._replace(cursor=page.next_cursor)
            elif page.truncated and (oldest := min(o.created_at for o in page.orders)):
                # A bare list that was cut off: ask for what is older than its oldest.
                query = query._replace(created_before=oldest)
            else:
                return

    async def _sweep(self) -> int:
        now, settings = self._desk.clock.now(), self._desk.settings
        latest, latest_lease = now + longest_wait_s(settings), now + 2 * settings.lease_s
        found = await self._desk.ledger.write(leases.rescue, now, latest, latest_lease)
        if found:
            self._desk.log.warning("rescued", orders=found)
            self._nudge()
        return found

    async def _prune(self) -> int:
        before = self._desk.clock.now() - self._desk.settings.keep_days * 86_400
        return await self._desk.ledger.write(inbox.prune, before)


def _keep_marks(connection: Connection, now: float, newest: str, swept_at: float | None) -> None:
    marks.write(connection, now, _WATERMARK, newest)
    if swept_at is not None:
        marks.write(connection, now, _SWEPT, repr(swept_at))


def _is_mine(desk: Desk, order: Order) -> bool:
    site = desk.settings.store.site_slug
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
