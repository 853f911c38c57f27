"""A person always wins: an override stops the machine, and is never undone by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse.errors import LeaseLost
from packhouse.flow import process_order
from packhouse.model.order import Order
from tests.service.house import App, in_house

pytestmark = pytest.mark.usefixtures("engine")


def test_a_hold_placed_between_the_intent_and_the_purchase_stops_it(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        read, looks = house.store.order, 0

        async def interrupted(order_id: str) -> Order:
            nonlocal looks
            looks += 1
            if looks == 2:
                await house.person_holds(order)
            return await read(order_id)

        house.store.order = interrupted  # type: ignore[method-assign]
        await house.hear(order)
        (job,) = await house.claim()
        with pytest.raises(LeaseLost):
            await process_order(house.context, job)
        await house.pass_time(120)
        assert house.labels_sold(order, live_only=False) == 0
        assert await house.states(order) == ["held"]
        (hold,) = await house.standing(order)
        await house.person_releases(hold)
        await house.job()
        assert await house.states(order) == ["fulfilled"]

    in_house(story, tmp_path)
