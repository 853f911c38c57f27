"""post: each label reaches the store once, under one key, with the same bytes at every try."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from packhouse.errors import StoreInvalidRequest, StoreUnavailable
from packhouse.model.states import ShipmentState
from packhouse.providers.port import Unknown, Voided, Withdrawn
from tests.service.harness import Harness
from tests.service.steps.jobs import labeled, stored

pytestmark = pytest.mark.usefixtures("engine")


async def test_after_a_released_refusal_the_post_is_rebuilt_under_another_key(harness: Harness) -> None:
    async def picky(order_id: str, body: bytes, key: str) -> bool:
        if json.loads(body)["carrier"] != "Post":
            raise StoreInvalidRequest("carrier is not known", status=400)
        return await harness.store.real.fulfill(order_id, body, key)

    harness.store.script(fulfill=picky)
    order = await harness.ship()
    (hold,) = await harness.active_holds(order)
    assert hold.code == "store_refused"
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    harness.settings.store.carrier_names[shipment.label.carrier] = "Post"
    await harness.release_hold(hold, "set the store's name for it")
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
    assert len({key for _, _, key in harness.store.seen("fulfill")}) == 2


async def test_a_post_whose_response_was_lost_is_sent_again_byte_for_byte(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="post")
    harness.sandbox.faults.trigger_next("store.error_before_effect")
    with pytest.raises(StoreUnavailable):
        await harness.run_step("post", job)
    await harness.clock.advance(130)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
    sent = harness.store.seen("fulfill")
    assert len(sent) == 2
    assert len(set(sent)) == 1


async def test_a_fulfillment_that_the_store_accepted_and_does_not_show_is_held(harness: Harness) -> None:
    async def forget(order_id: str, body: bytes, key: str) -> bool:
        """Show the fulfillment in the answer, and record nothing."""
        return True

    harness.store.script(fulfill=forget)
    order = await harness.ship()
    assert await harness.active_holds(order) == []
    await harness.advance(harness.settings.poll.confirm_s + 10)
    (hold,) = await harness.active_holds(order)
    assert hold.code == "fulfillment_missing"
    assert harness.labels_sold(order, live_only=False) == 1
    await harness.store.real.fulfill(*harness.store.seen("fulfill")[0])
    await harness.deliver_event(order, "order.updated")
    await harness.advance(harness.settings.poll.confirm_s + 10)
    assert await harness.active_holds(order) == []
    assert await harness.phase(order) == "shipped"


@pytest.mark.harness(settings={"parcel": {"weight_g": 500, "max_weight_g": 1000}})
async def test_a_refused_post_that_shows_a_cancelled_order_keeps_the_other_parcels_from_being_posted(
    harness: Harness,
) -> None:
    async def too_late(order_id: str, body: bytes, key: str) -> bool:
        if len(harness.store.seen("fulfill")) == 1:
            harness.sandbox.store.cancel(order)
        return await harness.store.real.fulfill(order_id, body, key)

    harness.store.script(fulfill=too_late)
    order = harness.sandbox.place_order("plain")
    del order.sale.items[1:]
    order.sale.items[0]["quantity"] = 4
    await harness.deliver_event(order)
    await harness.process_due()
    await harness.advance(200)
    assert len(harness.store.seen("fulfill")) == 1
    assert await harness.states(order) == ["voided", "voided"]


@pytest.mark.parametrize("order_id", ["ord_" + "x" * 250, "ord_é"])
async def test_an_order_with_a_strange_id_ships(harness: Harness, order_id: str) -> None:
    order = harness.sandbox.place_order("plain")
    harness.sandbox.store.orders[order_id] = harness.sandbox.store.orders.pop(order.id)
    order.id = order_id
    order.touch(harness.clock.now())
    await harness.deliver_event(order)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]


@pytest.mark.harness(settings={"parcel": {"weight_g": 500, "max_weight_g": 1000}})
async def test_a_post_leaves_the_units_of_a_purchase_in_doubt_to_that_purchase(harness: Harness) -> None:
    """The order loses units before the post; those that are left may be in the other parcel."""
    order = harness.sandbox.place_order("plain")
    del order.sale.items[1:]
    order.sale.items[0]["quantity"] = 4
    order.touch(harness.clock.now())
    harness.provider.script_next(buy=Unknown("no answer"))
    job = await harness.process_until(order, before="post")
    assert sorted(await harness.states(order)) == ["labeled", "unknown"]
    order.sale.items[0]["quantity"] = 2
    order.touch(harness.clock.now())
    await harness.clock.advance(3)
    await harness.run_step("post", job)
    assert harness.store.seen("fulfill") == []
    assert sorted(await harness.states(order)) == ["labeled", "unknown"]


async def test_a_late_label_that_is_void_at_its_provider_is_not_posted(harness: Harness) -> None:
    job, _, label = await labeled(harness)
    harness.provider.script(lookup=Withdrawn(label.tracking_number, Voided()))
    job.shipments[:] = [
        replace(job.shipments[0], label=replace(label, bought_at=harness.clock.now() - 3600.0))
    ]
    await harness.run_step("post", job)
    after = await stored(harness, job)
    assert (after.state, after.post_key, after.post_body) == (ShipmentState.VOIDED, "", "")
    assert harness.store.seen("fulfill") == []
