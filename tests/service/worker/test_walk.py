"""A walk reaches every order of a list, and says what it cannot reach, in each dialect of lists."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse.errors import StoreInvalidRequest, StoreUnavailable, StoreUnreadable
from packhouse.model.order import Order, OrderPage
from packhouse.model.poll import PollProblem
from packhouse.store.protocol import TOO_LARGE, OrdersQuery
from packhouse.worker.walk import Walk

P = PollProblem
NOW = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
START = datetime(2026, 11, 20, tzinfo=UTC).timestamp()
DIALECTS = ("cursor", "bare", "has_more", "full_page")


class ListingStore:
    """Lists orders, at most `cap` a page, in one dialect and in one sequence.

    "full_page": the list is an object with no cursor. `sequence` is newest, oldest or mixed.
    """

    def __init__(
        self,
        times: Sequence[float | None],
        dialect: str = "cursor",
        *,
        sequence: str = "newest",
        inclusive: bool = False,
        cap: int = 100,
        refuses_above: int = 1000,
        ignores: tuple[str, ...] = (),
        written: Callable[[float], str] | None = None,
    ) -> None:
        self._written = written or _iso
        self.at = {f"ord_{n}": at for n, at in enumerate(times)}
        self._dialect, self._sequence, self._inclusive, self._cap = dialect, sequence, inclusive, cap
        self._refuses_above, self._ignores = refuses_above, ignores
        self.large: set[str] = set()
        self.shows_head = True
        self.asked: list[OrdersQuery] = []

    async def orders(self, query: OrdersQuery) -> OrderPage:
        self.asked.append(query)
        limit = query.limit or 20
        if limit > self._refuses_above:
            raise StoreInvalidRequest("limit", status=400, details=({"path": "limit", "code": "too_big"},))
        size = len(self.at) if "limit" in self._ignores else min(limit, self._cap)
        ids = [order_id for order_id in self._sorted() if self._matches(query, self.at[order_id])]
        start = int(query.cursor or 0) if "cursor" not in self._ignores else 0
        found = ids[start : start + size]
        if self.large.intersection(found):
            self._refuse_large(found)
        more = len(ids) > start + size
        page = tuple(Order(i, "pending", created_at=self._text(self.at[i])) for i in found)
        if self._dialect == "cursor":
            return OrderPage(page, str(start + size) if more else None)
        is_bare = self._dialect == "bare"
        cut = more if self._dialect == "has_more" else is_bare and len(page) >= limit
        return OrderPage(page, truncated=cut, is_bare=is_bare)

    def _refuse_large(self, found: list[str]) -> None:
        head = {"id": "", "created_at": ""}
        if len(found) == 1 and self.shows_head:
            head = {"id": found[0], "created_at": self._text(self.at[found[0]])}
        raise StoreUnreadable("too large", code=TOO_LARGE, details=(head,))

    def _sorted(self) -> list[str]:
        if self._sequence == "mixed":
            return sorted(self.at, key=lambda order_id: hash(("mixed", int(order_id[4:]))))
        newest_first = self._sequence == "newest"
        return sorted(self.at, key=lambda order_id: self.at[order_id] or 0.0, reverse=newest_first)

    def _text(self, at: float | None) -> str:
        return "" if at is None else self._written(at)

    def _matches(self, query: OrdersQuery, at: float | None) -> bool:
        if at is None:
            return not query.created_after and not query.created_before
        after = _seconds(query.created_after) if query.created_after else at - 1
        before = _seconds(query.created_before) if query.created_before else at + 1
        after = at - 1 if "created_after" in self._ignores else after
        before = at + 1 if "created_before" in self._ignores else before
        return after < at < before or (self._inclusive and at in (after, before))


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def walked(store: ListingStore, query: OrdersQuery | None = None) -> tuple[set[str], Walk]:
    walk = Walk(store.orders, NOW)

    async def read() -> set[str]:
        return {order.id async for page in walk.pages(query or OrdersQuery()) for order in page.orders}

    return asyncio.run(read()), walk


@pytest.mark.parametrize("dialect", DIALECTS)
@given(
    gaps=st.lists(st.integers(1500, 9_000_000), max_size=30),  # ms
    sequence=st.sampled_from(["newest", "oldest", "mixed"]),
    inclusive=st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_every_order_is_reached_in_each_dialect_and_sequence(
    dialect: str, gaps: list[int], sequence: str, inclusive: bool
) -> None:
    times = [START + sum(gaps[:n]) / 1000 for n in range(len(gaps))]
    largest = 13 if sequence == "mixed" else 5  # three orders may be in sequence by chance
    store = ListingStore(times, dialect, sequence=sequence, inclusive=inclusive, refuses_above=largest)
    found, walk = walked(store)
    # Without a cursor or a sequence, more orders than a page within three seconds cannot be told apart.
    if sequence == "mixed" and dialect != "cursor" and any(gap < 3000 for gap in gaps):
        assert found == set(store.at) or walk.troubles
    else:
        assert found == set(store.at)
        assert walk.troubles == ()


@pytest.mark.parametrize("dialect", ["bare", "has_more", "full_page"])
@pytest.mark.parametrize("sequence", ["newest", "oldest"])
@pytest.mark.parametrize("inclusive", [True, False])
def test_a_second_with_more_orders_than_a_page_is_passed_and_told(
    dialect: str, sequence: str, inclusive: bool
) -> None:
    times = [START - 60 * n for n in range(1, 150)] + [START] * 130 + [START + 60 * n for n in range(1, 150)]
    store = ListingStore(times, dialect, sequence=sequence, inclusive=inclusive)
    found, walk = walked(store)
    assert found >= {order_id for order_id, at in store.at.items() if at != START}
    assert len(found) >= len(times) - 30
    (trouble,) = walk.troubles
    assert trouble.problem is P.LIST_CUT_SHORT
    assert "2026-11-20T00:00:00Z" in trouble.sentence
    assert len(store.asked) < 20


def test_a_store_that_gives_fewer_rows_than_asked_for_is_not_taken_at_its_word() -> None:
    store = ListingStore([START + 60 * n for n in range(95)], "bare", cap=25)
    found, walk = walked(store)
    assert found == set(store.at)
    assert walk.troubles == ()


def test_a_store_that_refuses_long_pages_is_asked_for_shorter_ones() -> None:
    store = ListingStore([START + 60 * n for n in range(95)], refuses_above=30)
    found, walk = walked(store)
    assert found == set(store.at)
    assert [query.limit for query in store.asked[:4]] == [100, 50, 25, 25]
    assert walk.page_size == 25


def test_a_list_that_ignores_limit_and_bounds_is_read_once() -> None:
    store = ListingStore([START + 60 * n for n in range(300)], "bare", ignores=("limit", "created_before"))
    found, _ = walked(store)
    assert found == set(store.at)
    assert len(store.asked) < 10


def test_a_list_that_ignores_created_after_is_not_read_to_its_end() -> None:
    store = ListingStore([NOW - 3600 * n for n in range(2000)], ignores=("created_after",))
    found, _ = walked(store, OrdersQuery(created_after=_iso(NOW - 7200)))
    assert {"ord_0", "ord_1"} <= found
    assert len(store.asked) == 2


@pytest.mark.parametrize("sequence", ["newest", "oldest", "mixed"])
def test_a_cursor_that_the_store_ignores_is_gone_around_by_time(sequence: str) -> None:
    store = ListingStore([START + 600 * n for n in range(1000)], sequence=sequence, ignores=("cursor",))
    found, walk = walked(store)
    assert found == set(store.at)
    assert walk.troubles == ()


def test_a_list_that_leads_nowhere_ends_and_is_reported_in_one_sentence() -> None:
    async def again(query: OrdersQuery) -> OrderPage:
        return OrderPage((Order("ord_1", "pending"),), "again")

    async def read() -> Walk:
        walk = Walk(again, NOW)
        assert {order.id async for page in walk.pages(OrdersQuery()) for order in page.orders} == {"ord_1"}
        return walk

    walk = asyncio.run(read())
    (trouble,) = walk.troubles
    assert trouble.problem is P.CURSOR_REPEATS
    assert "leads back to a page already read. Orders of that time" in trouble.sentence
    assert walk.requests < 100


def test_a_cursor_that_never_ends_is_left_after_a_bounded_number_of_pages() -> None:
    asked = 0

    async def endless(query: OrdersQuery) -> OrderPage:
        nonlocal asked
        asked += 1
        return OrderPage((), f"c{asked}")

    async def read() -> Walk:
        walk = Walk(endless, NOW)
        assert [page async for page in walk.pages(OrdersQuery())]
        return walk

    walk = asyncio.run(read())
    assert [trouble.problem for trouble in walk.troubles] == [P.LIST_ENDLESS]
    assert asked == 2000


def test_empty_pages_in_the_middle_of_a_list_are_passed() -> None:
    async def sparse(query: OrdersQuery) -> OrderPage:
        place = int(query.cursor or 0)
        orders = (Order(f"ord_{place}", "pending"),) if place in (0, 150) else ()
        return OrderPage(orders, str(place + 1) if place < 200 else None)

    async def read() -> set[str]:
        return {order.id async for page in Walk(sparse, NOW).pages(OrdersQuery()) for order in page.orders}

    assert asyncio.run(read()) == {"ord_0", "ord_150"}


def test_a_last_page_that_is_empty_and_names_its_own_cursor_ends_the_list() -> None:
    async def padded(query: OrdersQuery) -> OrderPage:
        return OrderPage((Order("ord_1", "pending"),) if not query.cursor else (), "end")

    async def read() -> Walk:
        walk = Walk(padded, NOW)
        assert [page async for page in walk.pages(OrdersQuery())]
        return walk

    assert asyncio.run(read()).troubles == ()


@pytest.mark.parametrize("dialect", ["cursor", "bare"])
def test_an_order_too_large_for_a_response_is_passed_and_named(dialect: str) -> None:
    store = ListingStore([START + 60 * n for n in range(300)], dialect)
    store.large = {"ord_120"}
    found, walk = walked(store)
    assert found == set(store.at) - {"ord_120"}
    assert walk.large_ids == {"ord_120"}
    told = [trouble for trouble in walk.troubles if trouble.problem is P.PAGE_TOO_LARGE]
    assert [trouble.sentence[:62] for trouble in told] == [
        "Order ord_120, created at 2026-11-20T02:00:00Z, is too large to"[:62]
    ]


def test_an_order_too_large_that_shows_neither_id_nor_time_is_cornered_by_time() -> None:
    store = ListingStore([START + 3600 * n for n in range(60)])
    store.large, store.shows_head = {"ord_31"}, False
    found, walk = walked(store)
    assert len(found) >= 50
    assert {trouble.problem for trouble in walk.troubles} == {P.PAGE_TOO_LARGE}
    assert len(store.asked) < 200


def test_a_row_that_names_no_order_is_passed_and_told_with_the_order_beside_it() -> None:
    async def one_bad(query: OrdersQuery) -> OrderPage:
        return OrderPage((Order("ord_1", "pending"),), unreadable=1)

    async def read() -> Walk:
        walk = Walk(one_bad, NOW)
        assert [page async for page in walk.pages(OrdersQuery())]
        return walk

    (trouble,) = asyncio.run(read()).troubles
    assert trouble.problem is P.ROWS_UNREADABLE
    assert trouble.what == (
        "1 row of the store's list of orders names no readable order (on the page of order ord_1), and "
        "cannot be followed."
    )


@pytest.mark.parametrize("error", [StoreUnavailable("down", status=503), StoreUnreadable("HTML")])
def test_a_failure_of_the_store_ends_the_walk(error: Exception) -> None:
    async def failing(query: OrdersQuery) -> OrderPage:
        raise error

    async def read() -> None:
        async for _ in Walk(failing, NOW).pages(OrdersQuery()):
            pass

    with pytest.raises(type(error)):
        asyncio.run(read())


def test_times_without_a_zone_are_continued_as_the_store_writes_them() -> None:
    store = ListingStore(
        [START + 60 * n for n in range(250)], "bare", written=lambda at: _iso(at).removesuffix("Z")
    )
    found, walk = walked(store)
    assert found == set(store.at)
    assert not any("Z" in query.created_before for query in store.asked)
    assert walk.troubles == ()
