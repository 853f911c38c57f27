"""pack: units become parcels with a weight."""

from __future__ import annotations

import pytest

from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


@pytest.mark.harness(settings={"parcel": {"weight_g": None}})
async def test_a_product_without_weight_holds_the_order(harness: Harness) -> None:
    order = await harness.ship("no_weight")
    (hold,) = await harness.active_holds(order)
    assert hold.code == "weight_missing"
    assert "driftwood" in hold.note


@pytest.mark.harness(settings={"parcel": {"weight_g": 500, "max_weight_g": 1000}})
async def test_too_many_units_for_one_parcel_make_more_parcels_each_posted_once(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    order.sale.items[0]["quantity"] = 5
    await harness.deliver_event(order)
    await harness.process_due()
    states = await harness.states(order)
    assert len(states) >= 3
    assert set(states) == {"fulfilled"}
    assert order.unshipped() == dict.fromkeys(order.ordered(), 0)
    assert len({row.tracking_number for row in order.fulfillments}) == len(states)
