"""Polls find every order with units left to ship, and ask the store for no more than is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from packhouse.errors import StoreUnavailable
from packhouse.ledger import polls
from packhouse.model.order import Order, OrderPage
from packhouse.model.poll import PollProblem
from packhouse.sandbox.store.state import EXTERNAL, StoreOrder
from packhouse.store.protocol import OrdersQuery, order_from_json
from packhouse.worker.poll import Poll
from tests.service.harness import Harness, NewHarness

pytestmark = pytest.mark.usefixtures("engine")


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def raw_order(order_id: str, at: float, **changes: Any) -> dict[str, Any]:
    """An order of two mugs as the store's list shows it."""
    row = {
        "id": order_id,
        "status": "pending",
        "created_at": iso(at),
        "items": [{"id": "li_1", "product_id": "prod_1", "quantity": 2, "is_digital": False}],
        "fulfillments": [],
    }
    return row | changes


class Shop:
    """A store whose list is a test's own; `rows` may change while it is read."""

    def __init__(self, harness: Harness, rows: Sequence[dict[str, Any]] = (), page: int = 100) -> None:
        self.rows, self.page = list(rows), page
        self.asked: list[OrdersQuery] = []
        harness.store.script(orders=self.orders)

    async def orders(self, query: OrdersQuery) -> OrderPage:
        self.asked.append(query)
        rows = [row for row in self.rows if not query.status or row["status"] == query.status]
        rows = [row for row in rows if row["created_at"] >= query.created_after]
        rows.sort(key=lambda row: str(row["created_at"]), reverse=True)
        start, size = int(query.cursor or 0), min(self.page, query.limit or self.page)
        cursor = str(start + size) if start + size < len(rows) else None
        return OrderPage(tuple(order_from_json(row) for row in rows[start : start + size]), cursor)


async def known(harness: Harness) -> set[str]:
    page = await harness.operations.queries.orders(phase=None, limit=1000, after="")
    return {order.id for order in page.orders}


def ship_one(harness: Harness, order: StoreOrder) -> None:
    """A person ships one unit of the first line with another tool."""
    harness.sandbox.store.fulfill(
        order, [(order.sale.items[0]["id"], 1)], "FedEx", f"9{order.number:06d}", recorded_by=EXTERNAL
    )


async def test_a_poll_ships_orders_without_a_webhook(harness: Harness) -> None:
    sold = [harness.sandbox.place_order("plain") for _ in range(250)]  # more than two pages
    poll = Poll(harness.context)
    assert await poll.run() == 250
    assert await poll.run() == 0
    await harness.process_due()
    assert {await harness.phase(order) for order in sold[:5]} == {"shipped"}


async def test_an_order_that_a_person_shipped_in_part_is_found_whatever_its_status_says(
    harness: Harness,
) -> None:
    now = harness.clock.now()
    one_of_two = [{"tracking_number": "94001", "items": [{"line_item_id": "li_1", "quantity": 1}]}]
    statuses = ("pending", "partially_fulfilled", "fulfilled", "partly_shipped", "on_hold", "")
    rows = [
        raw_order(f"ord_{n}", now - 86_400 * n, status=status, fulfillments=one_of_two)
        for n, status in enumerate(statuses)
    ]
    Shop(harness, rows)
    assert await Poll(harness.context).run() == len(statuses)
    assert await known(harness) == {row["id"] for row in rows}


@pytest.mark.parametrize(
    "says",
    [
        {"fulfilled_quantity": 1},
        {"fulfilled_quantity": "1"},
        {"fulfilled_quantity": 1.0},
        {"remaining_quantity": 1},
        {"fulfillment_status": "partial"},
    ],
)
async def test_a_fulfilled_order_whose_lines_count_unshipped_units_is_found(
    harness: Harness, says: dict[str, Any]
) -> None:
    row = raw_order("ord_1", harness.clock.now(), status="fulfilled", fulfillments=None)
    row["items"][0] |= says
    Shop(harness, [row])
    assert await Poll(harness.context).run() == 1
    assert await known(harness) == {"ord_1"}


async def test_a_fulfilled_order_whose_fulfillments_were_cancelled_is_found(harness: Harness) -> None:
    cancelled = [
        {"tracking_number": "94001", "status": "voided", "items": [{"line_item_id": "li_1", "quantity": 2}]}
    ]
    now = harness.clock.now()
    Shop(harness, [raw_order("ord_1", now, status="fulfilled", fulfillments=cancelled)])
    assert await Poll(harness.context).run() == 1


async def test_an_order_that_needs_no_work_is_not_even_added(harness: Harness) -> None:
    now = harness.clock.now()
    both = [{"tracking_number": "94001", "items": [{"line_item_id": "li_1", "quantity": 2}]}]
    digital = [{"id": "li_1", "product_id": "prod_1", "quantity": 1, "is_digital": True}]
    Shop(
        harness,
        [
            raw_order("ord_shipped", now, status="fulfilled", fulfillments=both),
            raw_order("ord_told", now, status="fulfilled", fulfillments=None),
            raw_order("ord_cancelled", now, status="cancelled"),
            raw_order("ord_digital", now, items=digital),
        ],
    )
    assert await Poll(harness.context).run() == 0
    assert await known(harness) == set()
    assert harness.store.seen("order") == []


async def test_old_orders_are_found_if_the_store_calls_them_pending(harness: Harness) -> None:
    ago = harness.clock.now() - 86_400 * (harness.settings.poll.horizon_days + 1)
    shop = Shop(
        harness, [raw_order("ord_old", ago), raw_order("ord_part", ago, status="partially_fulfilled")]
    )
    assert await Poll(harness.context).run() == 1
    assert await known(harness) == {"ord_old"}
    horizon = iso(harness.clock.now() - 86_400 * harness.settings.poll.horizon_days)
    assert [(query.status, query.created_after) for query in shop.asked] == [("pending", ""), ("", horizon)]


async def test_a_quick_poll_overlaps_the_newest_order_and_lists_all_that_is_pending(harness: Harness) -> None:
    harness.sandbox.place_order("plain")
    poll = Poll(harness.context)
    await poll.run()
    await harness.clock.advance(300)
    await poll.run()
    await harness.clock.advance(harness.settings.poll.full_poll_s)
    await poll.run()
    asked = [(query.status, query.created_after) for (query,) in harness.store.seen("orders")]
    horizon = 86_400 * harness.settings.poll.horizon_days
    assert asked[2:4] == [("pending", ""), ("", "2027-01-15T07:00:00Z")]  # an hour before the order
    assert asked[4:] == [("pending", ""), ("", iso(harness.clock.now() - horizon))]


async def test_many_pending_orders_are_listed_by_full_polls_only(harness: Harness) -> None:
    now = harness.clock.now()
    shop = Shop(harness, [raw_order(f"ord_{n}", now - n) for n in range(24)], page=2)
    poll = Poll(harness.context)
    assert await poll.run() == 24
    del shop.asked[:]
    await poll.run()
    assert {query.status for query in shop.asked} == {""}


async def test_an_order_in_the_future_does_not_hide_later_ones(harness: Harness) -> None:
    now = harness.clock.now()
    shop = Shop(harness, [raw_order("ord_future", now + 86_400 * 365 * 70)])
    poll = Poll(harness.context)
    assert await poll.run() == 1
    shop.rows.append(raw_order("ord_next", now + 60, status="partially_fulfilled"))
    await harness.clock.advance(300)
    assert await poll.run() == 1
    progress = await harness.ledger.read(polls.progress)
    assert progress.newest == iso(now + 60)


async def test_an_order_that_appears_late_is_found_by_the_next_poll(harness: Harness) -> None:
    now = harness.clock.now()
    shop = Shop(harness, [raw_order("ord_new", now)])
    poll = Poll(harness.context)
    await poll.run()
    shop.rows.append(raw_order("ord_late_paid", now - 3 * 3600))
    await harness.clock.advance(300)
    assert await poll.run() == 1
    shop.rows.append(raw_order("ord_late_part", now - 3 * 3600, status="partially_fulfilled"))
    await harness.clock.advance(harness.settings.poll.full_poll_s)
    assert await poll.run() == 1


async def test_a_list_that_moves_while_it_is_read_is_read_again_until_it_rests(harness: Harness) -> None:
    now = harness.clock.now()
    shop = Shop(harness, [raw_order(f"ord_{n:03}", now - 86_400 * 100 - n) for n in range(40)], page=5)
    real = shop.orders

    async def and_ship(query: OrdersQuery) -> OrderPage:
        page = await real(query)
        # While a page is on its way, the pending orders before it ship: the rest of the list moves up.
        for order in page.orders[:3]:
            next(row for row in shop.rows if row["id"] == order.id)["status"] = "fulfilled"
        return page

    harness.store.script(orders=and_ship)
    found = await Poll(harness.context).run()
    assert found == 40
    assert await known(harness) == {row["id"] for row in shop.rows}


async def test_a_list_that_never_rests_is_read_as_a_whole_by_the_next_poll(harness: Harness) -> None:
    now = harness.clock.now()
    shop = Shop(harness, [raw_order(f"ord_{n}", now - n) for n in range(4)], page=2)
    real = shop.orders

    async def and_more(query: OrdersQuery) -> OrderPage:
        if not query.cursor and len(shop.rows) < 20:
            shop.rows.append(raw_order(f"ord_late_{len(shop.rows)}", now - 86_400 * len(shop.rows)))
        return await real(query)

    harness.store.script(orders=and_more)
    poll = Poll(harness.context)
    await poll.run()
    report = await harness.ledger.read(polls.report)
    assert [trouble.problem for trouble in report.troubles] == [PollProblem.STILL_MOVING]
    del shop.asked[:]
    await poll.run()
    assert shop.asked[0].created_after == ""
    assert await known(harness) == {row["id"] for row in shop.rows}
    await poll.run()
    assert (await harness.ledger.read(polls.report)).troubles == ()


async def test_a_finished_order_is_woken_by_news_and_left_alone_without(harness: Harness) -> None:
    order = await harness.ship()
    await harness.advance(harness.settings.poll.confirm_s + 10)
    assert await harness.phase(order) == "shipped"
    poll = Poll(harness.context)
    assert await poll.run() == 0
    await harness.clock.advance(1800)
    assert await poll.run() == 0
    harness.sandbox.store.refund(order, 100)
    assert await poll.run() == 1
    await harness.process_due()
    assert await poll.run() == 0


async def test_a_finished_order_whose_row_differs_for_ever_is_read_once(harness: Harness) -> None:
    order = await harness.ship()
    await harness.advance(harness.settings.poll.confirm_s + 10)

    async def another(query: OrdersQuery) -> OrderPage:
        page = await harness.store.real.orders(query)
        rows = tuple(
            replace(o, raw={**o.raw, "updated_at": "2027-01-16T00:00:00Z", "extra": 1}) for o in page.orders
        )
        return OrderPage(rows)

    harness.store.script(orders=another)
    poll = Poll(harness.context)
    assert await poll.run() == 1
    await harness.process_due()
    assert await harness.phase(order) == "shipped"
    assert await poll.run() == 0


async def test_a_closed_order_that_the_store_shows_as_pending_is_read_again_once_a_day(
    harness: Harness,
) -> None:
    order = harness.sandbox.place_order("digital")
    await harness.deliver_event(order)
    await harness.process_due()
    assert await harness.phase(order) == "closed"
    poll = Poll(harness.context)
    assert await poll.run() == 0
    await harness.clock.advance(86_401)
    assert await poll.run() == 1


async def test_an_order_that_the_store_first_did_not_know_is_found_by_the_poll(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    late = harness.sandbox.store.orders.pop(order.id)
    await harness.deliver_event(order)
    await harness.process_due()
    await harness.advance(600, step=30)
    assert await harness.phase(order) == "closed"
    harness.sandbox.store.orders[order.id] = late
    await Poll(harness.context).run()
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]


async def test_units_that_a_person_left_are_shipped_after_the_poll(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    while sum(order.ordered().values()) < 2:
        order = harness.sandbox.place_order("plain")
    ship_one(harness, order)
    await Poll(harness.context).run()
    await harness.process_due()
    assert order.status == "fulfilled"
    assert not any(order.unshipped().values())


@pytest.mark.parametrize("site", ["paper-lantern", "another-shop"])
async def test_only_orders_of_the_configured_site_are_polled(new_harness: NewHarness, site: str) -> None:
    harness = new_harness(settings={"store": {"site_slug": site}})
    harness.sandbox.place_order("plain")
    assert await Poll(harness.context).run() == (1 if site == "paper-lantern" else 0)


async def test_a_failure_keeps_what_was_found_and_reads_the_rest_the_next_time(harness: Harness) -> None:
    now = harness.clock.now()
    shop = Shop(harness, [raw_order(f"ord_{n}", now - n) for n in range(6)], page=2)
    real = shop.orders

    async def failing(query: OrdersQuery) -> OrderPage:
        if query.cursor == "4":
            raise StoreUnavailable("down", status=503)
        return await real(query)

    harness.store.script(orders=failing)
    poll = Poll(harness.context)
    with pytest.raises(StoreUnavailable):
        await poll.run()
    assert await known(harness) == {"ord_0", "ord_1", "ord_2", "ord_3"}
    assert (await harness.ledger.read(polls.progress)).newest == ""
    harness.store.script(orders=real)
    assert await poll.run() == 2


async def test_what_could_not_be_followed_is_kept_until_a_full_poll_follows_it(harness: Harness) -> None:
    now = harness.clock.now()
    shop = Shop(harness, [raw_order("ord_1", now)])
    real = shop.orders

    async def one_bad(query: OrdersQuery) -> OrderPage:
        return replace(await real(query), unreadable=1)

    harness.store.script(orders=one_bad)
    poll = Poll(harness.context)
    assert await poll.run() == 1
    harness.store.script(orders=real)
    await poll.run()
    report = await harness.ledger.read(polls.report)
    assert [trouble.problem for trouble in report.troubles] == [PollProblem.ROWS_UNREADABLE]
    assert "packhouse orders list --json" in report.troubles[0].sentence
    harness.metrics.set_counts(await harness.operations.queries.counts())
    assert 'packhouse_poll_problems{problem="rows_unreadable"} 1.0' in harness.metrics.render().decode()
    await harness.clock.advance(harness.settings.poll.full_poll_s)
    await poll.run()
    assert (await harness.ledger.read(polls.report)).troubles == ()


async def test_a_row_that_can_only_be_named_is_fetched(harness: Harness) -> None:
    harness.store.script(orders=OrderPage((Order("ord_odd", raw={"id": "ord_odd", "items": 7}),)))
    assert await Poll(harness.context).run() == 1
