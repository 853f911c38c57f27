"""Which way a list goes, where it is continued, and what of a page was returned before."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Order, OrderPage
from packhouse.store.paging import Pages, follow, moment, second
from packhouse.store.requests import OrdersQuery
from packhouse.store.responses import ListPage, read_list

DAY = "2027-01-0{}T08:00:00Z"


def cut(*days: int | str) -> OrderPage:
    """A page that was cut short, with an order of each of these days."""
    orders = (Order(f"ord_{day}", created_at=DAY.format(day) if day else "") for day in days)
    return OrderPage(tuple(orders), truncated=True)


def after(*pages: OrderPage) -> OrdersQuery:
    """What is asked for after these pages."""
    walk = Pages[OrderPage](OrdersQuery(limit=3))
    for page in pages:
        walk.next_query()
        walk.take(page)
    query = walk.next_query()
    assert query is not None
    return query


def test_a_list_is_continued_from_the_end_that_it_goes_to() -> None:
    assert after(cut(3, 2, 1)) == OrdersQuery(limit=3, created_before="2027-01-01T08:00:01Z")
    assert after(cut(1, 2, 3)) == OrdersQuery(limit=3, created_after="2027-01-03T07:59:59Z")


def test_an_order_without_a_time_does_not_hide_the_direction() -> None:
    assert after(cut("", 2, "", 1, "")) == OrdersQuery(limit=3, created_before="2027-01-01T08:00:01Z")


def test_a_page_of_one_time_is_continued_in_the_direction_that_is_known() -> None:
    assert after(cut(3, 2), cut(1, 1)).created_before == "2027-01-01T08:00:01Z"


@pytest.mark.parametrize(
    ("pages", "why"),
    [
        ([cut(3, 1, 2)], "not sorted"),
        ([cut(1, 3, 2)], "not sorted"),
        ([cut(3, 2), cut(1, 2)], "not sorted"),
        ([cut(1, 2), cut(3, 2)], "not sorted"),
        ([cut(1, 2, 1)], "at about the same time"),
        ([cut(1, 1)], "at about the same time"),
        ([cut(2, 1), cut(1, 1)], "at about the same time"),
    ],
)
def test_a_list_whose_order_is_lost_ends_with_an_error(pages: list[OrderPage], why: str) -> None:
    with pytest.raises(StoreUnreadable, match=rf"after {len(pages[-1].orders)} orders.*{why}"):
        after(*pages)


def test_after_the_last_page_nothing_is_asked_for_again() -> None:
    walk = Pages[OrderPage](OrdersQuery())
    walk.next_query()
    walk.take(OrderPage(()))
    assert [walk.next_query(), walk.next_query()] == [None, None]


def test_a_cursor_outweighs_that_the_list_was_cut() -> None:
    page = OrderPage(cut(3, 2).orders, next_cursor="c", truncated=True)
    assert after(page) == OrdersQuery(limit=3, cursor="c")


def test_a_list_with_cursors_is_returned_as_the_store_gives_it() -> None:
    walk = Pages[OrderPage](OrdersQuery())
    first, again = (OrderPage((Order("ord_1"),), next_cursor=cursor) for cursor in ("a", "b"))
    assert walk.take(first) is first
    assert walk.next_query() is not None
    assert walk.take(again).orders == (Order("ord_1"),)


def test_rows_that_name_no_order_are_returned_each_time() -> None:
    unnamed = {"note": "no id"}
    walk = Pages[ListPage](OrdersQuery(limit=2))
    rows = [{"id": f"ord_{day}", "created_at": DAY.format(day)} for day in (3, 2, 1)]
    walk.take(read_list([rows[0], rows[1], unnamed], "orders", 2))
    assert walk.next_query() is not None
    assert walk.take(read_list([rows[1], unnamed, rows[2]], "orders", 2)).rows == [unnamed, rows[2]]


def test_a_list_with_cursors_only_is_read_to_its_end() -> None:
    pages = {"": ([1, 2], "a"), "a": ([], "b"), "b": ([3], None)}
    assert list(follow(lambda cursor: pages[cursor], "webhooks")) == [[1, 2], [], [3]]


def test_a_list_with_cursors_only_that_repeats_a_page_is_an_error() -> None:
    read: list[str] = []
    with pytest.raises(StoreUnreadable, match="list of webhooks repeats a page"):
        for page in follow(lambda cursor: ([cursor], "a"), "webhooks"):
            read += page
    assert read == ["", "a"]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_time_without_a_zone_is_in_utc_wherever_the_daemon_runs(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert moment("2027-01-01T08:00:00") == datetime(2027, 1, 1, 8, tzinfo=UTC)
        assert moment("2027-01-01T08:00:00+02:00") == datetime(2027, 1, 1, 6, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_second_is_moved_as_far_as_there_is_time() -> None:
    at = datetime(2027, 1, 1, 8, 0, 0, 999_999, tzinfo=UTC)
    assert [second(at, 1), second(at, -1)] == ["2027-01-01T08:00:01Z", "2027-01-01T07:59:59Z"]
    assert second(datetime.max.replace(tzinfo=UTC), 1) == "9999-12-31T23:59:59Z"
