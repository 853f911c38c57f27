"""What fails again and again is seen by a person, told truly, and hinders nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from packhouse.errors import ProviderRefused, ProviderUnavailable
from tests.service.house import App, in_house

IMPATIENT = {"retry": {"base_s": 1, "max_s": 60, "hold_after": 5}}


def test_the_hold_of_what_keeps_failing_stands_until_it_goes_well(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        prepare = house.easypost.prepare

        async def down(request: Any) -> Any:
            raise ProviderUnavailable("down")

        house.easypost.prepare = down  # type: ignore[method-assign]
        order = house.world.place_order("plain")
        await house.hear(order)
        await house.pass_time(600, step=30)
        for _ in range(20):
            await house.pass_time(60, step=30)
            assert [hold.code for hold in await house.standing(order)] == ["repeated_failure"]
        assert (await house.story(order)).count("held") == 1
        house.easypost.prepare = prepare  # type: ignore[method-assign]
        await house.pass_time(600, step=30)
        assert await house.standing(order) == []
        assert await house.states(order) == ["fulfilled"]

    in_house(story, tmp_path, settings=IMPATIENT)


def test_the_journal_tells_when_it_went_well_at_last(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        house.world.faults.set("store.error_before_effect", 1.0)
        order = house.world.place_order("plain")
        await house.hear(order)
        await house.pass_time(600, step=30)
        house.world.faults.clear()
        await house.pass_time(1200, step=30)
        told = await house.story(order)
        assert told.count("held") == told.count("released") == 1

    in_house(story, tmp_path, settings=IMPATIENT)


def test_one_parcel_that_finds_no_offer_does_not_stop_the_others(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        prepare = house.easypost.prepare

        async def down_for_the_first(request: Any) -> Any:
            if request.reference.endswith("/1/1"):
                raise ProviderUnavailable("down")
            return await prepare(request)

        house.easypost.prepare = down_for_the_first  # type: ignore[method-assign]
        order = house.world.place_order("plain")
        order.sale.items[0]["quantity"] = 4
        del order.sale.items[1:]
        await house.hear(order)
        await house.pass_time(100)
        assert sorted(await house.states(order)) == ["fulfilled", "planned"]

    in_house(story, tmp_path, settings={"parcel": {"weight_g": 500, "max_weight_g": 1000}})


def test_a_hold_ends_with_its_shipment(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        async def no(request: Any) -> Any:
            raise ProviderRefused("no")

        house.easypost.prepare = no  # type: ignore[method-assign]
        order = await house.ship()
        assert [hold.code for hold in await house.standing(order)] == ["provider_refused"]
        house.world.store.cancel(order)
        await house.hear(order, "order.cancelled")
        await house.job()
        assert await house.standing(order) == []
        assert await house.phase(order) == "closed"

    in_house(story, tmp_path)
