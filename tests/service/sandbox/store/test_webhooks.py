"""Deliveries are signed, retried and counted as documented, and fail on demand."""

from __future__ import annotations

import asyncio
import json

import pytest
import stripe

from packhouse.sandbox.sandbox import WEBHOOK_SECRET, Sandbox, SandboxOptions
from packhouse.sandbox.store.webhooks import WAITS_S, sign
from tests.clock import START, ManualClock
from tests.service.sandbox.harness import ORDERS, STORE, Receiver, ask, call, in_sandbox


def _verify(headers: dict[str, str], body: bytes) -> None:
    stripe.WebhookSignature.verify_header(body.decode(), headers["x-aly-signature"], WEBHOOK_SECRET)


def test_a_delivery_carries_the_documented_headers_and_body() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        order = sandbox.place_order("plain")
        await clock.advance(0)
        [(headers, body)] = receiver.got
        event = json.loads(body)
        assert set(event) == {"id", "type", "created_at", "site_slug", "data"}
        assert event["type"] == headers["x-aly-event-type"] == "order.created"
        assert event["id"] == headers["x-aly-event-id"]
        assert headers["x-aly-attempt"] == "1"
        assert headers["x-aly-timestamp"] == str(int(START))
        assert headers["x-aly-signature"].startswith(f"t={int(START)},v1=")
        received = event["data"]["order"]
        assert received["id"] == order.id
        assert "status" not in received
        assert set(received["shipping_address"]) == {"country", "state", "postcode"}
        _verify(headers, body)

    in_sandbox(story)


def test_the_signature_equals_that_of_an_independent_implementation() -> None:
    body = b'{"id":"evt_1"}'
    theirs = stripe.WebhookSignature._compute_signature(f"123.{body.decode()}", "whsec_x")
    assert sign(body, "whsec_x", 123) == f"t=123,v1={theirs}"


@pytest.mark.parametrize("bad", [500, 404, 302, OSError("down"), TimeoutError("slow")])
def test_a_failed_delivery_is_retried_with_the_same_event_and_a_new_signature(
    bad: int | OSError,
) -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        sandbox.place_order("plain")
        await clock.advance(60)
        first, second, third = receiver.got
        assert {headers["x-aly-event-id"] for headers, _ in receiver.got} == {first[0]["x-aly-event-id"]}
        assert len({headers["x-aly-delivery-id"] for headers, _ in receiver.got}) == 3
        assert [headers["x-aly-attempt"] for headers, _ in receiver.got] == ["1", "2", "3"]
        times = [int(headers["x-aly-timestamp"]) for headers, _ in receiver.got]
        assert 2 <= times[1] - times[0] <= 4
        assert 9 <= times[2] - times[1] <= 15
        _verify(*second)
        _verify(*third)
        assert sandbox.webhooks.counts["accepted"] == 1
        assert sandbox.webhooks.pending == 0

    in_sandbox(story, responses=[bad, bad], options=SandboxOptions(retry_scale=0.1))


def test_a_delivery_ends_after_the_last_attempt() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        sandbox.place_order("plain")
        await clock.advance(sum(WAITS_S) * 1.3)
        assert len(receiver.got) == 24
        assert sandbox.webhooks.counts["given_up"] == 1
        await clock.advance(100_000)
        assert len(receiver.got) == 24

    in_sandbox(story, responses=[500] * 30, options=SandboxOptions(retry_scale=1))


def test_a_duplicate_has_the_same_event_id_and_its_own_delivery_id() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        sandbox.faults.set("webhook.duplicate", 1)
        sandbox.place_order("plain")
        await clock.advance(0)
        assert len(receiver.got) == 2
        assert len(set(receiver.ids())) == 1
        assert len({headers["x-aly-delivery-id"] for headers, _ in receiver.got}) == 2

    in_sandbox(story)


def test_a_lost_event_is_never_delivered_and_the_order_exists() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        sandbox.faults.trigger_next("webhook.lose")
        order = sandbox.place_order("plain")
        await clock.advance(100_000)
        assert receiver.got == []
        assert sandbox.webhooks.counts["lost"] == 1
        assert (await ask(sandbox, call("GET", f"{ORDERS}/{order.id}")))["status"] == "pending"

    in_sandbox(story)


def test_a_delayed_event_is_overtaken_by_a_later_one() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        sandbox.faults.trigger_next("webhook.reorder")
        order = sandbox.place_order("plain")
        sandbox.store.cancel(order)
        await clock.advance(1)
        assert receiver.types() == ["order.cancelled", "order.created"]

    in_sandbox(story)


def test_a_badly_signed_attempt_is_followed_by_a_good_one() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        sandbox.faults.trigger_next("webhook.bad_signature")
        sandbox.place_order("plain")
        await clock.advance(1)
        bad, product = receiver.got
        with pytest.raises(stripe.SignatureVerificationError):
            _verify(*bad)
        _verify(*product)

    in_sandbox(story, responses=[401])


def test_a_share_of_the_orders_sends_no_webhooks() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        orders = sandbox.place_orders(100, kinds=("plain",))
        await clock.advance(0)
        received = {json.loads(body)["data"]["order"]["id"] for _, body in receiver.got}
        assert received == {order.id for order in orders if order.sends_webhooks}
        assert 10 <= sum(not order.sends_webhooks for order in orders) <= 50

    in_sandbox(story, options=SandboxOptions(poll_only_share=0.3))


def test_a_slow_receiver_does_not_hold_up_more_than_a_few_deliveries() -> None:
    async def run() -> None:
        open_now = most = 0

        async def slow(url: str, headers: object, body: bytes) -> int:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            await asyncio.sleep(0.001)
            open_now -= 1
            return 200

        import random

        from packhouse.clock import SystemClock

        sandbox = Sandbox(SystemClock(), random.Random(1), slow)
        sandbox.register_webhook("http://receiver.invalid/")
        sandbox.place_orders(200, kinds=("plain",))
        while sandbox.webhooks.pending:
            await asyncio.sleep(0.005)
        assert sandbox.webhooks.counts["accepted"] == 200
        assert 1 < most <= 32
        await sandbox.aclose()

    asyncio.run(run())


def test_an_endpoint_receives_only_its_event_types_and_a_delivery_can_be_replayed() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        sandbox.webhooks.endpoints.clear()
        hooks = f"{STORE}/merchant/webhooks"
        body = {"url": "https://shop.example/hook", "events": ["order.cancelled"]}
        made = await ask(sandbox, call("POST", hooks, body), 201)
        assert made["secret"].startswith("whsec_")
        [listed] = (await ask(sandbox, call("GET", hooks)))["webhooks"]
        assert "secret" not in listed
        order = sandbox.place_order("plain")
        sandbox.store.cancel(order)
        await clock.advance(0)
        assert receiver.types() == ["order.cancelled"]
        log = (await ask(sandbox, call("GET", f"{hooks}/{made['id']}/deliveries")))["deliveries"]
        assert [(row["attempt"], row["response_status"]) for row in log] == [(1, 200)]
        path = f"{hooks}/{made['id']}/deliveries/{log[0]['id']}/replay"
        await ask(sandbox, call("POST", path), 202)
        await clock.advance(0)
        assert receiver.ids()[0] == receiver.ids()[1]
        failed = call("GET", f"{hooks}/{made['id']}/deliveries", query="status=failed")
        assert (await ask(sandbox, failed))["deliveries"] == []
        await ask(sandbox, call("DELETE", f"{hooks}/{made['id']}"), 204)
        await ask(sandbox, call("GET", f"{hooks}/{made['id']}/deliveries"), 404)

    in_sandbox(story)


def test_a_rotated_secret_signs_later_deliveries() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, receiver: Receiver) -> None:
        [endpoint] = sandbox.webhooks.endpoints.values()
        hooks = f"{STORE}/merchant/webhooks"
        made = await ask(sandbox, call("POST", f"{hooks}/{endpoint.id}/rotate-secret"))
        assert made["secret"].startswith("whsec_")
        await ask(sandbox, call("POST", f"{hooks}/{endpoint.id}/rotate"), 404)
        sandbox.place_order("plain")
        await clock.advance(0)
        ((headers, body),) = receiver.got
        stripe.WebhookSignature.verify_header(body.decode(), headers["x-aly-signature"], made["secret"])

    in_sandbox(story)


def test_an_endpoint_belongs_to_a_site_and_its_log_has_pages() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        hooks = f"{STORE}/merchant/webhooks"
        body = {"url": "https://shop.example/hook", "events": ["order.created"], "site_slug": "acme"}
        made = await ask(sandbox, call("POST", hooks, body), 201)
        await ask(sandbox, call("POST", hooks, {**body, "site_slug": "nobody"}), 404)
        await ask(sandbox, call("POST", hooks, {**body, "url": "http://shop.example/hook"}), 400)
        listed = await ask(sandbox, call("GET", hooks, query="site_slug=acme"))
        assert [row["id"] for row in listed["webhooks"]] == [made["id"]]
        orders = [sandbox.place_order("plain").id for _ in range(5)]
        await clock.advance(1)
        seen: list[str] = []
        query = "status=delivered&limit=2"
        while query:
            page = await ask(sandbox, call("GET", f"{hooks}/{made['id']}/deliveries", query=query))
            seen += [row["order_id"] for row in page["deliveries"]]
            cursor = page.get("next_cursor")
            query = f"status=delivered&limit=2&cursor={cursor}" if cursor else ""
        assert sorted(seen) == sorted(orders)
        assert len(seen) == 5
        await ask(sandbox, call("GET", f"{hooks}/{made['id']}/deliveries", query="status=lost"), 400)

    in_sandbox(story, options=SandboxOptions(site="acme"))
