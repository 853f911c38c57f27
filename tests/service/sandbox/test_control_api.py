"""The control API shows the state of the sandbox and changes it."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.sandbox.control_api import ROUTES
from packhouse.sandbox.faults import FAULTS
from packhouse.sandbox.sandbox import Sandbox, SandboxOptions
from tests.clock import ManualClock
from tests.service.sandbox.harness import Receiver, ask, buy, call, in_sandbox, respond


def _control(method: str, path: str, body: Any = None, query: str = "") -> Any:
    return call(method, f"/sandbox{path}", body, key="", query=query)


def test_orders_are_placed_at_once_or_at_a_rate() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        body = {"count": 3, "kinds": ["digital", "plain"]}
        made = await ask(sandbox, _control("POST", "/orders", body), 201)
        assert (len(made["orders"]), made["scheduled"]) == (3, 0)
        assert [order.sale.kind for order in sandbox.store.orders.values()] == ["digital", "plain", "digital"]
        made = await ask(sandbox, _control("POST", "/orders", {"count": 4, "rate_per_s": 2}), 201)
        assert made == {"orders": [], "scheduled": 4}
        counts = []
        for _second in range(3):
            await clock.advance(0.6)
            counts.append(len(sandbox.store.orders) - 3)
        assert counts == [2, 3, 4]

    in_sandbox(story)


def test_the_state_shows_the_status_of_every_order_and_counts() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        done, gone = sandbox.place_orders(2, kinds=("plain",))
        await ask(sandbox, _control("POST", f"/orders/{gone.id}/cancel"))
        await buy(sandbox, f"{done.id}/1/1")
        await clock.advance(0)
        state = await ask(sandbox, _control("GET", "/state"))
        assert state["counts"] == {"pending": 1, "cancelled": 1}
        assert state["orders"][gone.id]["status"] == "cancelled"
        assert state["orders"][done.id]["unshipped"] == sum(done.ordered().values())
        assert state["labels_sold"] == 1
        assert state["webhooks"]["accepted"] == 3
        assert state["webhooks"]["pending"] == 0

    in_sandbox(story)


def test_an_order_of_the_kind_cancelled_soon_is_cancelled_after_a_while() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        order = sandbox.place_order("cancelled_soon")
        assert (await ask(sandbox, _control("GET", "/state")))["scheduled"] == 1
        await clock.advance(3)
        assert order.status == "cancelled"
        assert receiver.types() == ["order.created", "order.cancelled"]
        assert (await ask(sandbox, _control("GET", "/state")))["scheduled"] == 0

    in_sandbox(story, options=SandboxOptions(cancel_within_s=3))


def test_an_address_is_completed_or_replaced_and_a_webhook_is_sent() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        order = sandbox.place_order("incomplete_address")
        url = f"/orders/{order.id}/address"
        await ask(
            sandbox, _control("POST", url, {"line1": "9 Oak Ave", "city": "Austin", "postcode": "78704"})
        )
        assert order.address["city"] == "Austin"
        await ask(sandbox, _control("POST", url, {}))
        assert all(order.address[part] for part in ("name", "line1", "city", "postcode", "country"))
        await ask(sandbox, _control("POST", url, {"planet": "Mars"}), 400)
        await clock.advance(0)
        assert receiver.types() == ["order.created", "order.updated", "order.updated"]

    in_sandbox(story)


def test_a_full_refund_makes_the_order_refunded() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("plain")
        await ask(sandbox, _control("POST", f"/orders/{order.id}/refund", {"amount": 1}))
        assert order.status == "pending"
        await ask(sandbox, _control("POST", f"/orders/{order.id}/refund"))
        assert order.status == "refunded"
        await ask(sandbox, _control("POST", f"/orders/{order.id}/cancel"), 409)
        await ask(sandbox, _control("POST", "/orders/ord_none/cancel"), 404)

    in_sandbox(story)


def test_faults_are_turned_on_forced_and_cleared() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        await ask(
            sandbox, _control("POST", "/faults", {"store.slow": 0.25, "easypost.throttle": {"next": 1}})
        )
        shown = await ask(sandbox, _control("GET", "/faults"))
        assert shown["on"] == {"store.slow": 0.25}
        assert shown["known"] == FAULTS
        await ask(sandbox, _control("POST", "/faults/clear"))
        assert sandbox.faults.all_off
        for wrong in ({"store.sloww": 1}, {"store.slow": 2}, {"store.slow": "often"}):
            error = (await ask(sandbox, _control("POST", "/faults", wrong), 400))["error"]
            assert "store.slow" in error["message"]

    in_sandbox(story)


def test_the_latency_can_change_while_the_sandbox_runs() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        await ask(
            sandbox, _control("POST", "/latency", {"store": {"latency_s": 0.5}, "easypost": {"late_s": 9}})
        )
        assert (sandbox.latency["store"].latency_s, sandbox.latency["easypost"].late_s) == (0.5, 9)
        wrongs: list[Any] = [{"moon": {}}, {"store": {"speed": 1}}, {"store": {"slow_s": -1}}]
        for wrong in wrongs:
            await ask(sandbox, _control("POST", "/latency", wrong), 400)

    in_sandbox(story)


def test_the_webhook_url_can_be_replaced() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        url = "http://127.0.0.1:1/hook"
        await ask(sandbox, _control("POST", "/webhook", {"url": url, "secret": "whsec_new"}))
        [endpoint] = sandbox.webhooks.endpoints.values()
        assert (endpoint.url, endpoint.secret) == (url, "whsec_new")
        await ask(sandbox, _control("POST", "/webhook", {"url": "nowhere"}), 400)

    in_sandbox(story)


def test_the_status_of_a_parcel_can_be_set() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        bought = await buy(sandbox, "ord_1/1/1")
        await ask(sandbox, _control("POST", f"/shipments/{bought['id']}/status", {"status": "delivered"}))
        assert sandbox.easypost.tracking_status(sandbox.easypost.find(bought["id"])) == "delivered"

    in_sandbox(story)


@pytest.mark.parametrize(
    "body", [{"count": 0}, {"count": "3"}, {"rate_per_s": -1}, {"kinds": ["haunted"]}, {"kinds": "plain"}]
)
def test_an_invalid_request_for_orders_places_none(body: dict[str, Any]) -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        await ask(sandbox, _control("POST", "/orders", body), 400)
        assert sandbox.store.orders == {}

    in_sandbox(story)


def test_every_listed_route_exists() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("plain")
        bought = await buy(sandbox, f"{order.id}/1/1")
        assert await ask(sandbox, _control("GET", "")) == ROUTES
        for route in ROUTES:
            method, _space, path = route.partition(" ")
            known = bought["id"] if "/shipments/" in path else order.id
            response = await respond(sandbox, call(method, path.partition("?")[0].replace("{id}", known), {}))
            assert response.status != 404, route
        await ask(sandbox, _control("GET", "/nothing"), 404)
        await ask(sandbox, _control("DELETE", "/state"), 404)

    in_sandbox(story)


def test_the_weights_that_the_store_hides_are_shown() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        rows = (await ask(sandbox, _control("GET", "/products")))["products"]
        weights = {row["id"]: row["weight_g"] for row in rows}
        assert weights["prod_mug"] == 420
        assert weights["prod_sculpture"] is None

    in_sandbox(story)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/orders", {"counts": 3}),
        ("/orders", {"count": True}),
        ("/orders/ID/cancel", {"reason": "x"}),
        ("/orders/ID/refund", {"amount_minor": 500}),
        ("/orders/ID/refund", {"amount": True}),
        ("/faults/clear", {"store.throttle": 1}),
        ("/webhook", {"url": "http://127.0.0.1:1/x", "key": "whsec_x"}),
        ("/shipments/ID/status", {"state": "delivered"}),
    ],
)
def test_a_field_that_does_not_exist_is_refused_and_changes_nothing(path: str, body: dict[str, Any]) -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        order = sandbox.place_order("plain")
        refused = await ask(sandbox, _control("POST", path.replace("ID", order.id), body), 400)
        assert refused["error"]["code"] == "validation_failed"
        state = await ask(sandbox, _control("GET", "/state"))
        assert state["counts"] == {"pending": 1}

    in_sandbox(story)
