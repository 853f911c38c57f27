"""Units that go while their parcels are under way: only as many parcels ship as are still wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from packhouse.flow import STEPS
from packhouse.model.order import Order, RefundRecord, Units
from packhouse.sandbox.store.state import StoreOrder
from tests.service.house import App, in_house

pytestmark = pytest.mark.usefixtures("engine")

TWO_PARCELS = {"parcel": {"weight_g": 500, "max_weight_g": 1000}}


def _edit(house: App, order: StoreOrder) -> None:
    order.sale.items[0]["quantity"] = 2
    order.touch(house.clock.now())


def _refund(house: App, order: StoreOrder) -> None:
    read, refunded = house.store.order, (Units(order.sale.items[0]["id"], 2),)

    async def telling(order_id: str) -> Order:
        return replace(await read(order_id), refunds=(RefundRecord(None, refunded),))

    house.store.order = telling  # type: ignore[method-assign]


@pytest.mark.parametrize("before", ["buy", "post"])
@pytest.mark.parametrize("take_two_away", [_edit, _refund])
def test_of_two_parcels_one_ships_when_half_of_the_units_go(
    tmp_path: Path, take_two_away: Callable[[App, StoreOrder], None], before: str
) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        del order.sale.items[1:]
        order.sale.items[0]["quantity"] = 4
        await house.hear(order)
        (job,) = await house.claim()
        for step in STEPS:
            if step.name == before:
                break
            await step.run(house.context, job)
        assert len(await house.shipments(order)) == 2
        take_two_away(house, order)
        await house.clock.advance(130)
        await house.job()
        await house.pass_time(200)
        ended = "cancelled" if before == "buy" else "voided"
        assert sorted(await house.states(order)) == sorted(["fulfilled", ended])
        assert sum(row.quantity for row in order.fulfillments) == 2
        assert house.labels_sold(order) == 1

    in_house(story, tmp_path, settings=TWO_PARCELS)


def test_a_second_parcel_is_not_bought_when_the_look_before_the_first_met_a_cancelled_order(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        del order.sale.items[1:]
        order.sale.items[0]["quantity"] = 4
        job = await house.work_until(order, "buy")
        house.world.store.cancel(order)
        await next(step for step in STEPS if step.name == "buy").run(house.context, job)
        assert house.labels_sold(order, live_only=False) == 0
        assert await house.states(order) == ["planned", "planned"]

    in_house(story, tmp_path, settings=TWO_PARCELS)
