"""A person's release covers just what that person saw: it is never undone, and never stretched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packhouse.model.hold import HoldCode
from packhouse.model.money import Money
from packhouse.model.order import Fulfillment, Line, Order, RefundRecord
from packhouse.rules.fingerprints import hold_fingerprint
from tests.service.house import App, in_house

pytestmark = pytest.mark.usefixtures("engine")

GOOD = Order("o", "pending", lines=(Line("li_1", "p1", quantity=2),), fulfillments=(), refunds=())


@pytest.mark.parametrize(
    ("code", "same", "other"),
    [
        (HoldCode.REFUND_UNCLEAR, {"status": "odd"}, {"refunds": (RefundRecord(1),)}),
        (HoldCode.PARTLY_FULFILLED_UNCLEAR, {"refunds": (RefundRecord(1),)}, {"status": "fulfilled"}),
        (HoldCode.PARTLY_FULFILLED_UNCLEAR, {"fulfillments": None}, {"fulfillments": (Fulfillment("T"),)}),
        (HoldCode.STATUS_UNKNOWN, {"refunds": (RefundRecord(1),)}, {"status": "odd"}),
        (HoldCode.WEIGHT_MISSING, {"status": "odd"}, {"lines": (Line("li_1", "p2", quantity=2),)}),
    ],
)
def test_each_reason_rests_on_its_own_facts(
    code: HoldCode, same: dict[str, Any], other: dict[str, Any]
) -> None:
    assert hold_fingerprint(code, replace(GOOD, **same)) == hold_fingerprint(code, GOOD)
    assert hold_fingerprint(code, replace(GOOD, **other)) != hold_fingerprint(code, GOOD)


def test_a_release_for_one_refund_does_not_cover_the_next(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        house.world.store.refund(order, 100)
        await house.hear(order)
        await house.job()
        (hold,) = await house.standing(order)
        assert hold.code == "refund_unclear"
        house.world.store.refund(order, 200)
        await house.person_releases(hold, "100 was for the late delivery")
        await house.job()
        assert [one.code for one in await house.standing(order)] == ["refund_unclear"]
        assert house.labels_sold(order, live_only=False) == 0

    in_house(story, tmp_path)


def test_a_release_stands_when_something_else_in_the_order_had_changed(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("unknown_digital")
        await house.hear(order)
        await house.job()
        house.world.store.change_address(order, {"line1": "77 Other Road"})
        await house.hear(order, "order.updated")
        await house.job()
        (hold,) = await house.standing(order)
        await house.person_releases(hold, "it is a parcel")
        await house.job()
        assert await house.standing(order) == []
        assert await house.phase(order) == "shipped"

    in_house(story, tmp_path)


def test_a_goodwill_refund_after_shipping_needs_nobody(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        await house.pass_time(100)
        house.world.store.refund(order, 100)
        await house.hear(order, "order.refunded")
        await house.job()
        assert await house.standing(order) == []
        assert await house.phase(order) == "shipped"

    in_house(story, tmp_path)


def test_a_released_cap_lets_this_label_over_it_and_no_other(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        first, second = await house.ship(), await house.ship()
        (hold,) = await house.standing(first)
        assert hold.code == "cap_reached"
        await house.person_releases(hold, "this one is worth it")
        await house.job()
        assert await house.states(first) == ["fulfilled"]
        await house.pass_time(7200, step=600)
        assert [one.code for one in await house.standing(second)] == ["cap_reached"]

    in_house(story, tmp_path, settings={"guard": {"max_label_minor": 100}})


def test_a_released_price_is_the_new_measure_and_a_higher_one_is_held_again(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        prepare, times = house.easypost.prepare, 1

        async def dearer(request: Any) -> Any:
            prepared = await prepare(request)
            rates = tuple(replace(r, price=Money(r.price.minor * times, "USD")) for r in prepared.rates)
            return replace(prepared, rates=rates)

        async def refuse(purchase: object) -> Any:
            from packhouse.providers.port import NotBought

            return NotBought("address refused")

        buy = house.easypost.buy
        house.easypost.prepare, house.easypost.buy = dearer, refuse  # type: ignore[method-assign, assignment]
        order = await house.ship()
        (refused,) = await house.standing(order)
        house.easypost.buy = buy  # type: ignore[method-assign]
        for times in (2, 4):  # noqa: B007 - `dearer` reads it
            (hold,) = await house.standing(order)
            assert hold.code == ("provider_refused" if hold.id == refused.id else "price_drift")
            await house.person_releases(hold, "that price is all right")
            await house.job()
        (hold,) = await house.standing(order)
        assert hold.code == "price_drift"
        assert house.labels_sold(order, live_only=False) == 0
        times = 1
        await house.person_releases(hold, "four times is all right, less is better")
        await house.job()
        assert await house.states(order) == ["fulfilled"]

    in_house(story, tmp_path)
