"""The store changed its mind, or tells less than it might: nothing is bought or taken back on a guess."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packhouse.errors import StoreUnavailable
from packhouse.flow import STEPS
from packhouse.model.order import Order
from packhouse.sandbox.store.state import StoreOrder
from tests.service.house import App, in_house

pytestmark = pytest.mark.usefixtures("engine")

TWO_PARCELS = {"parcel": {"weight_g": 500, "max_weight_g": 1000}}


def _silent(order: Order) -> Order:
    """A store whose answer carries neither fulfillments nor refunds."""
    return replace(order, fulfillments=None, refunds=None)


def _four_of_one(house: App) -> StoreOrder:
    order = house.world.place_order("plain")
    order.sale.items[0]["quantity"] = 4
    del order.sale.items[1:]
    return order


async def _post_with_a_lost_answer(house: App, order: StoreOrder) -> None:
    job = await house.work_until(order, "post")
    house.world.faults.trigger_next("store.error_after_effect")
    post = next(step for step in STEPS if step.name == "post")
    with pytest.raises(StoreUnavailable):
        await post.run(house.context, job)
    assert order.fulfillments


def test_nothing_is_bought_once_the_store_says_that_everything_is_fulfilled(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        house.store_answers(_silent)
        order = house.world.place_order("plain")
        await house.work_until(order, "buy")
        house.world.store.fulfill(
            order, list(order.ordered().items()), "FedEx", "80001", recorded_by="external"
        )
        await house.clock.advance(130)
        await house.job()
        assert await house.states(order) == ["cancelled"]
        assert house.labels_sold(order, live_only=False) == 0

    in_house(story, tmp_path)


def test_nothing_is_bought_for_a_returned_order(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.work_until(order, "buy")
        order.status = "returned"
        order.touch(house.clock.now())
        await house.clock.advance(130)
        await house.job()
        assert house.labels_sold(order, live_only=False) == 0

    in_house(story, tmp_path)


def test_a_label_that_the_store_has_recorded_is_not_taken_back_when_the_address_changes(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await _post_with_a_lost_answer(house, order)
        house.world.store.change_address(order, {"line1": "77 Other Road"})
        await house.clock.advance(130)
        await house.job()
        await house.pass_time(200)
        assert await house.states(order) == ["fulfilled"]
        assert [hold.code for hold in await house.standing(order)] == ["order_changed"]
        assert house.labels_sold(order) == 1

    in_house(story, tmp_path)


def test_a_label_that_may_be_posted_at_a_silent_store_waits_for_a_person(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        house.store_answers(_silent)
        order = house.world.place_order("plain")
        await _post_with_a_lost_answer(house, order)
        house.world.store.change_address(order, {"line1": "77 Other Road"})
        await house.clock.advance(130)
        await house.pass_time(200)
        assert await house.states(order) == ["labeled"]
        (hold,) = await house.standing(order)
        assert hold.code == "order_changed"
        assert "the store does not say" in hold.note
        assert house.labels_sold(order) == 1

    in_house(story, tmp_path)


def test_a_post_on_its_way_is_given_time_to_be_recorded_before_its_label_is_taken_back(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        job = await house.work_until(order, "post")
        house.world.faults.trigger_next("store.error_before_effect")
        with pytest.raises(StoreUnavailable):
            await next(step for step in STEPS if step.name == "post").run(house.context, job)
        house.world.store.change_address(order, {"line1": "77 Other Road"})
        await house.clock.advance(130)
        await house.job()
        assert await house.states(order) == ["labeled"]
        await house.pass_time(200)
        assert await house.states(order) == ["voided", "fulfilled"]

    in_house(story, tmp_path)


def test_a_parcel_whose_address_changed_while_its_sister_was_bought_is_taken_back(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = _four_of_one(house)
        buy, bought = house.easypost.buy, 0

        async def then_it_moves(purchase: Any) -> Any:
            nonlocal bought
            answer = await buy(purchase)
            bought += 1
            if bought == 1:
                house.world.store.change_address(order, {"line1": "77 Other Road"})
            return answer

        house.easypost.buy = then_it_moves  # type: ignore[method-assign]
        await house.hear(order)
        await house.job()
        await house.pass_time(200)
        assert (await house.states(order))[0] == "voided"
        assert sum(row.quantity for row in order.fulfillments) == 4
        assert {row.tracking_number for row in order.fulfillments}.isdisjoint(
            {one["tracking"] for one in house.world.audit.to_json()["purchases"] if one["voided"]}
        )

    in_house(story, tmp_path, settings=TWO_PARCELS)


def test_an_order_that_vanishes_with_a_paid_label_is_shown_to_a_person(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.work_until(order, "post")
        house.world.store.orders.pop(order.id)
        await house.clock.advance(130)
        await house.pass_time(600, step=10)
        (hold,) = await house.standing(order)
        assert hold.code == "order_unreadable"
        assert "does not know this order" in hold.note
        await house.person_releases(hold, "deleted by mistake; the money back, please")
        await house.pass_time(600, step=10)
        assert await house.states(order) == ["voided"]
        house.world.store.orders[order.id] = order

    in_house(story, tmp_path)


def test_an_order_that_vanishes_before_anything_is_bought_is_let_go(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.work_until(order, "buy")
        house.world.store.orders.pop(order.id)
        await house.clock.advance(130)
        await house.pass_time(600, step=10)
        assert await house.states(order) == ["cancelled"]
        assert await house.phase(order) == "closed"

    in_house(story, tmp_path)


def test_a_store_that_leaves_empty_lists_out_now_and_then_has_not_changed_the_order(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        looks = 0

        def flapping(order: Order) -> Order:
            nonlocal looks
            looks += 1
            return replace(order, refunds=() if looks % 2 else None)

        house.store_answers(flapping)
        order = house.world.place_order("plain")
        await house.hear(order)
        await house.job(passes=4)
        assert await house.states(order) == ["fulfilled"]

    in_house(story, tmp_path)
