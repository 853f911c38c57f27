"""The control plane shows the world and pushes it."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.sandbox.control import ROUTES
from packhouse.sandbox.faults import FAULTS
from packhouse.sandbox.world import Plan, World
from tests.service.sandbox.worlds import ManualClock, Receiver, ask, buy, call, in_world


def _control(method: str, path: str, body: Any = None, query: str = "") -> Any:
    return call(method, f"/sandbox{path}", body, key="", query=query)


def test_orders_are_made_at_once_or_one_after_another() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        wish = {"count": 3, "kinds": ["digital", "plain"]}
        made = await ask(world, _control("POST", "/orders", wish), 201)
        assert (len(made["orders"]), made["coming"]) == (3, 0)
        assert [order.sale.kind for order in world.shop.orders.values()] == ["digital", "plain", "digital"]
        made = await ask(world, _control("POST", "/orders", {"count": 4, "rate_per_s": 2}), 201)
        assert made == {"orders": [], "coming": 4}
        counts = []
        for _second in range(3):
            await clock.advance(0.6)
            counts.append(len(world.shop.orders) - 3)
        assert counts == [2, 3, 4]

    in_world(story)


def test_the_state_counts_what_became_of_every_order() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        done, gone = world.orders(2, kinds=("plain",))
        await ask(world, _control("POST", f"/orders/{gone.id}/cancel"))
        await buy(world, f"{done.id}/1/1")
        await clock.advance(0)
        state = await ask(world, _control("GET", "/state"))
        assert state["counts"] == {"pending": 1, "cancelled": 1}
        assert state["orders"][gone.id]["status"] == "cancelled"
        assert state["orders"][done.id]["left"] == sum(done.ordered().values())
        assert state["labels_sold"] == 1
        assert state["webhooks"]["accepted"] == 3
        assert state["webhooks"]["due"] == 0

    in_world(story)


def test_an_order_that_will_be_cancelled_soon_is_cancelled_by_itself() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        order = world.order("cancelled_soon")
        assert (await ask(world, _control("GET", "/state")))["coming"] == 1
        await clock.advance(3)
        assert order.status == "cancelled"
        assert receiver.types() == ["order.created", "order.cancelled"]
        assert (await ask(world, _control("GET", "/state")))["coming"] == 0

    in_world(story, plan=Plan(cancel_within_s=3))


def test_an_address_is_completed_or_changed_and_announced() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        order = world.order("incomplete_address")
        url = f"/orders/{order.id}/address"
        await ask(world, _control("POST", url, {"line1": "9 Oak Ave", "city": "Austin", "postcode": "78704"}))
        assert order.address["city"] == "Austin"
        await ask(world, _control("POST", url, {}))
        assert all(order.address[part] for part in ("name", "line1", "city", "postcode", "country"))
        await ask(world, _control("POST", url, {"planet": "Mars"}), 400)
        await clock.advance(0)
        assert receiver.types() == ["order.created", "order.updated", "order.updated"]

    in_world(story)


def test_a_refund_of_everything_ends_the_order() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order = world.order("plain")
        await ask(world, _control("POST", f"/orders/{order.id}/refund", {"amount": 1}))
        assert order.status == "pending"
        await ask(world, _control("POST", f"/orders/{order.id}/refund"))
        assert order.status == "refunded"
        await ask(world, _control("POST", f"/orders/{order.id}/cancel"), 409)
        await ask(world, _control("POST", "/orders/ord_none/cancel"), 404)

    in_world(story)


def test_faults_are_switched_on_ordered_and_silenced() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        await ask(world, _control("POST", "/faults", {"store.slow": 0.25, "carrier.throttle": {"next": 1}}))
        shown = await ask(world, _control("GET", "/faults"))
        assert shown["on"] == {"store.slow": 0.25}
        assert shown["known"] == FAULTS
        await ask(world, _control("POST", "/quiet"))
        assert world.faults.quiet
        for wrong in ({"store.sloww": 1}, {"store.slow": 2}, {"store.slow": "often"}):
            error = (await ask(world, _control("POST", "/faults", wrong), 400))["error"]
            assert "store.slow" in error["message"]

    in_world(story)


def test_the_pace_is_changed_while_it_runs() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        await ask(world, _control("POST", "/pace", {"store": {"latency_s": 0.5}, "carrier": {"late_s": 9}}))
        assert (world.pace["store"].latency_s, world.pace["carrier"].late_s) == (0.5, 9)
        wrongs: list[Any] = [{"moon": {}}, {"store": {"speed": 1}}, {"store": {"slow_s": -1}}]
        for wrong in wrongs:
            await ask(world, _control("POST", "/pace", wrong), 400)

    in_world(story)


def test_webhooks_go_where_they_are_sent_from_now_on() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        url = "http://127.0.0.1:1/hook"
        await ask(world, _control("POST", "/webhook", {"url": url, "secret": "whsec_new"}))
        [endpoint] = world.webhooks.endpoints.values()
        assert (endpoint.url, endpoint.secret) == (url, "whsec_new")
        await ask(world, _control("POST", "/webhook", {"url": "nowhere"}), 400)

    in_world(story)


def test_a_parcel_is_moved_by_hand() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        bought = await buy(world, "ord_1/1/1")
        await ask(world, _control("POST", f"/shipments/{bought['id']}/status", {"status": "delivered"}))
        assert world.carrier.status(world.carrier.find(bought["id"])) == "delivered"

    in_world(story)


@pytest.mark.parametrize(
    "body", [{"count": 0}, {"count": "3"}, {"rate_per_s": -1}, {"kinds": ["haunted"]}, {"kinds": "plain"}]
)
def test_a_wrong_wish_for_orders_makes_none(body: dict[str, Any]) -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        await ask(world, _control("POST", "/orders", body), 400)
        assert world.shop.orders == {}

    in_world(story)


def test_every_route_that_is_announced_is_there() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order = world.order("plain")
        bought = await buy(world, f"{order.id}/1/1")
        assert await ask(world, _control("GET", "")) == ROUTES
        for route in ROUTES:
            method, _space, path = route.partition(" ")
            known = bought["id"] if "/shipments/" in path else order.id
            answer = await world.handle(call(method, path.partition("?")[0].replace("{id}", known), {}))
            assert answer.status != 404, route
        await ask(world, _control("GET", "/nothing"), 404)
        await ask(world, _control("DELETE", "/state"), 404)

    in_world(story)


def test_the_weights_the_store_keeps_to_itself_are_shown_here() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        rows = (await ask(world, _control("GET", "/products")))["products"]
        weights = {row["id"]: row["weight_g"] for row in rows}
        assert weights["prod_mug"] == 420
        assert weights["prod_sculpture"] is None

    in_world(story)
