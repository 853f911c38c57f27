"""The way through a list ends, whatever the store does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import StoreUnreadable
from packhouse.model.order import OrderPage
from packhouse.store.protocol import OrdersQuery, Pages


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
