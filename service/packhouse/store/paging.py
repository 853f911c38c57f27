"""The pager for lists of orders: from each page to the query for the next, in each form a list may have.

It stops with an error where a list cannot be followed; the daemon's `worker.walk` goes around such places.

A list names its next page by a cursor, or is cut short and names none (a bare array of `limit` rows, or
"has_more" alone). A cut list is continued by creation time, whichever end it starts from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from packhouse.errors import StoreUnreadable
from packhouse.store.requests import OrdersQuery

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Self


CUT_SHORT = "list_cut_short"
_AT_ONCE = "more orders than fit on one page were created at about the same time"
Row = TypeVar("Row")


class Page(Protocol):
    """One page of a list of orders, read or as received."""

    @property
    def next_cursor(self) -> str | None:
        """Leads to the next page, if the store named one."""

    @property
    def truncated(self) -> bool:
        """Whether there is probably more, with no cursor to ask for it."""

    def order_keys(self) -> Sequence[tuple[str, str]]:
        """The id and creation time of each order; "" for what cannot be read."""

    def without(self, ids: Collection[str]) -> Self:
        """The page without these orders."""


AnyPage = TypeVar("AnyPage", bound=Page)


class Pages(Generic[AnyPage]):
    """The way through one list.

    Ask the store for `next_query()` and pass its page to `take()`, until the query is None.
    """

    def __init__(self, query: OrdersQuery) -> None:
        self._query = query
        self._queries = {query}
        self._page: AnyPage | None = None
        # The direction of a list is not documented; the first page with two times shows it.
        self._newest_first: bool | None = None
        # Continuing by time asks for the last second again; its orders are returned once.
        self._returned: set[str] = set()

    def next_query(self) -> OrdersQuery | None:
        """What to ask for next, None after the last page.

        Raises StoreUnreadable where the list goes in a circle, or (with the code `CUT_SHORT`) is cut short
        and cannot be continued.
        """
        if self._page is None:
            return self._query
        query = self._following(self._page)
        if query is None:
            return None
        if query in self._queries and self._page.next_cursor is None:
            raise _cut_off(self._page, _AT_ONCE)
        if query in self._queries:
            raise StoreUnreadable(
                "The store's list of orders goes in a circle: it leads back to a page already read. Reading "
                "stopped there."
            )
        self._queries.add(query)
        self._query, self._page = query, None
        return query

    def take(self, page: AnyPage) -> AnyPage:
        """Take the response to `next_query()`; returns it without orders that an earlier page had."""
        self._page = page
        new = page.without(self._returned) if self._returned else page
        if page.truncated:
            self._returned.update(order_id for order_id, _ in page.order_keys() if order_id)
        return new

    def _following(self, page: AnyPage) -> OrdersQuery | None:
        if page.next_cursor is not None:
            return self._query._replace(cursor=page.next_cursor)
        if not page.truncated:
            return None
        times = [time for _, created_at in page.order_keys() if (time := moment(created_at)) is not None]
        if not times:
            raise _cut_off(page, "its orders have no creation time to continue from")
        if self._newest_first is None and times[0] != times[-1]:
            self._newest_first = times[0] > times[-1]
        if self._newest_first is None:
            raise _cut_off(page, _AT_ONCE)
        if times != sorted(times, reverse=self._newest_first):
            raise _cut_off(page, "its orders are not sorted by creation time")
        # Whether a bound is inclusive is not documented, so the last second is asked for again.
        if self._newest_first:
            return self._query._replace(created_before=second(times[-1], 1), cursor="")
        return self._query._replace(created_after=second(times[-1], -1), cursor="")


def read_pages(read: Callable[[OrdersQuery], AnyPage], query: OrdersQuery) -> Iterator[AnyPage]:
    """Every page of a list; each is read when it is consumed. Raises StoreError."""
    pages = Pages[AnyPage](query)
    while (page_query := pages.next_query()) is not None:
        yield pages.take(read(page_query))


def follow(read: Callable[[str], tuple[Sequence[Row], str | None]], name: str) -> Iterator[Sequence[Row]]:
    """Every page of a list that has cursors only: `read` gets a cursor ("" first), returns page and cursor.

    `name` is what the list holds, for the message. Raises StoreUnreadable where the store repeats a page.
    """
    cursors: set[str] = set()
    cursor: str | None = ""
    while cursor is not None:
        if cursor in cursors:
            raise StoreUnreadable(f"The store's list of {name} repeats a page; reading stopped there.")
        cursors.add(cursor)
        page, cursor = read(cursor)
        yield page


def _cut_off(page: Page, why: str) -> StoreUnreadable:
    return StoreUnreadable(
        f"The store cut its list short after {len(page.order_keys())} orders and named no next page, and "
        f"{why}. Narrow the list by creation time (created_after, created_before).",
        code=CUT_SHORT,
    )


def moment(text: str) -> datetime | None:
    """The time that a text says, in UTC also where it names no zone; None for what is no time."""
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def second(of: datetime, later: int) -> str:
    """The full second of a moment, moved by so many seconds, as the store's filters take it."""
    from datetime import timedelta

    try:
        moved = of + timedelta(seconds=later)
    except OverflowError:
        moved = of
    return moved.strftime("%Y-%m-%dT%H:%M:%SZ")
