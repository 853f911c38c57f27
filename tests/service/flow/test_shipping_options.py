"""The buyer's shipping option decides: which rate is bought, or that none is."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.ledger import queries
from packhouse.model.hold import HoldCode
from packhouse.providers.port import NotBought, Whose
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness, NewHarness
from tests.service.steps.hold_situations import restart
from tests.service.steps.option_situations import hand_over

pytestmark = pytest.mark.usefixtures("engine")


async def ordered(harness: Harness, option: Any) -> StoreOrder:
    order = harness.sandbox.place_order("plain")
    order.shipping_option = option
    await harness.deliver_event(order)
    await harness.process_due()
    return order


async def bought(harness: Harness, order: StoreOrder) -> tuple[str, str]:
    """The carrier and service of the order's label, and what the journal says of the purchase."""
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    entries = await harness.ledger.read(queries.entries, order_id=order.id)
    (buying,) = [entry.why for entry in entries if entry.action == "buying"]
    return f"{shipment.label.carrier}/{shipment.label.service}", buying


async def test_express_buys_the_fastest_rate_and_standard_the_cheapest(harness: Harness) -> None:
    express = await ordered(harness, "Express Overnight")
    standard = await ordered(harness, {"id": "standard", "name": "Standard"})
    fast, why_fast = await bought(harness, express)
    slow, why_slow = await bought(harness, standard)
    assert fast != slow
    assert 'The buyer chose "Express Overnight": fastest, by the built-in table.' in why_fast
    assert 'The buyer chose "Standard": cheapest, by the built-in table.' in why_slow


@pytest.mark.parametrize("option", [{"id": "local_pickup", "name": "Local pickup"}, "Click & Collect"])
async def test_no_label_is_bought_for_what_the_buyer_picks_up(harness: Harness, option: Any) -> None:
    order = await ordered(harness, option)
    await harness.advance(7200, step=600)
    assert [hold.code for hold in await harness.active_holds(order)] == [HoldCode.PICKUP]
    assert harness.labels_sold(order, live_only=False) == 0
    hand_over(harness, order)
    await harness.deliver_event(order, "order.fulfilled")
    await harness.process_due()
    assert await harness.active_holds(order) == []
    assert harness.labels_sold(order, live_only=False) == 0


async def test_one_line_in_the_settings_releases_every_order_with_that_option(harness: Harness) -> None:
    orders = [await ordered(harness, "Cargo bike") for _ in range(3)]
    for order in orders:
        (hold,) = await harness.active_holds(order)
        assert hold.code is HoldCode.SHIPPING_OPTION_UNKNOWN
        assert hold.problem == (
            "Packhouse does not know what the buyer's shipping option means: "
            '"Cargo bike". The line to add, for example: "Cargo bike" = "cheapest".'
        )
    await restart(harness, shipping_options={"Cargo bike": "fastest"})
    await harness.process_due()
    for order in orders:
        assert await harness.states(order) == ["fulfilled"]
        assert "fastest, by [shipping_options]" in (await bought(harness, order))[1]


async def test_a_service_in_the_settings_is_the_one_bought(new_harness: NewHarness) -> None:
    harness = new_harness(settings={"shipping_options": {"quick": "USPS/Express"}})
    assert (await bought(harness, await ordered(harness, "Quick")))[0] == "USPS/Express"


async def test_a_service_that_nobody_offers_is_held_and_nothing_else_is_bought(
    new_harness: NewHarness,
) -> None:
    harness = new_harness(settings={"shipping_options": {"quick": "DHL/Rocket"}})
    order = await ordered(harness, "Quick")
    assert [hold.code for hold in await harness.active_holds(order)] == [HoldCode.NO_RATE]
    assert harness.labels_sold(order, live_only=False) == 0


async def test_a_choice_that_becomes_pickup_while_the_label_is_being_bought_buys_nothing(
    harness: Harness,
) -> None:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="buy")
    harness.sandbox.store.change_shipping_option(order, "Local pickup")
    await harness.run_step("buy", job)
    assert harness.labels_sold(order, live_only=False) == 0
    await harness.clock.advance(130)
    await harness.process_due()
    assert [hold.code for hold in await harness.active_holds(order)] == [HoldCode.PICKUP]


async def test_a_release_ships_a_pickup_until_the_buyer_chooses_anew(harness: Harness) -> None:
    order = await ordered(harness, "Pickup")
    (hold,) = await harness.active_holds(order)
    await harness.release_hold(hold, "the buyer wants it sent")
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]


async def test_a_buyer_who_changes_the_option_before_the_purchase_gets_the_new_one(harness: Harness) -> None:
    harness.provider.script(buy=NotBought("busy", Whose.MOMENT))
    order = await ordered(harness, "Standard")
    (planned,) = await harness.shipments(order)
    assert planned.state == "planned"
    assert planned.rate is not None
    harness.sandbox.store.change_shipping_option(order, "Express Overnight")
    harness.provider.script(buy=None)
    await harness.advance(900, step=30)
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    assert shipment.label.service != planned.rate.service
    assert shipment.label.cost.minor > planned.rate.price.minor * 1.1  # type: ignore[union-attr]
    assert [hold.code for hold in await harness.active_holds(order)] == []
    assert len(harness.provider.seen("prepare")) == 2
    assert harness.labels_sold(order, live_only=False) == 1
    assert shipment.reference == planned.reference


async def test_a_purchase_is_not_prepared_again_while_the_same_is_wanted(harness: Harness) -> None:
    harness.provider.script(buy=NotBought("busy", Whose.MOMENT))
    order = await ordered(harness, "Express Overnight")
    harness.sandbox.store.change_shipping_option(order, "Next day")
    harness.provider.script(buy=None)
    await harness.advance(900, step=30)
    assert (await harness.states(order))[0] in ("fulfilled", "delivered")
    assert len(harness.provider.seen("prepare")) == 1
