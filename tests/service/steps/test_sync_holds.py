"""sync_holds: a hold is placed for its reason and ends with it; a release covers what the operator saw."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packhouse.model.money import Money
from packhouse.providers.port import NotBought, Prepared, PurchaseRequest
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


async def test_a_corrected_address_lifts_the_hold_and_ships(harness: Harness) -> None:
    order = await harness.ship("incomplete_address")
    harness.sandbox.store.change_address(
        order,
        {
            "name": "Buyer",
            "line1": "1 Market St",
            "city": "San Francisco",
            "state": "CA",
            "postcode": "94105",
            "country": "US",
        },
    )
    await harness.deliver_event(order, "order.updated")
    await harness.process_due()
    assert await harness.active_holds(order) == []
    assert await harness.phase(order) == "shipped"


async def test_a_released_hold_does_not_come_back_for_the_same_facts(harness: Harness) -> None:
    order = await harness.ship("unknown_digital")
    (hold,) = await harness.active_holds(order)
    await harness.release_hold(hold, "it is a parcel")
    await harness.process_due()
    assert await harness.phase(order) == "shipped"
    assert harness.labels_sold(order) == 1


async def test_packhouse_never_releases_an_operators_hold(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.place_hold(order)
    await harness.process_due()
    await harness.advance(2 * harness.settings.poll.recheck_s, step=600)
    assert await harness.phase(order) == "held"
    assert harness.labels_sold(order) == 0
    (hold,) = await harness.active_holds(order)
    await harness.release_hold(hold)
    await harness.process_due()
    assert await harness.phase(order) == "shipped"


async def test_a_release_for_one_refund_does_not_cover_the_next(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    harness.sandbox.store.refund(order, 100)
    await harness.deliver_event(order)
    await harness.process_due()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "refund_unclear"
    harness.sandbox.store.refund(order, 200)
    await harness.release_hold(hold, "100 was for the late delivery")
    await harness.process_due()
    assert [one.code for one in await harness.active_holds(order)] == ["refund_unclear"]
    assert harness.labels_sold(order, live_only=False) == 0


async def test_a_release_stays_valid_when_something_else_in_the_order_changed(harness: Harness) -> None:
    order = harness.sandbox.place_order("unknown_digital")
    await harness.deliver_event(order)
    await harness.process_due()
    harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})
    await harness.deliver_event(order, "order.updated")
    await harness.process_due()
    (hold,) = await harness.active_holds(order)
    await harness.release_hold(hold, "it is a parcel")
    await harness.process_due()
    assert await harness.active_holds(order) == []
    assert await harness.phase(order) == "shipped"


async def test_a_goodwill_refund_after_shipping_places_no_hold(harness: Harness) -> None:
    order = await harness.ship()
    await harness.advance(100)
    harness.sandbox.store.refund(order, 100)
    await harness.deliver_event(order, "order.refunded")
    await harness.process_due()
    assert await harness.active_holds(order) == []
    assert await harness.phase(order) == "shipped"


@pytest.mark.harness(settings={"guard": {"max_label_minor": 100}})
async def test_a_released_cap_lets_this_label_over_it_and_no_other(harness: Harness) -> None:
    first, second = await harness.ship(), await harness.ship()
    (hold,) = await harness.active_holds(first)
    assert hold.code == "cap_reached"
    await harness.release_hold(hold, "this one is worth it")
    await harness.process_due()
    assert await harness.states(first) == ["fulfilled"]
    await harness.advance(7200, step=600)
    assert [one.code for one in await harness.active_holds(second)] == ["cap_reached"]


async def test_a_released_price_is_the_new_quote_and_a_higher_one_is_held_again(harness: Harness) -> None:
    times = 1

    async def dearer(request: PurchaseRequest) -> Prepared:
        prepared = await harness.provider.real.prepare(request)
        rates = tuple(replace(r, price=Money(r.price.minor * times, "USD")) for r in prepared.rates)
        return replace(prepared, rates=rates)

    harness.provider.script(prepare=dearer, buy=NotBought("address refused"))
    order = await harness.ship()
    (refused,) = await harness.active_holds(order)
    harness.provider.script(buy=None)
    for times in (2, 4):  # noqa: B007 - `dearer` reads it
        (hold,) = await harness.active_holds(order)
        assert hold.code == ("provider_refused" if hold.id == refused.id else "price_drift")
        await harness.release_hold(hold, "that price is all right")
        await harness.process_due()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "price_drift"
    assert harness.labels_sold(order, live_only=False) == 0
    times = 1
    await harness.release_hold(hold, "four times is all right, less is better")
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
