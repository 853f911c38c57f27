"""The way through a list ends, whatever the store does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Order, OrderPage
from packhouse.store.paging import CUT_SHORT
from packhouse.store.protocol import OrdersQuery, Pages
from packhouse.store.responses import Listed


def test_each_page_is_asked_for_with_the_cursor_before_it_and_the_same_filters() -> None:
    pages = Pages(OrdersQuery(status="pending", limit=2))
    pages.turn(OrderPage((), next_cursor="a"))
    assert pages.query == OrdersQuery(status="pending", limit=2, cursor="a")
    pages.turn(OrderPage((), next_cursor="b"))
    assert pages.query == OrdersQuery(status="pending", limit=2, cursor="b")
    pages.turn(OrderPage(()))
    assert pages.query is None


@pytest.mark.parametrize("cursors", [["a", "a"], ["a", "b", "a"], ["start"]])
def test_a_cursor_that_comes_again_is_an_error(cursors: list[str]) -> None:
    pages = Pages(OrdersQuery(cursor="start"))
    with pytest.raises(StoreUnreadable, match="already read"):
        for cursor in cursors:
            pages.turn(OrderPage((), next_cursor=cursor))


@given(st.lists(st.sampled_from("abcde") | st.none(), min_size=7, max_size=20))
def test_no_page_is_asked_for_twice(cursors: list[str | None]) -> None:
    pages = Pages(OrdersQuery())
    asked = []
    try:
        for cursor in cursors:
            if pages.query is None:
                break
            asked.append(pages.query.cursor)
            pages.turn(OrderPage((), next_cursor=cursor))
    except StoreUnreadable:
        pass
    assert len(set(asked)) == len(asked) <= 6


def cut(*times: str) -> OrderPage:
    return OrderPage(tuple(Order(id=f"ord_{at}", created_at=at) for at in times), truncated=True)


def test_a_list_that_was_cut_short_is_continued_by_time_and_misses_no_order_of_that_moment() -> None:
    pages = Pages(OrdersQuery(status="pending", limit=2))
    pages.turn(cut("2026-11-01T10:00:00Z", "2026-11-01T09:00:00+01:00"))
    assert pages.query == OrdersQuery(status="pending", limit=2, created_before="2026-11-01T08:00:00.001Z")
    pages.turn(OrderPage(()))
    assert pages.query is None


def test_more_orders_in_one_moment_than_fit_a_page_are_an_error_and_no_endless_list() -> None:
    pages = Pages(OrdersQuery(limit=2))
    pages.turn(cut("2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z"))
    with pytest.raises(StoreUnreadable, match="already read"):
        pages.turn(cut("2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z"))


@pytest.mark.parametrize("times", [(), ("",), ("soon",)])
def test_a_list_that_was_cut_short_without_a_time_is_an_error(
    times: tuple[str, ...],
) -> None:
    with pytest.raises(StoreUnreadable) as raised:
        Pages(OrdersQuery(limit=1)).turn(cut(*times))
    assert raised.value.code == CUT_SHORT


def test_an_array_as_the_store_sent_it_is_cut_where_it_is_full() -> None:
    pages = Pages(OrdersQuery(limit=1))
    rows = [{"id": "ord_1", "createdAt": "2026-11-01T10:00:00Z"}]
    pages.turn(Listed(rows, None, has_more=False, is_bare=True))
    assert pages.query == OrdersQuery(limit=1, created_before="2026-11-01T10:00:00.001Z")
    pages.turn(Listed([], None, has_more=False, is_bare=True))
    assert pages.query is None
