"""Polling finds what webhooks never told of, and asks for no more than it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse.ledger import kv, leases
from packhouse.ledger.tx import under
from packhouse.model.order import Order, OrderPage
from packhouse.model.states import OrderPhase
from packhouse.store.protocol import OrdersQuery
from packhouse.worker.periodic import PeriodicTasks
from tests.service.house import App, in_house

pytestmark = pytest.mark.usefixtures("engine")


class Nudges:
    """Counts how often the workers were told."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def test_a_poll_alone_ships_what_no_webhook_told_of(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        sold = [house.world.place_order("plain") for _ in range(250)]  # more than two pages
        nudges = Nudges()
        duties = PeriodicTasks(house.context, "me", nudges)
        assert await duties.poll() == 250
        assert nudges.count == 1
        assert await duties.poll() == 0
        await house.job()
        assert {await house.phase(order) for order in sold[:5]} == {"shipped"}

    in_house(story, tmp_path)


def test_a_failing_store_is_remembered_for_the_health_page_and_forgotten_when_it_answers(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        duties = PeriodicTasks(house.context, "me", Nudges())
        house.world.faults.trigger_next("store.error_before_effect")
        assert await duties.poll() == 0
        assert "500" in duties.last_poll_error
        await house.clock.advance(house.settings.poll.interval_s)
        await duties.poll()
        assert duties.last_poll_error == ""

    in_house(story, tmp_path)


def test_later_polls_reach_back_behind_the_newest_order_and_a_sweep_asks_for_everything(
    tmp_path: Path,
) -> None:
    asked: list[OrdersQuery] = []

    async def story(house: App) -> None:
        real = house.store.orders

        async def listen(query: OrdersQuery) -> OrderPage:
            asked.append(query)
            return await real(query)

        house.store.orders = listen  # type: ignore[method-assign]
        house.world.place_order("plain")
        duties = PeriodicTasks(house.context, "me", Nudges())
        await duties.poll()
        await house.clock.advance(300)
        await duties.poll()
        await house.clock.advance(house.settings.poll.full_poll_s)
        await duties.poll()

    in_house(story, tmp_path)
    first, second, third = asked
    assert (first.status, first.created_after) == ("pending", "")
    assert second.created_after == "2027-01-15T07:00:00Z"  # an hour before the order
    assert third.created_after == ""


def test_an_order_believed_done_that_the_store_still_lists_is_looked_at_again(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("digital")
        await house.hear(order)
        await house.job()
        assert await house.phase(order) == "closed"
        duties = PeriodicTasks(house.context, "me", Nudges())
        assert await duties.poll() == 0  # looked at just now
        await house.clock.advance(house.settings.poll.recheck_s + 1)
        assert await duties.poll() == 1

    in_house(story, tmp_path)


def test_a_cursor_that_comes_twice_stops_the_poll_with_a_reason(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        async def circle(query: OrdersQuery) -> OrderPage:
            return OrderPage((Order("ord_1", "pending"),), "again")

        house.store.orders = circle  # type: ignore[method-assign]
        duties = PeriodicTasks(house.context, "me", Nudges())
        await duties.poll()
        assert "the same cursor twice" in duties.last_poll_error

    in_house(story, tmp_path)


@pytest.mark.parametrize("site", ["paper-lantern", "another-shop"])
def test_only_the_orders_of_the_configured_site_are_met(tmp_path: Path, site: str) -> None:
    async def story(house: App) -> None:
        house.world.place_order("plain")
        found = await PeriodicTasks(house.context, "me", Nudges()).poll()
        assert found == (1 if site == "paper-lantern" else 0)

    in_house(story, tmp_path, settings={"store": {"site_slug": site}})


def test_the_net_catches_what_fell_through_and_old_events_are_forgotten(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        (job,) = await house.claim()
        await house.ledger.write(
            under(job.lease, leases.release), house.clock.now(), phase=OrderPhase.OPEN, due_at=None
        )
        duties = PeriodicTasks(house.context, "me", Nudges())
        assert await duties.wake_stalled() == 1
        await house.clock.advance(house.settings.event_retention_days * 86_400 + 1)
        assert await duties.prune() == 1
        assert await house.ledger.read(kv.read, "nothing") is None

    in_house(story, tmp_path)


def test_a_bare_list_that_was_cut_off_is_followed_to_its_end(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        listed = [Order(f"ord_{n}", "pending", created_at=f"2027-01-{n:02}T00:00:00Z") for n in range(1, 8)]

        async def bare(query: OrdersQuery) -> OrderPage:
            older = [o for o in listed if not query.created_before or o.created_at <= query.created_before]
            newest = tuple(sorted(older, key=lambda o: o.created_at, reverse=True)[:3])
            return OrderPage(newest, truncated=len(newest) == 3)

        house.store.orders = bare  # type: ignore[method-assign]
        assert await PeriodicTasks(house.context, "me", Nudges()).poll() == 7

    in_house(story, tmp_path)


def test_an_order_that_the_store_first_did_not_know_is_found_by_the_poll(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        late = house.world.store.orders.pop(order.id)
        await house.hear(order)
        await house.job()
        await house.pass_time(600, step=30)
        assert await house.phase(order) == "closed"
        house.world.store.orders[order.id] = late
        await PeriodicTasks(house.context, "me", Nudges()).poll()
        await house.job()
        assert await house.states(order) == ["fulfilled"]

    in_house(story, tmp_path)


def test_what_a_clock_that_ran_ahead_put_off_is_found_when_the_clock_is_right_again(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order, leased = house.world.place_order("incomplete_address"), house.world.place_order("plain")
        house.clock.skew = 86_400 * 365
        await house.hear(order)
        await house.job()
        await house.hear(leased)
        await house.claim()
        house.clock.skew = 0
        await house.clock.advance(house.settings.lease_s)
        assert await PeriodicTasks(house.context, "me", Nudges()).wake_stalled() == 2
        assert {job.order_id for job in await house.claim()} == {order.id, leased.id}
        assert await PeriodicTasks(house.context, "me", Nudges()).wake_stalled() == 0

    in_house(story, tmp_path)
