"""What a person does with one shipment or event: take its label back, send it off, hold it, let it go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from packhouse.config.settings import ParcelSettings
from packhouse.errors import LeaseLost, OperationRefused
from packhouse.flow import process_order
from packhouse.model.money import Money
from packhouse.operations.views import AdoptedLabel, SentParcel
from packhouse.rules.timeouts import longest_post_s
from tests.service.house import App, in_house
from tests.service.test_flow_by_hand import BY, half_way

pytestmark = pytest.mark.usefixtures("engine")


def test_a_label_is_taken_back_and_no_new_one_is_bought_until_a_person_says_so(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.operations.orders.request_label(order.id, **BY)
        await house.job()
        (shipment,) = await house.shipments(order)
        await house.operations.shipments.request_void(shipment.id, again=False, **BY)
        await house.operations.shipments.request_void(shipment.id, again=False, **BY)
        await house.pass_time(300)
        assert await house.states(order) == ["voided", "held"]
        assert (await house.story(order)).count("void_requested") == 1
        (hold,) = await house.standing(order)
        assert hold.code == "manual"
        await house.person_releases(hold)
        await house.job()
        assert await house.states(order) == ["voided", "fulfilled"]
        assert house.labels_sold(order) == 1

    in_house(story, tmp_path)


def test_a_label_that_the_store_knows_is_not_taken_back(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        (shipment,) = await house.shipments(order)
        with pytest.raises(OperationRefused, match="so its label is not voided"):
            await house.operations.shipments.request_void(shipment.id, again=False, **BY)

        # A post that was begun when the person asked, and landed: it is too late, and said so.
        late = house.world.place_order("plain")
        await house.hear(late)
        fulfill = house.store.fulfill

        async def interrupted(*post: Any) -> None:
            (known,) = await house.shipments(late)
            await house.operations.shipments.request_void(known.id, again=True, **BY)
            await house.job()
            await fulfill(*post)

        house.store.fulfill = interrupted  # type: ignore[method-assign]
        (job,) = await house.claim()
        with pytest.raises(LeaseLost):
            await process_order(house.context, job)
        house.store.fulfill = fulfill  # type: ignore[method-assign]
        await house.pass_time(longest_post_s(house.settings) + 60)
        assert await house.states(late) == ["fulfilled"]
        assert house.labels_sold(late) == 1
        assert await house.standing(late) == []

    in_house(story, tmp_path)


def test_a_parcel_sent_off_by_hand_is_posted_and_nothing_is_bought(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        await house.person_holds(order)
        await house.job()
        (shipment,) = await house.shipments(order)
        sent = SentParcel("1Z77", "UPS")
        await house.operations.shipments.mark_shipped(shipment.id, sent, **BY)
        await house.operations.shipments.mark_shipped(shipment.id, sent, **BY)
        with pytest.raises(OperationRefused, match="has the label 1Z77"):
            await house.operations.shipments.mark_shipped(shipment.id, SentParcel("1Z78", "UPS"), **BY)
        for hold in await house.standing(order):
            await house.person_releases(hold)
        await house.job()
        assert await house.states(order) == ["fulfilled"]
        assert house.labels_sold(order, live_only=False) == 0
        assert (await house.store.order(order.id)).has_tracking("1Z77")

    in_house(story, tmp_path, elsewhere="1Z77")


def test_a_parcel_that_left_is_never_voided_even_if_its_order_is_cancelled(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        await house.person_holds(order)
        await house.job()
        (shipment,) = await house.shipments(order)
        await house.operations.shipments.mark_shipped(shipment.id, SentParcel("1Z77", "UPS"), **BY)
        house.world.store.cancel(order)
        await house.job()
        assert await house.states(order) == ["labeled"]
        assert [one.code for one in await house.standing(order)] == ["manual", "order_changed"]

    in_house(story, tmp_path)


def test_one_shipment_is_held_and_released_and_the_word_ship_sets_reasons_aside(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        await half_way(house, "buy")
        (shipment,) = await house.shipments(order)
        await house.operations.shipments.hold(shipment.id, **BY)
        held = await house.operations.shipments.hold(shipment.id, **BY)
        await house.pass_time(60)
        assert await house.states(order) == ["held"]
        await house.operations.shipments.release(shipment.id, **BY)
        assert (await house.standing(order), held.shipment_id) == ([], shipment.id)
        await house.job()
        assert await house.states(order) == ["fulfilled"]
        with pytest.raises(OperationRefused, match="nothing is left to ship"):
            await house.operations.shipments.ship(shipment.id, **BY)

    in_house(story, tmp_path)


def test_a_spending_cap_is_not_set_aside_by_the_word_ship(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        (shipment,) = await house.shipments(order)
        with pytest.raises(OperationRefused, match="cannot ship: hold"):
            await house.operations.shipments.ship(shipment.id, **BY)
        assert house.labels_sold(order) == 0

    in_house(story, tmp_path, settings={"guard": {"max_label_minor": 100}})


def test_an_event_is_replayed_and_one_of_no_concern_is_not(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        (record,) = await house.operations.queries.events(order_id=order.id, outcome="", limit=5, before=None)
        assert (record.type, record.outcome) == ("order.created", "new")
        await house.operations.events.replay(record.id, **BY)
        await house.job()
        assert "replayed" in await house.story(order)
        assert house.labels_sold(order, live_only=False) == 1
        await house.hear("", "product.updated")
        (ignored,) = await house.operations.queries.events(
            order_id="", outcome="ignored", limit=5, before=None
        )
        with pytest.raises(OperationRefused, match="ignored"):
            await house.operations.events.replay(ignored.id, **BY)

    in_house(story, tmp_path)


def test_an_order_in_somebodys_hands_is_not_shipped_at_a_word_about_one_of_its_shipments(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        await half_way(house, "buy")
        (shipment,) = await house.shipments(order)
        await house.operations.orders.take_over(order.id, purpose="refund all", **BY)
        for operation in (house.operations.shipments.ship, house.operations.shipments.release):
            with pytest.raises(
                OperationRefused, match=r"taken over by ada: refund all.*packhouse holds release"
            ):
                await operation(shipment.id, **BY)
        await house.pass_time(300, step=60)
        assert house.labels_sold(order) == 0

    in_house(story, tmp_path)


def test_a_number_that_another_shipment_has_is_not_taken_for_a_second_one(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        while sum(order.ordered().values()) < 2:
            order = house.world.place_order("plain")
        await house.hear(order)
        await half_way(house, "buy")
        first, second, *_ = await house.shipments(order)
        await house.operations.shipments.mark_shipped(first.id, SentParcel("1Z88", "UPS"), **BY)
        with pytest.raises(OperationRefused, match=f"1Z88 belongs to {first.id}"):
            await house.operations.shipments.mark_shipped(second.id, SentParcel("1Z88", "UPS"), **BY)
        await house.operations.shipments.hold(second.id, **BY)
        await house.job()
        found = AdoptedLabel("1Z88", "UPS", "", Money(500, "USD"))
        with pytest.raises(OperationRefused, match=f"1Z88 belongs to shipment {first.id}"):
            await house.operations.shipments.adopt_label(second.id, found, **BY)
        another = house.world.place_order("plain")
        await house.hear(another)
        await half_way(house, "buy")
        shared = (await house.shipments(another))[0]
        await house.operations.shipments.mark_shipped(shared.id, SentParcel("1Z88", "UPS"), **BY)
        assert (await house.states(another))[0] == "labeled"

    in_house(
        story, tmp_path, elsewhere="1Z88", settings={"parcel": ParcelSettings(weight_g=500, max_weight_g=600)}
    )
