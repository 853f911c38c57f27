"""A person always wins: an override stops the machine, and is never undone by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from packhouse.errors import LeaseLost
from packhouse.flow import live
from packhouse.model.order import Order
from packhouse.sandbox.shop import ShopOrder
from packhouse.store.aio import AioStore
from tests.service.house import House, in_house


class _InterruptedStore(AioStore):
    """The store, at whose second look a person steps in."""

    def __init__(self, house: House, order: ShopOrder) -> None:
        self._house, self._about, self._looks = house, order, 0

    async def order(self, order_id: str) -> Order:
        self._looks += 1
        if self._looks == 2:
            await self._house.person_holds(self._about)
        return await self._house.store.order(order_id)


def test_a_hold_placed_between_the_intent_and_the_purchase_stops_it(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        order = house.world.order("plain")
        house.desk = replace(house.desk, store=_InterruptedStore(house, order))
        await house.hear(order)
        (work,) = await house.claim()
        with pytest.raises(LeaseLost):
            await live(house.desk, work)
        await house.pass_time(120)
        assert house.labels_sold(order, live_only=False) == 0
        assert await house.states(order) == ["held"]
        (hold,) = await house.standing(order)
        await house.person_releases(hold)
        await house.work()
        assert await house.states(order) == ["fulfilled"]

    in_house(story, tmp_path)
