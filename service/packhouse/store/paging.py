"""From one page of a list to the next: by cursor, or by time where the store cuts its list short.

The daemon's client and the command's both page with `Pages`; the query is the only state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from packhouse.errors import StoreUnreadable
from packhouse.store.json_fields import CREATED, first_text
from packhouse.store.requests import OrdersQuery
from packhouse.store.responses import Listed

if TYPE_CHECKING:
    from packhouse.model.order import OrderPage

CUT_SHORT = "list_cut_short"
T = TypeVar("T")


class Pages:
    """The way through one list. Ask for `query`, give the page to `turn`, until `query` is None.

    A list that was cut short, without a cursor, is continued with what is not newer than its oldest order.
    That page may repeat orders of the page before.
    """

    def __init__(self, query: OrdersQuery) -> None:
        self.query: OrdersQuery | None = query
        self._asked = {query}

    def turn(self, page: OrderPage | Listed) -> None:
        """Continue with the page after this one.

        Raises StoreUnreadable where the store repeats a page, and with the code `CUT_SHORT` where it cut its
        list short and the orders have no time to continue from.
        """
        if self.query is None:
            return
        following = _following(page, self.query)
        if following in self._asked:
            raise StoreUnreadable(
                "The store's list of orders repeats a page that was already read; reading stopped there."
            )
        if following is not None:
            self._asked.add(following)
        self.query = following


def follow(read: Callable[[str], tuple[Sequence[T], str | None]], name: str) -> Iterator[Sequence[T]]:
    """Every page of a list that has cursors only: `read` gets a cursor, "" first, and returns page and cursor.

    `name` is what the list holds, for the message. Raises StoreUnreadable where the store repeats a page.
    """
    asked: set[str] = set()
    cursor: str | None = ""
    while cursor is not None:
        if cursor in asked:
            raise StoreUnreadable(f"The store's list of {name} repeats a page; reading stopped there.")
        asked.add(cursor)
        page, cursor = read(cursor)
        yield page


def _following(page: OrderPage | Listed, query: OrdersQuery) -> OrdersQuery | None:
    if page.next_cursor is not None:
        return query._replace(cursor=page.next_cursor)
    if not (page.is_cut(query.limit) if isinstance(page, Listed) else page.truncated):
        return None
    times = list(filter(None, _times(page)))
    if not times:
        raise StoreUnreadable(
            "The store cut its list of orders short and names no next page. Ask for a shorter period.",
            code=CUT_SHORT,
        )
    return query._replace(created_before=_just_after(min(times)), cursor="")


def _times(page: OrderPage | Listed) -> list[str]:
    if isinstance(page, Listed):
        return [first_text(row, CREATED) for row in page.rows]
    return [order.created_at for order in page.orders]


def _just_after(moment: str) -> str:
    """The next millisecond: orders created at `moment` itself are read again, so that none is missed."""
    from datetime import UTC, datetime, timedelta

    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        raise StoreUnreadable(
            "The store cut its list of orders short, and an order has no readable time.", code=CUT_SHORT
        ) from None
    at = (at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)) + timedelta(milliseconds=1)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
