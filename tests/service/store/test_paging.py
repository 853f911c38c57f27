"""The way through a list reaches every order once and ends, whatever form the store gives its lists."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Order, OrderPage
from packhouse.store.paging import CUT_SHORT
from packhouse.store.protocol import OrdersQuery, Pages
from packhouse.store.responses import ListPage, read_list

LIMIT = 3
START = datetime(2027, 1, 15, 8, 0, tzinfo=UTC).timestamp()


class ListingStore:
    """Lists orders in one dialect: by cursor, as a bare array, or with `has_more` alone; from either end.

    `inclusive`: an order created at a bound itself belongs to the list.
    """

    def __init__(self, times: list[float], dialect: str, *, newest_first: bool, inclusive: bool) -> None:
        created = sorted(enumerate(times), key=lambda one: one[1], reverse=newest_first)
        self._orders = [Order(f"ord_{n}", "pending", created_at=_iso(at)) for n, at in created]
        self._dialect, self._inclusive = dialect, inclusive
        self.asked: list[OrdersQuery] = []

    def orders(self, query: OrdersQuery) -> OrderPage:
        self.asked.append(query)
        start = int(query.cursor or 0)
        found = [order for order in self._orders if self._matches(query, order)][start:]
        page, more = tuple(found[:LIMIT]), len(found) > LIMIT
        if self._dialect == "cursor":
            return OrderPage(page, str(start + LIMIT) if more else None)
        return OrderPage(page, truncated=len(page) == LIMIT if self._dialect == "bare" else more)

    def _matches(self, query: OrdersQuery, order: Order) -> bool:
        at, inclusive = _seconds(order.created_at), self._inclusive
        after = _seconds(query.created_after) if query.created_after else at - 1
        before = _seconds(query.created_before) if query.created_before else at + 1
        return after < at < before or (inclusive and at in (after, before))


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def walked(store: ListingStore, query: OrdersQuery) -> list[str]:
    pages, found = Pages[OrderPage](query), list[str]()
    while (asked := pages.next_query()) is not None:
        found += [order.id for order in pages.take(store.orders(asked)).orders]
    return found


@pytest.mark.parametrize("dialect", ["cursor", "bare", "has_more"])
@given(
    gaps=st.lists(st.integers(1500, 90_000), max_size=20),  # ms
    newest_first=st.booleans(),
    inclusive=st.booleans(),
)
def test_every_order_is_returned_once_in_each_dialect(
    dialect: str, gaps: list[int], newest_first: bool, inclusive: bool
) -> None:
    times = [START + sum(gaps[:n]) / 1000 for n in range(len(gaps))]
    store = ListingStore(times, dialect, newest_first=newest_first, inclusive=inclusive)
    found = walked(store, OrdersQuery(status="pending", limit=LIMIT))
    assert sorted(found) == sorted(f"ord_{n}" for n in range(len(times)))
    assert {query.status for query in store.asked} == {"pending"}


@pytest.mark.parametrize("dialect", ["cursor", "bare", "has_more"])
@given(seconds=st.lists(st.integers(0, 4), max_size=20), newest_first=st.booleans())
def test_orders_of_the_same_moment_are_all_returned_or_the_walk_ends_with_an_error(
    dialect: str, seconds: list[int], newest_first: bool
) -> None:
    times = [START + second for second in seconds]
    store = ListingStore(times, dialect, newest_first=newest_first, inclusive=False)
    try:
        found = walked(store, OrdersQuery(limit=LIMIT))
    except StoreUnreadable as error:
        assert "about the same time" in str(error)
        return
    assert sorted(found) == sorted(f"ord_{n}" for n in range(len(times)))


def test_each_page_is_asked_for_with_the_cursor_before_it_and_the_same_filters() -> None:
    pages = Pages[OrderPage](OrdersQuery(status="pending", limit=2))
    assert pages.next_query() == OrdersQuery(status="pending", limit=2)
    pages.take(OrderPage((), next_cursor="a"))
    assert pages.next_query() == OrdersQuery(status="pending", limit=2, cursor="a")
    pages.take(OrderPage((), next_cursor="b"))
    assert pages.next_query() == OrdersQuery(status="pending", limit=2, cursor="b")
    pages.take(OrderPage(()))
    assert pages.next_query() is None
    assert pages.next_query() is None


def test_a_list_that_was_cut_short_is_continued_within_the_bounds_that_were_asked_for() -> None:
    bounds = OrdersQuery(created_after="2027-01-01T00:00:00Z", limit=2)
    pages = Pages[OrderPage](bounds)
    times = ("2027-01-15T09:00:00.500Z", "2027-01-15T08:00:00.250Z")
    pages.take(OrderPage(tuple(Order(at, "pending", created_at=at) for at in times), truncated=True))
    assert pages.next_query() == bounds._replace(created_before="2027-01-15T08:00:01Z")


@pytest.mark.parametrize("cursors", [["a", "a"], ["a", "b", "a"], ["start"]])
def test_a_cursor_that_comes_again_is_an_error(cursors: list[str]) -> None:
    pages = Pages[OrderPage](OrdersQuery(cursor="start"))
    with pytest.raises(StoreUnreadable, match=r"goes in a circle.*already read"):
        for cursor in cursors:
            assert pages.next_query() is not None
            pages.take(OrderPage((), next_cursor=cursor))
        pages.next_query()


@pytest.mark.parametrize(
    ("times", "why"),
    [
        ([], "no creation time"),
        (["", "yesterday"], "no creation time"),
        (["2027-01-02T00:00:00Z", "2027-01-01T00:00:00Z", "2027-01-03T00:00:00Z"], "not sorted"),
    ],
)
def test_a_cut_list_that_cannot_be_continued_is_an_error_and_never_the_whole(
    times: list[str], why: str
) -> None:
    pages = Pages[OrderPage](OrdersQuery())
    orders = tuple(Order(f"ord_{n}", "pending", created_at=at) for n, at in enumerate(times))
    pages.take(OrderPage(orders, truncated=True))
    with pytest.raises(StoreUnreadable, match=f"cut its list short.*{why}") as raised:
        pages.next_query()
    assert raised.value.code == CUT_SHORT


@given(st.lists(st.sampled_from("abcde") | st.none(), min_size=7, max_size=20))
def test_no_page_is_asked_for_twice(cursors: list[str | None]) -> None:
    pages = Pages[OrderPage](OrdersQuery())
    asked = []
    try:
        for cursor in cursors:
            query = pages.next_query()
            if query is None:
                break
            asked.append(query.cursor)
            pages.take(OrderPage((), next_cursor=cursor))
    except StoreUnreadable:
        pass
    assert len(set(asked)) == len(asked) <= 6


def test_an_array_as_received_is_continued_where_it_is_full_and_its_rows_come_once() -> None:
    rows = [{"id": f"ord_{n}", "createdAt": f"2026-11-0{4 - n}T10:00:00Z"} for n in (1, 2, 3)]
    pages = Pages[ListPage](OrdersQuery(limit=2))
    pages.take(read_list(rows[:2], "orders", 2))
    assert pages.next_query() == OrdersQuery(limit=2, created_before="2026-11-02T10:00:01Z")
    assert pages.take(read_list(rows[1:], "orders", 2)).rows == rows[2:]
    pages.next_query()
    pages.take(read_list([], "orders", 2))
    assert pages.next_query() is None
