"""Polling finds orders without a webhook, and asks the store for no more than needed."""

from __future__ import annotations

import pytest

from packhouse.ledger import kv, leases
from packhouse.ledger.tx import under
from packhouse.model.order import Order, OrderPage
from packhouse.model.states import OrderPhase
from packhouse.store.protocol import OrdersQuery
from packhouse.worker.periodic import PeriodicTasks
from tests.service.harness import Harness, NewHarness

pytestmark = pytest.mark.usefixtures("engine")


class WakeCounter:
    """Counts how often the workers were woken."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


async def test_a_poll_ships_orders_without_a_webhook(harness: Harness) -> None:
    sold = [harness.sandbox.place_order("plain") for _ in range(250)]  # more than two pages
    wakes = WakeCounter()
    tasks = PeriodicTasks(harness.context, "me", wakes)
    assert await tasks.poll() == 250
    assert wakes.count == 1
    assert await tasks.poll() == 0
    await harness.process_due()
    assert {await harness.phase(order) for order in sold[:5]} == {"shipped"}


async def test_a_failed_poll_is_kept_for_the_health_page_until_the_next_success(harness: Harness) -> None:
    tasks = PeriodicTasks(harness.context, "me", WakeCounter())
    harness.sandbox.faults.trigger_next("store.error_before_effect")
    assert await tasks.poll() == 0
    assert "500" in tasks.last_poll_error
    await harness.clock.advance(harness.settings.poll.interval_s)
    await tasks.poll()
    assert tasks.last_poll_error == ""


async def test_later_polls_overlap_the_newest_order_and_a_full_poll_asks_for_everything(
    harness: Harness,
) -> None:
    harness.sandbox.place_order("plain")
    tasks = PeriodicTasks(harness.context, "me", WakeCounter())
    await tasks.poll()
    await harness.clock.advance(300)
    await tasks.poll()
    await harness.clock.advance(harness.settings.poll.full_poll_s)
    await tasks.poll()
    first, second, third = [query for (query,) in harness.store.seen("orders")]
    assert (first.status, first.created_after) == ("pending", "")
    assert second.created_after == "2027-01-15T07:00:00Z"  # an hour before the order
    assert third.created_after == ""


async def test_a_closed_order_that_the_store_still_lists_is_checked_again(harness: Harness) -> None:
    order = harness.sandbox.place_order("digital")
    await harness.deliver_event(order)
    await harness.process_due()
    assert await harness.phase(order) == "closed"
    tasks = PeriodicTasks(harness.context, "me", WakeCounter())
    assert await tasks.poll() == 0  # checked just now
    await harness.clock.advance(harness.settings.poll.recheck_s + 1)
    assert await tasks.poll() == 1


async def test_a_repeated_cursor_stops_the_poll_with_a_reason(harness: Harness) -> None:
    harness.store.script(orders=OrderPage((Order("ord_1", "pending"),), "again"))
    tasks = PeriodicTasks(harness.context, "me", WakeCounter())
    await tasks.poll()
    assert "goes in a circle" in tasks.last_poll_error


@pytest.mark.parametrize("site", ["paper-lantern", "another-shop"])
async def test_only_orders_of_the_configured_site_are_polled(new_harness: NewHarness, site: str) -> None:
    harness = new_harness(settings={"store": {"site_slug": site}})
    harness.sandbox.place_order("plain")
    found = await PeriodicTasks(harness.context, "me", WakeCounter()).poll()
    assert found == (1 if site == "paper-lantern" else 0)


async def test_stalled_orders_are_woken_and_old_events_are_deleted(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.ledger.write(
        under(job.lease, leases.release), harness.clock.now(), phase=OrderPhase.OPEN, due_at=None
    )
    tasks = PeriodicTasks(harness.context, "me", WakeCounter())
    assert await tasks.wake_stalled() == 1
    await harness.clock.advance(harness.settings.event_retention_days * 86_400 + 1)
    assert await tasks.prune() == 1
    assert await harness.ledger.read(kv.read, "nothing") is None


async def test_a_truncated_list_is_followed_to_its_end(harness: Harness) -> None:
    listed = [Order(f"ord_{n}", "pending", created_at=f"2027-01-{n:02}T00:00:00Z") for n in range(1, 8)]

    async def bare(query: OrdersQuery) -> OrderPage:
        older = [o for o in listed if not query.created_before or o.created_at <= query.created_before]
        newest = tuple(sorted(older, key=lambda o: o.created_at, reverse=True)[:3])
        return OrderPage(newest, truncated=len(newest) == 3)

    harness.store.script(orders=bare)
    assert await PeriodicTasks(harness.context, "me", WakeCounter()).poll() == 7


async def test_an_order_that_the_store_first_did_not_know_is_found_by_the_poll(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    late = harness.sandbox.store.orders.pop(order.id)
    await harness.deliver_event(order)
    await harness.process_due()
    await harness.advance(600, step=30)
    assert await harness.phase(order) == "closed"
    harness.sandbox.store.orders[order.id] = late
    await PeriodicTasks(harness.context, "me", WakeCounter()).poll()
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]


async def test_orders_deferred_by_a_fast_clock_are_found_when_the_clock_is_corrected(
    harness: Harness,
) -> None:
    order, leased = harness.sandbox.place_order("incomplete_address"), harness.sandbox.place_order("plain")
    harness.clock.skew = 86_400 * 365
    await harness.deliver_event(order)
    await harness.process_due()
    await harness.deliver_event(leased)
    await harness.claim_due()
    harness.clock.skew = 0
    await harness.clock.advance(harness.settings.lease_s)
    assert await PeriodicTasks(harness.context, "me", WakeCounter()).wake_stalled() == 2
    assert {job.order_id for job in await harness.claim_due()} == {order.id, leased.id}
    assert await PeriodicTasks(harness.context, "me", WakeCounter()).wake_stalled() == 0
