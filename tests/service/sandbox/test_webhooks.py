"""Deliveries are signed, retried and counted as documented, and go wrong on demand."""

from __future__ import annotations

import asyncio
import json

import pytest
import stripe

from packhouse.sandbox.webhooks import WAITS_S, sign
from packhouse.sandbox.world import WEBHOOK_SECRET, Plan, World
from tests.service.sandbox.worlds import ORDERS, START, STORE, ManualClock, Receiver, ask, call, in_world


def _verify(headers: dict[str, str], body: bytes) -> None:
    stripe.WebhookSignature.verify_header(body.decode(), headers["x-aly-signature"], WEBHOOK_SECRET)


def test_a_delivery_carries_the_documented_headers_and_body() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        order = world.order("plain")
        await clock.advance(0)
        [(headers, body)] = receiver.got
        event = json.loads(body)
        assert set(event) == {"id", "type", "created_at", "site_slug", "data"}
        assert event["type"] == headers["x-aly-event-type"] == "order.created"
        assert event["id"] == headers["x-aly-event-id"]
        assert headers["x-aly-attempt"] == "1"
        assert headers["x-aly-timestamp"] == str(int(START))
        assert headers["x-aly-signature"].startswith(f"t={int(START)},v1=")
        told = event["data"]["order"]
        assert told["id"] == order.id
        assert "status" not in told
        assert set(told["shipping_address"]) == {"country", "state", "postcode"}
        _verify(headers, body)

    in_world(story)


def test_the_signature_is_the_one_an_independent_implementation_makes() -> None:
    body = b'{"id":"evt_1"}'
    theirs = stripe.WebhookSignature._compute_signature(f"123.{body.decode()}", "whsec_x")
    assert sign(body, "whsec_x", 123) == f"t=123,v1={theirs}"


@pytest.mark.parametrize("bad", [500, 404, 302, OSError("down"), TimeoutError("slow")])
def test_anything_but_a_success_is_tried_again_with_the_same_event_and_a_fresh_signature(
    bad: int | OSError,
) -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        world.order("plain")
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
        assert world.webhooks.counts["accepted"] == 1
        assert world.webhooks.due == 0

    in_world(story, answers=[bad, bad], plan=Plan(retry_scale=0.1))


def test_after_the_last_attempt_it_is_given_up() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        world.order("plain")
        await clock.advance(sum(WAITS_S) * 1.3)
        assert len(receiver.got) == 24
        assert world.webhooks.counts["given_up"] == 1
        await clock.advance(100_000)
        assert len(receiver.got) == 24

    in_world(story, answers=[500] * 30, plan=Plan(retry_scale=1))


def test_a_duplicate_has_the_same_event_id_and_its_own_delivery_id() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        world.faults.set("webhook.duplicate", 1)
        world.order("plain")
        await clock.advance(0)
        assert len(receiver.got) == 2
        assert len(set(receiver.ids())) == 1
        assert len({headers["x-aly-delivery-id"] for headers, _ in receiver.got}) == 2

    in_world(story)


def test_a_lost_event_never_comes_although_the_order_is_there() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        world.faults.strike_next("webhook.lose")
        order = world.order("plain")
        await clock.advance(100_000)
        assert receiver.got == []
        assert world.webhooks.counts["lost"] == 1
        assert (await ask(world, call("GET", f"{ORDERS}/{order.id}")))["status"] == "pending"

    in_world(story)


def test_an_event_held_back_is_overtaken_by_a_later_one() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        world.faults.strike_next("webhook.reorder")
        order = world.order("plain")
        world.shop.cancel(order)
        await clock.advance(1)
        assert receiver.types() == ["order.cancelled", "order.created"]

    in_world(story)


def test_a_badly_signed_attempt_is_followed_by_a_good_one() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        world.faults.strike_next("webhook.bad_signature")
        world.order("plain")
        await clock.advance(1)
        bad, good = receiver.got
        with pytest.raises(stripe.SignatureVerificationError):
            _verify(*bad)
        _verify(*good)

    in_world(story, answers=[401])


def test_some_orders_are_never_told() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        orders = world.orders(100, kinds=("plain",))
        await clock.advance(0)
        told = {json.loads(body)["data"]["order"]["id"] for _, body in receiver.got}
        assert told == {order.id for order in orders if order.told}
        assert 10 <= sum(not order.told for order in orders) <= 50

    in_world(story, plan=Plan(poll_only_share=0.3))


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

        world = World(SystemClock(), random.Random(1), slow)
        world.tell("http://receiver.invalid/")
        world.orders(200, kinds=("plain",))
        while world.webhooks.due:
            await asyncio.sleep(0.005)
        assert world.webhooks.counts["accepted"] == 200
        assert 1 < most <= 32
        await world.aclose()

    asyncio.run(run())


def test_an_endpoint_is_registered_told_only_what_it_asked_for_and_replayed() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        world.webhooks.endpoints.clear()
        hooks = f"{STORE}/merchant/webhooks"
        wish = {"url": "https://shop.example/hook", "events": ["order.cancelled"]}
        made = await ask(world, call("POST", hooks, wish), 201)
        assert made["secret"].startswith("whsec_")
        [listed] = (await ask(world, call("GET", hooks)))["webhooks"]
        assert "secret" not in listed
        order = world.order("plain")
        world.shop.cancel(order)
        await clock.advance(0)
        assert receiver.types() == ["order.cancelled"]
        log = (await ask(world, call("GET", f"{hooks}/{made['id']}/deliveries")))["deliveries"]
        assert [(row["attempt"], row["response_status"]) for row in log] == [(1, 200)]
        path = f"{hooks}/{made['id']}/deliveries/{log[0]['id']}/replay"
        await ask(world, call("POST", path), 202)
        await clock.advance(0)
        assert receiver.ids()[0] == receiver.ids()[1]
        failed = call("GET", f"{hooks}/{made['id']}/deliveries", query="status=failed")
        assert (await ask(world, failed))["deliveries"] == []
        await ask(world, call("DELETE", f"{hooks}/{made['id']}"), 204)
        await ask(world, call("GET", f"{hooks}/{made['id']}/deliveries"), 404)

    in_world(story)


def test_a_rotated_secret_signs_from_then_on() -> None:
    async def story(world: World, clock: ManualClock, receiver: Receiver) -> None:
        [endpoint] = world.webhooks.endpoints.values()
        hooks = f"{STORE}/merchant/webhooks"
        made = await ask(world, call("POST", f"{hooks}/{endpoint.id}/rotate-secret"))
        assert made["secret"].startswith("whsec_")
        await ask(world, call("POST", f"{hooks}/{endpoint.id}/rotate"), 404)
        world.order("plain")
        await clock.advance(0)
        ((headers, body),) = receiver.got
        stripe.WebhookSignature.verify_header(body.decode(), headers["x-aly-signature"], made["secret"])

    in_world(story)


def test_an_endpoint_belongs_to_a_site_and_its_log_is_walked_page_by_page() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        hooks = f"{STORE}/merchant/webhooks"
        wish = {"url": "https://shop.example/hook", "events": ["order.created"], "site_slug": "acme"}
        made = await ask(world, call("POST", hooks, wish), 201)
        await ask(world, call("POST", hooks, {**wish, "site_slug": "nobody"}), 404)
        await ask(world, call("POST", hooks, {**wish, "url": "http://shop.example/hook"}), 400)
        listed = await ask(world, call("GET", hooks, query="site_slug=acme"))
        assert [row["id"] for row in listed["webhooks"]] == [made["id"]]
        orders = [world.order("plain").id for _ in range(5)]
        await clock.advance(1)
        seen: list[str] = []
        query = "status=delivered&limit=2"
        while query:
            page = await ask(world, call("GET", f"{hooks}/{made['id']}/deliveries", query=query))
            seen += [row["order_id"] for row in page["deliveries"]]
            cursor = page.get("next_cursor")
            query = f"status=delivered&limit=2&cursor={cursor}" if cursor else ""
        assert sorted(seen) == sorted(orders)
        assert len(seen) == 5
        await ask(world, call("GET", f"{hooks}/{made['id']}/deliveries", query="status=lost"), 400)

    in_world(story, plan=Plan(site="acme"))
