"""A person or a program does it by hand: the machine waits, nothing ships twice, nothing is forgotten."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from packhouse.config.settings import ParcelSettings, RetrySettings
from packhouse.errors import LeaseLost, OperationRefused, StoreUnavailable
from packhouse.flow import STEPS, process_order
from packhouse.model.order import Order
from packhouse.rules.timeouts import longest_post_s
from packhouse.sandbox.store.state import EXTERNAL, StoreOrder
from packhouse.store.protocol import fulfill_body
from tests.service.house import App, in_house

pytestmark = pytest.mark.usefixtures("engine")
BY = {"reason": "by hand", "actor": "ada"}


async def fulfills(house: App, order: StoreOrder, tracking: str, carrier: str = "USPS") -> None:
    """What the command does at the store, for every line of the order."""
    seen: Order = await house.store.order(order.id)
    units = tuple(row for row in _all_units(seen))
    if tracking.startswith(("1Z", "HAND")):
        pairs = [(some.line_id, some.quantity) for some in units]
        house.world.store.fulfill(order, pairs, carrier, tracking, recorded_by=EXTERNAL)
    else:
        await house.store.fulfill(order.id, fulfill_body(units, carrier, tracking), f"hand-{tracking}")


def _all_units(order: Order) -> list[Any]:
    from packhouse.model.order import Units

    return [Units(line.id, line.quantity) for line in order.lines if not line.is_digital]


async def half_way(house: App, until: str) -> Any:
    """One worker that has come up to this step."""
    (job,) = await house.claim()
    for step in STEPS:
        if step.name == until:
            return job
        await step.run(house.context, job)
    raise AssertionError(until)


def test_a_label_that_is_handed_out_is_bought_once_and_not_posted(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        asked = await house.operations.orders.request_label(order.id, **BY)
        assert (asked.state, asked.label) == ("waiting", None)
        await house.job()
        ready = await house.operations.queries.label_offer(order.id)
        assert ready.label is not None
        assert ready.label.document
        again = await house.operations.orders.request_label(order.id, **BY)
        await house.pass_time(600, step=60)
        assert again.label == (await house.operations.queries.label_offer(order.id)).label == ready.label
        assert await house.states(order) == ["labeled"]
        assert house.labels_sold(order, live_only=False) == 1
        assert [hold.code for hold in await house.standing(order)] == ["external_posting"]

        await fulfills(house, order, ready.label.tracking_number, ready.carrier)
        await house.hear(order, "order.fulfilled")
        await house.pass_time(600, step=60)
        assert await house.states(order) == ["fulfilled"]
        assert await house.standing(order) == []
        assert await house.phase(order) == "shipped"
        assert (await house.operations.orders.request_label(order.id, **BY)).label is not None
        assert await house.standing(order) == []
        assert house.labels_sold(order, live_only=False) == 1

    in_house(story, tmp_path)


def test_a_label_that_was_handed_out_is_posted_when_its_hold_is_released(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.operations.orders.request_label(order.id, **BY)
        await house.job()
        (hold,) = await house.standing(order)
        await house.person_releases(hold)
        await house.job()
        assert await house.states(order) == ["fulfilled"]
        assert house.labels_sold(order, live_only=False) == 1

    in_house(story, tmp_path)


def test_no_label_is_handed_out_for_an_order_that_is_held_or_may_not_ship(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        for kind in ("incomplete_address", "digital"):
            order = house.world.place_order(kind)
            await house.operations.orders.request_label(order.id, **BY)
            await house.job()
            found = await house.operations.queries.label_offer(order.id)
            assert (found.state, found.label) == ("refused", None), kind
            assert found.why
            assert house.labels_sold(order, live_only=False) == 0
        held = house.world.place_order("plain")
        await house.operations.orders.request_label(held.id, **BY)
        await house.hear(held)
        await house.person_holds(held)
        await house.job()
        assert (await house.operations.queries.label_offer(held.id)).state == "refused"

    in_house(story, tmp_path)


def test_an_order_of_several_parcels_is_left_to_the_machine(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        while sum(order.ordered().values()) < 2:
            order = house.world.place_order("plain")
        await house.operations.orders.request_label(order.id, **BY)
        await house.job()
        found = await house.operations.queries.label_offer(order.id)
        assert (found.state, found.label) == ("refused", None)
        assert found.parcels > 1
        with pytest.raises(OperationRefused, match="Packhouse posts them itself"):
            await house.operations.orders.request_label(order.id, **BY)
        assert found.hold_id is not None
        await house.operations.orders.release_hold(found.hold_id, **BY)
        await house.job()
        assert set(await house.states(order)) == {"fulfilled"}
        assert house.labels_sold(order, live_only=False) == found.parcels

    heavy = ParcelSettings(weight_g=500, max_weight_g=600)
    in_house(story, tmp_path, settings={"parcel": heavy})


def test_a_label_that_was_already_posted_is_named_and_nothing_else_happens(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        (shipment,) = await house.shipments(order)
        found = await house.operations.orders.request_label(order.id, **BY)
        assert found.label == shipment.label
        assert await house.standing(order) == []

    in_house(story, tmp_path)


def test_an_order_in_a_persons_hands_is_never_shipped_by_the_machine_as_well(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        job = await half_way(house, "buy")
        taken = await house.operations.orders.take_over(order.id, purpose="fulfill with 1Z1", **BY)
        assert taken.in_flight == ""
        with pytest.raises(LeaseLost):
            await {step.name: step.run for step in STEPS}["buy"](house.context, job)
        await house.pass_time(300, step=60)
        assert house.labels_sold(order, live_only=False) == 0
        await fulfills(house, order, "1Z1", "UPS")
        # The hand that placed it died; the machine sees that nothing is left, and lets go by itself.
        await house.hear(order, "order.fulfilled")
        await house.pass_time(300, step=60)
        assert await house.standing(order) == []
        assert house.labels_sold(order, live_only=False) == 0
        assert await house.states(order) == ["cancelled"]

    in_house(story, tmp_path)


def test_only_the_same_act_may_go_on_with_an_order_that_somebody_has_in_hand(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        first = await house.operations.orders.take_over(order.id, purpose="fulfill with 1Z1", **BY)
        again = await house.operations.orders.take_over(order.id, purpose="fulfill with 1Z1", **BY)
        assert again.hold.id == first.hold.id
        assert (first.resumed, again.resumed) == (False, True)
        with pytest.raises(OperationRefused, match="is taken over by ada: fulfill with 1Z1"):
            await house.operations.orders.take_over(order.id, purpose="fulfill with 1Z2", **BY)
        await house.operations.orders.release_hold(first.hold.id, **BY)
        await house.job()
        assert await house.states(order) == ["fulfilled"]

    in_house(story, tmp_path)


def test_a_purchase_in_flight_is_waited_for_before_a_person_goes_on(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        buy, during = house.easypost.buy, []

        async def interrupted(purchase: Any) -> Any:
            during.append(await house.operations.orders.take_over(order.id, purpose="x", **BY))
            return await buy(purchase)

        house.easypost.buy = interrupted  # type: ignore[method-assign]
        (job,) = await house.claim()
        with pytest.raises(LeaseLost):
            await process_order(house.context, job)
        assert "is not known yet" in during[0].in_flight
        await house.pass_time(120)
        settled = await house.operations.orders.take_over(order.id, purpose="x", **BY)
        assert settled.in_flight == ""
        assert await house.states(order) == ["labeled"]
        assert house.labels_sold(order, live_only=False) == 1
        assert settled.order.shipments[0].label is not None

    in_house(story, tmp_path)


def test_a_post_in_flight_is_waited_for_and_one_that_has_not_begun_is_stopped(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        fulfill, during = house.store.fulfill, []

        async def interrupted(*post: Any) -> None:
            during.append(await house.operations.orders.take_over(order.id, purpose="x", **BY))
            await fulfill(*post)

        house.store.fulfill = interrupted  # type: ignore[method-assign]
        (job,) = await house.claim()
        with pytest.raises(LeaseLost):
            await process_order(house.context, job)
        assert "on its way to the store" in during[0].in_flight
        house.store.fulfill = fulfill  # type: ignore[method-assign]
        await house.job()
        assert (await house.operations.orders.take_over(order.id, purpose="x", **BY)).in_flight == ""
        assert await house.states(order) == ["fulfilled"]

        other = house.world.place_order("plain")
        await house.hear(other)
        stands, asked = house.ledger.read, []

        async def taken_meanwhile(unit: Any, *args: Any, **more: Any) -> Any:
            if unit.__name__ == "check_may_proceed" and await house.states(other) == ["labeled"]:
                asked.append(await house.operations.orders.take_over(other.id, purpose="y", **BY))
            return await stands(unit, *args, **more)

        house.ledger.read = taken_meanwhile  # type: ignore[method-assign]
        (job,) = [job for job in await house.claim() if job.order_id == other.id]
        with pytest.raises(LeaseLost):
            await process_order(house.context, job)
        house.ledger.read = stands  # type: ignore[method-assign]
        assert asked
        await house.clock.advance(longest_post_s(house.settings))
        await house.job()
        assert (await house.operations.orders.take_over(other.id, purpose="y", **BY)).in_flight == ""
        assert await house.states(other) == ["labeled"]

    in_house(story, tmp_path)


def test_a_post_in_flight_is_waited_for_even_after_its_label_was_handed_out(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        fulfill, during = house.store.fulfill, []

        async def interrupted(*post: Any) -> None:
            handed = await house.operations.orders.request_label(order.id, **BY)
            assert handed.state == "ready"
            during.append(await house.operations.orders.take_over(order.id, purpose="x", **BY))
            await fulfill(*post)

        house.store.fulfill = interrupted  # type: ignore[method-assign]
        (job,) = await house.claim()
        with pytest.raises(LeaseLost):
            await process_order(house.context, job)
        assert "on its way to the store" in during[0].in_flight
        house.store.fulfill = fulfill  # type: ignore[method-assign]
        await house.job()
        assert (await house.operations.orders.take_over(order.id, purpose="x", **BY)).in_flight == ""
        assert await house.states(order) == ["fulfilled"]

    in_house(story, tmp_path)


def test_a_post_in_flight_is_waited_for_although_a_hold_stood_long_before_that_bars_no_post(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        fulfill, during = house.store.fulfill, []

        async def down(*_: Any) -> None:
            raise StoreUnavailable("Down.", status=503)

        async def interrupted(*post: Any) -> None:
            during.append(await house.operations.orders.take_over(order.id, purpose="refund all", **BY))
            await fulfill(*post)

        house.store.fulfill = down  # type: ignore[method-assign]
        await house.pass_time(1200, step=60)
        assert [hold.code for hold in await house.standing(order)] == ["repeated_failure"]
        house.store.fulfill = interrupted  # type: ignore[method-assign]
        await house.clock.advance(7200)
        (job,) = await house.claim()
        with pytest.raises(LeaseLost):
            await process_order(house.context, job)
        assert "on its way to the store" in during[0].in_flight

    in_house(story, tmp_path, settings={"retry": RetrySettings(hold_after=2)})


def test_a_refund_that_is_only_requested_keeps_the_machine_off_until_the_store_confirms_it(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.operations.orders.request_label(order.id, **BY)
        await house.job()
        await house.operations.orders.take_over(order.id, purpose="refund all", **BY)
        await house.pass_time(600, step=60)
        assert await house.states(order) == ["labeled"]
        house.world.store.refund(order)
        await house.pass_time(60)
        await house.hear(order, "order.refunded")
        await house.pass_time(120)
        assert await house.standing(order) == []
        assert await house.states(order) == ["voided"]
        assert house.labels_sold(order) == 0

    in_house(story, tmp_path)


def test_hands_and_machine_racing_for_many_orders_never_both_ship_one(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        orders = [house.world.place_order("plain") for _ in range(30)]
        for order in orders:
            await house.hear(order)

        async def by_hand(order: StoreOrder, number: int) -> None:
            for _ in range(number % 7):
                await asyncio.sleep(0)
            while (
                taken := await house.operations.orders.take_over(order.id, purpose="fulfill", **BY)
            ).in_flight:
                await house.clock.advance(1.0)
                await house.job()
            if not any(s.label for s in taken.order.shipments if s.state.reserves_units):
                seen = await house.store.order(order.id)
                assert not seen.fulfillments
                await fulfills(house, order, f"HAND{number}")
            await house.operations.orders.release_hold(taken.hold.id, **BY)

        async def machine() -> None:
            for job in await house.claim():
                try:
                    await process_order(house.context, job)
                except LeaseLost:
                    continue

        await asyncio.gather(machine(), *(by_hand(order, n) for n, order in enumerate(orders)))
        await house.pass_time(300)
        for order in orders:
            seen = await house.store.order(order.id)
            assert len(seen.fulfillments or ()) == 1
            by_machine = house.labels_sold(order)
            assert (
                by_machine + any(f.tracking_number.startswith("HAND") for f in seen.fulfillments or ()) == 1
            )

    in_house(story, tmp_path)
