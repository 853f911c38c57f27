"""What the store is told of a parcel: worded once, anew only after a certain refusal, and looked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from packhouse.errors import StoreInvalidRequest, StoreUnavailable
from packhouse.flow import STEPS
from packhouse.model.order import Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.rules import idempotency
from tests.service.house import App, in_house

pytestmark = pytest.mark.usefixtures("engine")


def test_after_a_refusal_that_a_person_saw_to_the_post_is_worded_anew_under_another_key(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        fulfill, keys = house.store.fulfill, []

        async def picky(order_id: str, body: bytes, key: str) -> None:
            keys.append(key)
            if json.loads(body)["carrier"] != "Post":
                raise StoreInvalidRequest("carrier is not known", status=400)
            await fulfill(order_id, body, key)

        house.store.fulfill = picky  # type: ignore[method-assign]
        order = await house.ship()
        (hold,) = await house.standing(order)
        assert hold.code == "store_refused"
        (shipment,) = await house.shipments(order)
        assert shipment.label is not None
        house.settings.store.carrier_names[shipment.label.carrier] = "Post"
        await house.person_releases(hold, "set the store's name for it")
        await house.job()
        assert await house.states(order) == ["fulfilled"]
        assert len(set(keys)) == 2

    in_house(story, tmp_path)


def test_a_post_whose_answer_was_lost_is_sent_again_word_for_word(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        fulfill, sent = house.store.fulfill, []

        async def lossy(order_id: str, body: bytes, key: str) -> None:
            sent.append((body, key))
            await fulfill(order_id, body, key)

        house.store.fulfill = lossy  # type: ignore[method-assign]
        order = house.world.place_order("plain")
        job = await house.work_until(order, "post")
        post = next(step for step in STEPS if step.name == "post")
        house.world.faults.trigger_next("store.error_before_effect")
        with pytest.raises(StoreUnavailable):
            await post.run(house.context, job)
        await house.clock.advance(130)
        await house.job()
        assert await house.states(order) == ["fulfilled"]
        assert len(sent) == 2
        assert len(set(sent)) == 1

    in_house(story, tmp_path)


def test_a_fulfillment_that_the_store_took_and_does_not_show_is_shown_to_a_person(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        fulfill, forgotten = house.store.fulfill, []

        async def forgetful(*post: object) -> None:
            forgotten.append(post)

        house.store.fulfill = forgetful  # type: ignore[method-assign, assignment]
        order = await house.ship()
        assert await house.standing(order) == []
        await house.pass_time(house.settings.poll.confirm_s + 10)
        (hold,) = await house.standing(order)
        assert hold.code == "fulfillment_missing"
        assert house.labels_sold(order, live_only=False) == 1
        await fulfill(*forgotten[0])  # type: ignore[arg-type]
        await house.hear(order, "order.updated")
        await house.pass_time(house.settings.poll.confirm_s + 10)
        assert await house.standing(order) == []
        assert await house.phase(order) == "shipped"

    in_house(story, tmp_path)


def test_a_refused_post_that_shows_a_cancelled_order_keeps_the_other_parcels_from_being_posted(
    tmp_path: Path,
) -> None:
    async def story(house: App) -> None:
        fulfill, posts = house.store.fulfill, []

        async def too_late(order_id: str, body: bytes, key: str) -> None:
            posts.append(key)
            if len(posts) == 1:
                house.world.store.cancel(order)
            await fulfill(order_id, body, key)

        house.store.fulfill = too_late  # type: ignore[method-assign]
        order = house.world.place_order("plain")
        del order.sale.items[1:]
        order.sale.items[0]["quantity"] = 4
        await house.hear(order)
        await house.job()
        await house.pass_time(200)
        assert len(posts) == 1
        assert await house.states(order) == ["voided", "voided"]

    in_house(story, tmp_path, settings={"parcel": {"weight_g": 500, "max_weight_g": 1000}})


@pytest.mark.parametrize("order_id", ["ord_" + "x" * 250, "ord_é"])
def test_an_order_with_a_strange_id_ships(tmp_path: Path, order_id: str) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        house.world.store.orders[order_id] = house.world.store.orders.pop(order.id)
        order.id = order_id
        order.touch(house.clock.now())
        await house.hear(order)
        await house.job()
        assert await house.states(order) == ["fulfilled"]

    in_house(story, tmp_path)


def test_keys_fit_a_header_and_never_come_twice() -> None:
    def shipment(order_id: str, seq: int = 1, generation: int = 1) -> Shipment:
        return Shipment("s", order_id, seq, ShipmentState.LABELED, (Units("l", 1),), generation)

    keys = [
        idempotency.first(shipment(order_id, *numbers))
        for order_id in ("ord_1", "ord_é", "o" * 300, "p" * 300)
        for numbers in ((1, 1), (1, 2), (2, 1))
    ]
    keys += [idempotency.after(keys[0]), idempotency.after(idempotency.after(keys[0]))]
    assert len(set(keys)) == len(keys)
    assert all(key.isascii() and key.isprintable() and len(key) < 255 for key in keys)
