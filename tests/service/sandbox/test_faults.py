"""Each fault does what its sentence says, to the effect and to the answer."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

from packhouse.errors import SettingsError
from packhouse.sandbox.faults import FAULTS, Faults, read_fault
from packhouse.sandbox.wire import Answer, NoAnswer, Reset
from packhouse.sandbox.world import World
from tests.service.sandbox.worlds import (
    ORDERS,
    SHIPMENTS,
    ManualClock,
    Receiver,
    ask,
    call,
    easypost,
    fulfil_body,
    in_world,
    settle,
    shipment,
)


def test_a_name_typed_wrongly_is_answered_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"Did you mean 'carrier\.reset_after_effect'"):
        read_fault("carrier.reset_after_efect=0.1")
    with pytest.raises(SettingsError, match=r"Did you mean 'webhook\.duplicate'"):
        Faults(random.Random(1)).set("webhook.duplicates", 0.5)
    with pytest.raises(SettingsError, match="There are: "):
        read_fault("xyz")


@pytest.mark.parametrize("text", ["store.slow", "store.slow=", "store.slow=often"])
def test_a_fault_without_a_number_is_answered_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match=r"write for example store\.slow=0\.1"):
        read_fault(text)


@pytest.mark.parametrize("chance", [-0.1, 1.5, float("nan")])
def test_a_probability_is_from_nought_to_one(chance: float) -> None:
    with pytest.raises(SettingsError, match="0 to 1"):
        Faults(random.Random(1)).set("store.slow", chance)


def test_a_fault_strikes_as_often_as_it_should_and_the_same_seed_tells_the_same_story() -> None:
    def story(seed: int) -> list[bool]:
        faults = Faults(random.Random(seed), {"store.slow": 0.3})
        return [faults.strikes("store.slow") for _ in range(1000)]

    assert story(1) == story(1) != story(2)
    assert 230 < sum(story(1)) < 370


def test_an_ordered_strike_comes_at_the_next_occasions_and_then_never_again() -> None:
    faults = Faults(random.Random(1))
    assert faults.quiet
    faults.strike_next("store.slow", 2)
    assert [faults.strikes("store.slow") for _ in range(4)] == [True, True, False, False]
    assert faults.quiet
    assert faults.struck == {"store.slow": 2}


async def _outcome(world: World, request: object) -> str | int:
    try:
        answer: Answer = await world.handle(request)  # type: ignore[arg-type]
    except NoAnswer:
        return "no answer"
    except Reset:
        return "reset"
    return answer.status


@pytest.mark.parametrize("side", ["store", "carrier"])
@pytest.mark.parametrize(
    ("name", "outcome", "done"),
    [
        ("error_before_effect", 500, False),
        ("error_after_effect", 500, True),
        ("no_answer_before_effect", "no answer", False),
        ("no_answer_after_effect", "no answer", True),
        ("reset_before_effect", "reset", False),
        ("reset_after_effect", "reset", True),
        ("throttle", 429, False),
        ("garbage_body", 200, True),
    ],
)
def test_a_fault_leaves_the_effect_done_or_undone_as_it_says(
    side: str, name: str, outcome: str | int, done: bool
) -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        order = world.order("plain")
        made = await ask(world, easypost("POST", SHIPMENTS, shipment(f"{order.id}/1/1")), 201)
        if side == "store":
            body = fulfil_body(json.loads(order.to_json()), "N1")
            request = call("POST", f"{ORDERS}/{order.id}/fulfill", body, idem="k")
        else:
            rate = {"rate": {"id": made["rates"][0]["id"]}}
            request = easypost("POST", f"{SHIPMENTS}/{made['id']}/buy", rate)
        world.faults.strike_next(f"{side}.{name}")
        assert await _outcome(world, request) == outcome
        assert bool(order.shipped if side == "store" else world.books.purchases()) is done
        assert world.faults.struck == {f"{side}.{name}": 1}
        again = await _outcome(world, request)
        assert again == (422 if done and side == "carrier" else 200)
        assert len(world.books.purchases()) == (side == "carrier")

    in_world(story)


def test_a_throttled_caller_is_told_how_long_to_wait() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        world.faults.strike_next("store.throttle")
        answer = await world.handle(call("GET", ORDERS))
        assert dict(answer.headers) == {b"retry-after": b"1"}
        assert json.loads(answer.body)["error"]["code"] == "rate_limited"

    in_world(story)


def test_a_garbage_body_cannot_be_read() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        world.faults.set("store.garbage_body", 1)
        for _number in range(8):
            with pytest.raises(ValueError):
                json.loads((await world.handle(call("GET", ORDERS))).body)

    in_world(story)


def test_a_slow_call_takes_its_time_and_then_succeeds() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        world.faults.strike_next("store.slow")
        task = asyncio.create_task(world.handle(call("GET", ORDERS)))
        await clock.advance(1.9)
        assert not task.done()
        await clock.advance(0.2)
        assert task.result().status == 200

    in_world(story)


def test_a_late_purchase_is_not_there_when_one_looks_at_once_and_is_there_later() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        made = await ask(world, easypost("POST", SHIPMENTS, shipment("ord_1/1/1")), 201)
        url, rate = f"{SHIPMENTS}/{made['id']}", {"rate": {"id": made["rates"][0]["id"]}}
        world.faults.strike_next("carrier.late_effect")
        with pytest.raises(NoAnswer):
            await world.handle(easypost("POST", f"{url}/buy", rate))
        assert (await ask(world, easypost("GET", url)))["postage_label"] is None
        refused = await ask(world, easypost("POST", f"{url}/buy", rate), 422)
        assert refused["error"]["code"] == "SHIPMENT.PURCHASE.IN_PROGRESS"
        await clock.advance(2.4)
        assert world.books.purchases() == []
        await clock.advance(0.2)
        assert len(world.books.purchases()) == 1
        assert (await ask(world, easypost("GET", url)))["postage_label"]["label_url"]

    in_world(story)


def test_a_late_effect_waits_for_a_purchase_that_would_succeed() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        world.faults.strike_next("carrier.late_effect")
        await ask(world, easypost("POST", SHIPMENTS, shipment()), 201)
        await ask(world, easypost("POST", f"{SHIPMENTS}/shp_none/buy", {"rate": {"id": "x"}}), 404)
        assert not world.faults.quiet

    in_world(story)


def test_a_refused_address_stays_refused_and_others_do_not() -> None:
    async def story(world: World, _: ManualClock, __: Receiver) -> None:
        async def attempt(street: str) -> int:
            to = {**shipment()["shipment"]["to_address"], "street1": street}
            made = await ask(world, easypost("POST", SHIPMENTS, shipment(to_address=to)), 201)
            rate = {"rate": {"id": made["rates"][0]["id"]}}
            return (await world.handle(easypost("POST", f"{SHIPMENTS}/{made['id']}/buy", rate))).status

        world.faults.strike_next("carrier.refuse")
        assert [await attempt(street) for street in ("1 Moor", "2 Moor", "1 Moor")] == [422, 200, 422]
        assert len(world.books.purchases()) == 1

    in_world(story)


def test_latency_holds_for_every_call_of_its_side() -> None:
    async def story(world: World, clock: ManualClock, _: Receiver) -> None:
        world.pace["store"].latency_s = 0.5
        task = asyncio.create_task(world.handle(call("GET", ORDERS)))
        await settle()
        assert not task.done()
        await ask(world, easypost("GET", SHIPMENTS))
        await clock.advance(0.5)
        assert task.done()

    in_world(story)


def test_every_fault_has_a_sentence() -> None:
    assert all(len(sentence) > 10 for sentence in FAULTS.values())
    assert {name.partition(".")[0] for name in FAULTS} == {"store", "carrier", "webhook"}
