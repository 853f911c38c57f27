"""How many rows a poll asks for, after the store could not give as many."""

from __future__ import annotations

import pytest

from packhouse.errors import StoreUnanswered, StoreUnavailable
from packhouse.model.order import OrderPage
from packhouse.store.protocol import OrdersQuery
from packhouse.worker.poll import Poll
from tests.service.harness import Harness
from tests.service.worker.test_poll import Shop, raw_order

pytestmark = pytest.mark.usefixtures("engine")


async def test_a_list_that_is_too_slow_in_large_pages_is_read_in_smaller_ones(harness: Harness) -> None:
    now = harness.clock.now()
    shop = Shop(harness, [raw_order(f"ord_{n}", now - n) for n in range(60)])
    real = shop.orders

    async def slow(query: OrdersQuery) -> OrderPage:
        if (query.limit or 100) > 30:
            shop.asked.append(query)
            raise StoreUnanswered("no complete response in time")
        return await real(query)

    harness.store.script(orders=slow)
    poll = Poll(harness.context)
    for _ in range(2):
        with pytest.raises(StoreUnanswered):
            await poll.run()
    assert await poll.run() == 60
    assert [query.limit for query in shop.asked[:3]] == [100, 50, 25]
    del shop.asked[:]
    await harness.clock.advance(300)
    await poll.run()
    assert {query.limit for query in shop.asked} == {25}


async def test_a_store_that_is_down_for_long_is_not_asked_for_single_orders(harness: Harness) -> None:
    async def down(query: OrdersQuery) -> OrderPage:
        limits.append(query.limit)
        raise StoreUnavailable("down", status=503)

    limits: list[int | None] = []
    harness.store.script(orders=down)
    poll = Poll(harness.context)
    for _ in range(6):
        with pytest.raises(StoreUnavailable):
            await poll.run()
    assert limits == [100, 50, 25, 12, 10, 10]
