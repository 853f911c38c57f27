"""Each fault does what its description says, to the effect and to the response."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

from packhouse.errors import SettingsError
from packhouse.sandbox.faults import FAULTS, Faults, read_fault
from packhouse.sandbox.http import ConnectionReset, NoResponse, Response
from packhouse.sandbox.sandbox import Sandbox
from tests.clock import ManualClock, let_tasks_run
from tests.service.sandbox.harness import (
    ORDERS,
    SHIPMENTS,
    Receiver,
    ask,
    call,
    easypost,
    fulfill_body,
    in_sandbox,
    shipment,
)


def test_an_unknown_fault_name_gets_the_nearest_name() -> None:
    with pytest.raises(SettingsError, match=r"Did you mean 'easypost\.reset_after_effect'"):
        read_fault("easypost.reset_after_efect=0.1")
    with pytest.raises(SettingsError, match=r"Did you mean 'webhook\.duplicate'"):
        Faults(random.Random(1)).set("webhook.duplicates", 0.5)
    with pytest.raises(SettingsError, match="The faults are: "):
        read_fault("xyz")


@pytest.mark.parametrize("text", ["store.slow", "store.slow=", "store.slow=often"])
def test_a_fault_without_a_number_gets_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match=r"Write for example store\.slow=0\.1"):
        read_fault(text)


@pytest.mark.parametrize("chance", [-0.1, 1.5, float("nan")])
def test_a_probability_is_from_zero_to_one(chance: float) -> None:
    with pytest.raises(SettingsError, match="0 to 1"):
        Faults(random.Random(1)).set("store.slow", chance)


def test_a_fault_occurs_with_its_probability_and_the_same_seed_gives_the_same_faults() -> None:
    def story(seed: int) -> list[bool]:
        faults = Faults(random.Random(seed), {"store.slow": 0.3})
        return [faults.triggers("store.slow") for _ in range(1000)]

    assert story(1) == story(1) != story(2)
    assert 230 < sum(story(1)) < 370


def test_a_forced_fault_occurs_so_many_times_and_then_never_again() -> None:
    faults = Faults(random.Random(1))
    assert faults.all_off
    faults.trigger_next("store.slow", 2)
    assert [faults.triggers("store.slow") for _ in range(4)] == [True, True, False, False]
    assert faults.all_off
    assert faults.triggered == {"store.slow": 2}


async def _outcome(sandbox: Sandbox, request: object) -> str | int:
    try:
        response: Response = await sandbox.handle(request)  # type: ignore[arg-type]
    except NoResponse:
        return "no response"
    except ConnectionReset:
        return "reset"
    return response.status


@pytest.mark.parametrize("api", ["store", "easypost"])
@pytest.mark.parametrize(
    ("name", "outcome", "done"),
    [
        ("error_before_effect", 500, False),
        ("error_after_effect", 500, True),
        ("no_response_before_effect", "no response", False),
        ("no_response_after_effect", "no response", True),
        ("reset_before_effect", "reset", False),
        ("reset_after_effect", "reset", True),
        ("throttle", 429, False),
        ("garbage_body", 200, True),
    ],
)
def test_a_fault_carries_out_the_call_or_not_as_its_description_says(
    api: str, name: str, outcome: str | int, done: bool
) -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        order = sandbox.place_order("plain")
        made = await ask(sandbox, easypost("POST", SHIPMENTS, shipment(f"{order.id}/1/1")), 201)
        if api == "store":
            body = fulfill_body(json.loads(order.to_json()), "N1")
            request = call("POST", f"{ORDERS}/{order.id}/fulfill", body, idem="k")
        else:
            rate = {"rate": {"id": made["rates"][0]["id"]}}
            request = easypost("POST", f"{SHIPMENTS}/{made['id']}/buy", rate)
        sandbox.faults.trigger_next(f"{api}.{name}")
        assert await _outcome(sandbox, request) == outcome
        assert bool(order.fulfillments if api == "store" else sandbox.audit.purchases()) is done
        assert sandbox.faults.triggered == {f"{api}.{name}": 1}
        again = await _outcome(sandbox, request)
        assert again == (422 if done and api == "easypost" else 200)
        assert len(sandbox.audit.purchases()) == (api == "easypost")

    in_sandbox(story)


def test_a_throttled_call_gets_a_retry_after() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        sandbox.faults.trigger_next("store.throttle")
        response = await sandbox.handle(call("GET", ORDERS))
        assert dict(response.headers) == {b"retry-after": b"1"}
        assert json.loads(response.body)["error"]["code"] == "rate_limited"

    in_sandbox(story)


def test_a_garbage_body_cannot_be_read() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        sandbox.faults.set("store.garbage_body", 1)
        for _number in range(8):
            with pytest.raises(ValueError):
                json.loads((await sandbox.handle(call("GET", ORDERS))).body)

    in_sandbox(story)


def test_a_slow_call_is_delayed_and_then_succeeds() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        sandbox.faults.trigger_next("store.slow")
        task = asyncio.create_task(sandbox.handle(call("GET", ORDERS)))
        await clock.advance(1.9)
        assert not task.done()
        await clock.advance(0.2)
        assert task.result().status == 200

    in_sandbox(story)


def test_a_late_purchase_is_absent_at_first_and_present_later() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        made = await ask(sandbox, easypost("POST", SHIPMENTS, shipment("ord_1/1/1")), 201)
        url, rate = f"{SHIPMENTS}/{made['id']}", {"rate": {"id": made["rates"][0]["id"]}}
        sandbox.faults.trigger_next("easypost.late_effect")
        with pytest.raises(NoResponse):
            await sandbox.handle(easypost("POST", f"{url}/buy", rate))
        assert (await ask(sandbox, easypost("GET", url)))["postage_label"] is None
        refused = await ask(sandbox, easypost("POST", f"{url}/buy", rate), 422)
        assert refused["error"]["code"] == "SHIPMENT.PURCHASE.IN_PROGRESS"
        await clock.advance(2.4)
        assert sandbox.audit.purchases() == []
        await clock.advance(0.2)
        assert len(sandbox.audit.purchases()) == 1
        assert (await ask(sandbox, easypost("GET", url)))["postage_label"]["label_url"]

    in_sandbox(story)


def test_a_late_effect_applies_only_to_a_purchase_that_would_succeed() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        sandbox.faults.trigger_next("easypost.late_effect")
        await ask(sandbox, easypost("POST", SHIPMENTS, shipment()), 201)
        await ask(sandbox, easypost("POST", f"{SHIPMENTS}/shp_none/buy", {"rate": {"id": "x"}}), 404)
        assert not sandbox.faults.all_off

    in_sandbox(story)


def test_a_refused_address_stays_refused_and_other_addresses_do_not() -> None:
    async def story(sandbox: Sandbox, _: ManualClock, __: Receiver) -> None:
        async def attempt(street: str) -> int:
            to = {**shipment()["shipment"]["to_address"], "street1": street}
            made = await ask(sandbox, easypost("POST", SHIPMENTS, shipment(to_address=to)), 201)
            rate = {"rate": {"id": made["rates"][0]["id"]}}
            return (await sandbox.handle(easypost("POST", f"{SHIPMENTS}/{made['id']}/buy", rate))).status

        sandbox.faults.trigger_next("easypost.refuse")
        assert [await attempt(street) for street in ("1 Moor", "2 Moor", "1 Moor")] == [422, 200, 422]
        assert len(sandbox.audit.purchases()) == 1

    in_sandbox(story)


def test_latency_delays_every_call_of_its_api() -> None:
    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        sandbox.latency["store"].latency_s = 0.5
        task = asyncio.create_task(sandbox.handle(call("GET", ORDERS)))
        await let_tasks_run()
        assert not task.done()
        await ask(sandbox, easypost("GET", SHIPMENTS))
        await clock.advance(0.5)
        assert task.done()

    in_sandbox(story)


def test_every_fault_has_a_description() -> None:
    assert all(len(sentence) > 10 for sentence in FAULTS.values())
    assert {name.partition(".")[0] for name in FAULTS} == {"store", "easypost", "webhook"}
