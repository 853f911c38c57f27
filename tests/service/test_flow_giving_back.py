"""A label that will not ship: its money is followed, and its order does not wait for it unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from packhouse.model.label import Label
from packhouse.providers.port import Voided, VoidPending, VoidRefused
from packhouse.sandbox.store.state import StoreOrder
from tests.service.house import App, in_house

DAY_S = 86_400.0


async def _label_for_another_door(house: App, answer: Any) -> StoreOrder:
    """An order that moves after its label was bought, at a carrier that answers so when asked to pay back."""
    order = house.world.place_order("plain")
    await house.work_until(order, "post")
    house.world.store.change_address(order, {"line1": "77 Other Road"})

    async def void(label: Label) -> Any:
        house.world.easypost.request_void(house.world.easypost.find(label.provider_id))
        return answer

    house.easypost.void = void  # type: ignore[method-assign]
    await house.clock.advance(130)
    await house.job()
    return order


def test_an_order_that_waits_for_a_refund_is_shown_and_ships_anew_when_a_person_says_so(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        order = await _label_for_another_door(house, VoidPending())
        assert await house.states(order) == ["voiding"]
        await house.pass_time(3 * 3600, step=600)
        (hold,) = await house.standing(order)
        assert hold.code == "void_pending"
        await house.person_releases(hold, "nobody has printed it")
        await house.job()
        assert await house.states(order) == ["voiding", "fulfilled"]
        first, second = await house.shipments(order)
        assert (second.seq, second.generation) == (first.seq, 2)
        assert second.reference == f"{order.id}/1/2"
        await house.pass_time(2 * DAY_S, step=7200)
        assert await house.standing(order) == []

    in_house(story, tmp_path)


def test_the_hold_goes_when_the_money_comes_back(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await _label_for_another_door(house, VoidPending())
        await house.pass_time(3 * 3600, step=600)

        async def at_last(label: Label) -> Voided:
            return Voided()

        house.easypost.void = at_last  # type: ignore[method-assign]
        await house.pass_time(DAY_S, step=3600)
        assert await house.standing(order) == []
        assert await house.states(order) == ["voided", "delivered"]

    in_house(story, tmp_path)


def test_a_cancelled_order_waits_for_its_refund_without_a_hold(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await _label_for_another_door(house, VoidPending())
        await house.pass_time(3 * 3600, step=600)
        house.world.store.cancel(order)
        await house.hear(order, "order.cancelled")
        await house.pass_time(3 * 3600, step=600)
        assert await house.standing(order) == []
        assert await house.states(order) == ["voiding"]

    in_house(story, tmp_path)


def test_a_refused_refund_that_a_person_has_seen_to_lets_the_order_ship(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await _label_for_another_door(house, VoidRefused("no"))
        await house.pass_time(3 * DAY_S, step=3600)
        (hold,) = await house.standing(order)
        assert hold.code == "void_refused"
        assert house.labels_sold(order, live_only=False) == 1
        await house.person_releases(hold, "written off")
        await house.job()
        assert await house.states(order) == ["voiding", "fulfilled"]

    in_house(story, tmp_path)


@pytest.mark.parametrize(("carrier", "days"), [("USPS", 25), ("UPS", 85), ("FEDEX", 85), ("Some Other", 25)])
def test_a_person_is_asked_before_the_carriers_window_shuts(tmp_path: Path, carrier: str, days: int) -> None:
    async def story(house: App) -> None:
        buy = house.easypost.buy

        async def from_that_carrier(purchase: Any) -> Any:
            from dataclasses import replace

            return replace(await buy(purchase), carrier=carrier)

        house.easypost.buy = from_that_carrier  # type: ignore[method-assign]
        order = await _label_for_another_door(house, VoidPending())
        house.world.store.cancel(order)
        await house.hear(order, "order.cancelled")
        await house.pass_time((days - 1) * DAY_S, step=0.4 * DAY_S)
        assert await house.standing(order) == []
        await house.pass_time(2 * DAY_S, step=0.4 * DAY_S)
        assert [hold.code for hold in await house.standing(order)] == ["void_refused"]

    in_house(story, tmp_path)
