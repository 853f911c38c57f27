"""A walk through the store's list of orders that goes around what it cannot read, and says so.

A list is followed by its cursors, or by creation time where it names none. Where neither leads on, its time
span is split in two, until the orders that cannot be listed are left over. One walk reads several lists.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from packhouse.errors import StoreInvalidRequest, StoreUnreadable
from packhouse.model.order import OrderPage
from packhouse.model.poll import PollProblem, Trouble
from packhouse.store.protocol import TOO_LARGE, OrdersQuery, moment, second

LARGEST_PAGE = 100
_MOST_REQUESTS = 20_000
_MOST_USELESS = 2_000  # pages without a new order: a store may look through many orders for one
_REPEATED_PAGES = 20  # in a row, with orders and none of them new
_MOST_TOO_LARGE = 60  # of up to 16 MiB each
_MOST_WINDOWS = 500
_MOST_IN_VAIN = 32  # windows in a row that are split and show no new order: more than lead to one second
_SMALLEST = timedelta(seconds=3)
_NEAR = timedelta(days=1)
_FIRST_DAY = datetime(2015, 1, 1, tzinfo=UTC)
# A store may write its times in a zone that it does not name.
_ZONES = timedelta(days=1)


@dataclass(slots=True)
class _List:
    """One list while it is followed. `newest_first` is None until two different times have shown it."""

    window: OrdersQuery
    query: OrdersQuery
    limit: int = 0
    cursors: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    newest_first: bool | None = None
    is_sorted: bool = True
    last: datetime | None = None
    repeated: int = 0


class Walk:
    """Reads lists of orders. `page_size` is the largest page that the store gave so far.

    `troubles` has what could not be followed, `large_ids` the orders that are too large for a response.
    """

    def __init__(
        self, read: Callable[[OrdersQuery], Awaitable[OrderPage]], now: float, page_size: int = LARGEST_PAGE
    ) -> None:
        self._read = read
        self._now = datetime.fromtimestamp(now, UTC)
        self.page_size = page_size
        self.requests = self.rows = 0
        self._useless = self._too_large = self._windows_used = 0
        self._windows: deque[OrdersQuery] = deque()
        self._names_cursors = False
        self._usual_size = 0  # the page size before pages became too large
        self._in_vain = 0
        self._seen: set[str] = set()
        # problem, sentence with a place for "where" -> where
        self._reports: dict[tuple[PollProblem, str], dict[str, None]] = {}
        self.large_ids: set[str] = set()

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What could not be followed, one for each cause."""
        return tuple(
            Trouble(problem, sentence.replace(_WHERE, _first_of(list(where))))
            for (problem, sentence), where in self._reports.items()
        )

    async def pages(self, query: OrdersQuery) -> AsyncIterator[OrderPage]:
        """Every page of a list. An order may come more than once. Raises StoreError."""
        self._windows = deque([query])
        self._windows_used = 0
        while self._windows:
            self._windows_used += 1
            window = self._windows.pop()
            one = _List(window, window)
            async for page in self._follow(one):
                yield page

    async def _follow(self, one: _List) -> AsyncIterator[OrderPage]:
        while True:
            if self.requests >= _MOST_REQUESTS or self._useless >= _MOST_USELESS:
                self._give_up()
                return
            page = await self._page(one)
            if page is None:
                return
            yield page
            fresh = self._note(one, page)
            if self._is_beyond(one, page):
                return
            follow = self._by_cursor if page.next_cursor else self._by_time
            following = follow(one, page, fresh)
            if following is None:
                return
            one.query = following

    async def _page(self, one: _List) -> OrderPage | None:
        """The page, in fewer rows where it is too large; None where a single order is."""
        while True:
            one.limit = min(one.window.limit or self.page_size, self.page_size)
            self.requests += 1
            try:
                page = await self._read(one.query._replace(limit=one.limit))
            except StoreUnreadable as error:
                if error.code != TOO_LARGE:
                    raise
                self._too_large += 1
                if self._too_large > _MOST_TOO_LARGE:
                    self._report(PollProblem.PAGE_TOO_LARGE, _too_many_large(one.query))
                    self._windows.clear()
                    return None
                if one.limit == 1:
                    # One order alone made the pages small: the others are read as before it.
                    self.page_size = self._usual_size or self.page_size
                    self._usual_size = 0
                    self._pass_large(one, error)
                    return None
                self._usual_size = self._usual_size or self.page_size
                self.page_size //= 2
            except StoreInvalidRequest as error:
                smaller = _accepted_limit(error, one.limit)
                if not smaller:
                    raise
                self.page_size = smaller
            else:
                self.rows += len(page.orders) + page.unreadable
                return page

    def _note(self, one: _List, page: OrderPage) -> bool:
        """Note what a page shows of its list. Returns whether any of its orders is new to the list."""
        if page.unreadable:
            rows = "1 row" if page.unreadable == 1 else f"{page.unreadable} rows"
            self._report(
                PollProblem.ROWS_UNREADABLE,
                f"{rows} of the store's list of orders {'names' if page.unreadable == 1 else 'name'} no "
                f"readable order{_near(page)}, and cannot be followed.",
            )
        self._names_cursors = self._names_cursors or page.next_cursor is not None
        ids = {order.id for order in page.orders}
        fresh = not ids <= one.seen
        one.seen |= ids
        if not ids <= self._seen:
            self._in_vain = 0
            self._seen |= ids
        one.repeated = 0 if fresh or not ids else one.repeated + 1
        self._useless += not fresh
        times = _times(page)
        if fresh and times:
            along = times if one.last is None else [one.last, *times]
            if one.newest_first is None and along[0] != along[-1]:
                one.newest_first = along[0] > along[-1]
            if one.newest_first is not None and along != sorted(along, reverse=one.newest_first):
                one.is_sorted = False
            one.last = times[-1]
        return fresh

    def _is_beyond(self, one: _List, page: OrderPage) -> bool:
        """Whether the page shows that the rest of the list is of no use: the store ignores a bound."""
        times = _times(page)
        if not times or len(times) < len(page.orders):
            return False
        after, before = one.query.created_after, one.query.created_before
        repeats = one.repeated and one.query.cursor == "" and max(times) > _bound(before) + _SMALLEST
        if before and (repeats or min(times) > _bound(before) + _ZONES):
            self._report(PollProblem.BOUNDS_IGNORED, _BOUNDS_IGNORED)
            self._windows.clear()
            return True
        # From here on everything is older than what was asked for.
        return bool(after and one.newest_first and one.is_sorted and max(times) < _bound(after) - _ZONES)

    # ---- to the next page --------------------------------------------------------------------------------

    def _by_cursor(self, one: _List, page: OrderPage, _fresh: bool) -> OrdersQuery | None:
        cursor = page.next_cursor or ""
        if cursor in one.cursors:
            if page.orders:
                self._split(
                    one.window, PollProblem.CURSOR_REPEATS, "its cursor leads back to a page already read"
                )
            return None
        one.cursors.add(cursor)
        if one.repeated >= _REPEATED_PAGES:
            self._split(one.window, PollProblem.LIST_ENDLESS, "page after page repeats the same orders")
            return None
        return one.query._replace(cursor=cursor)

    def _by_time(self, one: _List, page: OrderPage, fresh: bool) -> OrdersQuery | None:
        """The query that continues a list without a cursor; None where it is complete."""
        count = len(page.orders) + page.unreadable
        # An object without a cursor may belong to a store that names none at all.
        is_full = page.truncated or (count >= one.limit and not self._names_cursors)
        # An array has no place for a cursor. A store that gives less than was asked for gives a round number.
        if not is_full and not (page.is_bare and count >= 10 and count % 5 == 0):
            return None
        if not fresh and not is_full:
            return None
        times = _times(page)
        if not times or len(times) < len(page.orders) or not one.is_sorted:
            why = (
                "its orders are not sorted by creation time" if times else "its orders have no creation time"
            )
            self._split(one.window, PollProblem.LIST_CUT_SHORT, why)
            return None
        if one.newest_first is None or not fresh:
            self._pass_second(one, times[-1])
            return None
        # Whether a bound is inclusive is not documented, so the last second is asked for again.
        last = page.orders[-1].created_at
        if one.newest_first:
            return one.query._replace(created_before=_like(last, times[-1], 1))
        return one.query._replace(created_after=_like(last, times[-1], -1))

    # ---- around what cannot be read ----------------------------------------------------------------------

    def _pass_second(self, one: _List, at: datetime) -> None:
        """Continue before and after a second with more orders than fit on a page."""
        self._report(
            PollProblem.LIST_CUT_SHORT,
            "The store cuts its list short and names no next page, and more orders than fit on one page were "
            f"created at about {_WHERE}.",
            second(at, 0),
        )
        self._read_around(one, at)

    def _pass_large(self, one: _List, error: StoreUnreadable) -> None:
        """Continue around an order that alone is too large for a response."""
        found = error.details[0] if error.details else {}
        order_id, at = str(found.get("id", "")), moment(str(found.get("created_at", "")))
        if at is None:
            self._corner_large(one)
            return
        if order_id:
            self.large_ids.add(order_id)
        name = f"Order {order_id}" if order_id else "An order"
        self._report(
            PollProblem.PAGE_TOO_LARGE,
            f"{name}, created at {second(at, 0)}, is too large to be read: the store's response is larger "
            "than 16 MiB.",
        )
        self._read_around(one, at)

    def _corner_large(self, one: _List) -> None:
        """Split the time in which the order must be. Near to the last readable one, rows are read singly."""
        why = "an order in it is too large to be read"
        window, last = one.window, one.last
        if window.limit == 1 or last is None or one.newest_first is None or not one.is_sorted:
            self._split(window, PollProblem.PAGE_TOO_LARGE, why)
        elif one.newest_first:
            edge = last - _NEAR
            if _leaves_room(window.created_after, second(edge, 0)):
                self._push(window, created_before=second(edge, 1))
                window = window._replace(created_after=second(edge, -1))
            self._push(window, created_before=second(last, 1), limit=1)
        else:
            edge = last + _NEAR
            if _leaves_room(second(edge, 0), window.created_before):
                self._push(window, created_after=second(edge, -1))
                window = window._replace(created_before=second(edge, 1))
            self._push(window, created_after=second(last, -1), limit=1)

    def _read_around(self, one: _List, at: datetime) -> None:
        """Read what was created before and after this second."""
        window = one.window
        # A bound may be inclusive: the same second is passed by one more step the next time.
        before, after = second(at, 0), second(at, 0)
        if window.created_before == before:
            before = second(at, -1)
        if window.created_after == after:
            after = second(at, 1)
        if one.newest_first is not False and _leaves_room(window.created_after, before):
            self._push(window, created_before=before)
        if one.newest_first is not True and _leaves_room(after, window.created_before):
            self._push(window, created_after=after)

    def _split(self, window: OrdersQuery, problem: PollProblem, why: str) -> None:
        """Read each half of the window's time on its own; report the problem where it cannot be split."""
        low = _bound(window.created_after) if window.created_after else _FIRST_DAY
        high = _bound(window.created_before) if window.created_before else self._now + timedelta(days=1)
        self._in_vain += 1
        if self._in_vain > _MOST_IN_VAIN:
            self._windows.clear()
        if high - low <= _SMALLEST or self._in_vain > _MOST_IN_VAIN or not self._has_room:
            span = f"after {second(low, 0)}"
            if window.created_before:
                span = f"between {second(low, 0)} and {second(high, 0)}"
            self._report(
                problem, f"The store's list of orders created {_WHERE} cannot be followed: {why}.", span
            )
            return
        if not window.created_before:
            self._push(window, created_after=second(high, -1))
        # The halves overlap, whether a bound is inclusive or not.
        middle = low + (high - low) / 2
        self._push(window, created_after=second(middle, -1), created_before=second(high, 0))
        self._push(window, created_after=second(low, 0), created_before=second(middle, 1))

    @property
    def _has_room(self) -> bool:
        return self._windows_used + len(self._windows) < _MOST_WINDOWS

    def _push(self, window: OrdersQuery, **bounds: Any) -> None:
        """Read this part of the window later."""
        if self._has_room:
            self._windows.append(window._replace(cursor="", **bounds))
        else:
            self._give_up()

    def _give_up(self) -> None:
        self._report(
            PollProblem.LIST_ENDLESS,
            f"The store's list of orders did not end within {self.requests} requests; reading stopped there.",
        )
        self._windows.clear()

    def _report(self, problem: PollProblem, sentence: str, where: str = "") -> None:
        self._reports.setdefault((problem, sentence), {})[where] = None


_WHERE = "<where>"
_BOUNDS_IGNORED = (
    "The store's list of orders ignores created_before, and cannot be followed in another way: only its "
    "first part was read."
)


def _too_many_large(query: OrdersQuery) -> str:
    before = f" created before {query.created_before}" if query.created_before else ""
    return (
        f"The store's list of orders{before} has too many orders that are too large to be read; reading "
        "stopped there."
    )


def _first_of(places: list[str]) -> str:
    """The first place, and how many more there are."""
    return places[0] if len(places) == 1 else f"{places[0]} (and {len(places) - 1} more)"


def _accepted_limit(error: StoreInvalidRequest, asked: int) -> int:
    """A smaller page that the store may accept; 0 if the limit is not what it refuses."""
    about = [row for row in error.details if "limit" in str(row.get("path", ""))]
    if asked == 1 or (error.details and not about):
        return 0
    largest = about[0].get("max", about[0].get("maximum")) if about else None
    return largest if type(largest) is int and 0 < largest < asked else asked // 2


def _times(page: OrderPage) -> list[datetime]:
    return [at for order in page.orders if (at := moment(order.created_at)) is not None]


def _near(page: OrderPage) -> str:
    """The readable order next to an unreadable one, for a person who looks for it."""
    return f" (on the page of order {page.orders[0].id})" if page.orders else ""


def _bound(text: str) -> datetime:
    return moment(text) or _FIRST_DAY


def _leaves_room(after: str, before: str) -> bool:
    return not after or not before or _bound(before) > _bound(after)


def _like(written: str, at: datetime, later: int) -> str:
    """The second as a bound, without a zone where the store's own time names none."""
    text = second(at, later)
    named = written.endswith(("Z", "z")) or "+" in written[10:] or "-" in written[10:]
    return text if named else text.removesuffix("Z")
