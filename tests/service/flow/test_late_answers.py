"""An answer that arrives is recorded, whatever happened to the order while the call was under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from packhouse.errors import LeaseLost
from packhouse.flow import process_order
from packhouse.ledger import queries
from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.operations.views import AdoptedLabel
from packhouse.providers.port import (
    Absent,
    Bought,
    NotBought,
    Purchase,
    Safety,
    Unknown,
    Voided,
    VoidRefused,
    Whose,
)
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory

pytestmark = pytest.mark.usefixtures("engine")

Meanwhile = Callable[[Harness, StoreOrder], Awaitable[object]]


def bike(number: str) -> Bought:
    return Bought(f"id-{number}", number, "Bike", "standard", Money(495, "USD"))


async def _order_being_bought(harness: Harness) -> tuple[StoreOrder, Any]:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before="buy")
    return order, job


async def _buy(harness: Harness, meanwhile: Meanwhile, answer: Any = None) -> StoreOrder:
    """Buy a label; `meanwhile` happens before the answer of the first purchase arrives."""
    order, job = await _order_being_bought(harness)

    async def slowly(purchase: Purchase) -> Any:
        harness.provider.script(buy=None)
        bought = answer or await harness.provider.real.buy(purchase)
        await meanwhile(harness, order)
        return bought

    harness.provider.script(buy=slowly)
    with pytest.raises(LeaseLost):
        await harness.run_steps(job, start="buy")
    return order


async def _hold(harness: Harness, order: StoreOrder) -> None:
    await harness.place_hold(order)


async def _hold_shipment(harness: Harness, order: StoreOrder) -> None:
    (shipment,) = await harness.shipments(order)
    await harness.operations.shipments.hold(shipment.id, reason="wait", actor="ada")


async def _process(harness: Harness, order: StoreOrder) -> None:
    """Another worker takes the order while the call is under way."""
    await harness.place_hold(order)
    await harness.process_due()


async def _settle(harness: Harness) -> None:
    """Let the settle time pass for other workers: the call is older than any call may be."""
    harness.context.settling.clear()
    for _ in range(3):
        await harness.clock.advance(harness.settings.provider_settle_s + 130)
        await harness.process_due()


async def _say_not_bought(harness: Harness, order: StoreOrder) -> None:
    await harness.place_hold(order)
    await harness.process_due()
    (shipment,) = await harness.shipments(order)
    await harness.operations.shipments.record_not_bought(shipment.id, reason="looked", actor="ada")


@pytest.mark.parametrize("meanwhile", [_hold, _hold_shipment, _process, _say_not_bought])
async def test_an_operation_during_a_purchase_does_not_lose_its_label(
    harness: Harness, meanwhile: Meanwhile
) -> None:
    order = await _buy(harness, meanwhile)
    (shipment,) = await harness.shipments(order)
    assert shipment.state == "labeled"
    assert shipment.label is not None
    assert harness.labels_sold(order) == 1
    await harness.process_due()
    assert harness.provider.seen("lookup") == []
    (hold,) = await harness.active_holds(order)
    assert (hold.code, harness.store.seen("fulfill")) == ("manual", [])
    await harness.release_hold(hold)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
    assert harness.labels_sold(order, live_only=False) == 1


@pytest.mark.harness(provider=in_memory(), external_tracking="BIKE1")
@pytest.mark.parametrize("meanwhile", [_hold, _process])
async def test_nobody_is_asked_whether_a_program_sold_a_label_while_it_still_runs(
    harness: Harness, meanwhile: Meanwhile
) -> None:
    harness.provider.safety = Safety.BLIND
    order = await _buy(harness, meanwhile)
    assert await harness.states(order) == ["labeled"]
    assert [hold.code for hold in await harness.active_holds(order)] == ["manual"]


@pytest.mark.harness(provider=in_memory(), external_tracking="BIKE1")
async def test_an_answer_that_arrives_after_a_person_was_asked_ends_the_question(harness: Harness) -> None:
    harness.provider.safety = Safety.BLIND

    async def ask(harness: Harness, order: StoreOrder) -> None:
        await _hold(harness, order)
        await _settle(harness)
        assert "purchase_unknown" in [hold.code for hold in await harness.active_holds(order)]

    order = await _buy(harness, ask)
    assert await harness.states(order) == ["labeled"]
    assert [hold.code for hold in await harness.active_holds(order)] == ["manual"]
    assert "released" in await harness.journal(order)


@pytest.mark.harness(provider=in_memory(), external_tracking="BIKE1")
async def test_an_order_cancelled_during_a_purchase_is_voided_when_the_answer_arrives(
    harness: Harness,
) -> None:
    async def cancel(harness: Harness, order: StoreOrder) -> None:
        await _hold(harness, order)
        harness.sandbox.store.cancel(order)

    order = await _buy(harness, cancel)
    await harness.process_due()
    assert await harness.states(order) == ["voided"]


async def _found(harness: Harness, order: StoreOrder) -> None:
    """Another replica looks the purchase up, finds it and posts it."""
    await _hold(harness, order)
    (hold,) = await harness.active_holds(order)
    await harness.release_hold(hold)
    await _settle(harness)


async def test_an_answer_that_a_look_up_gave_before_changes_nothing(harness: Harness) -> None:
    order = await _buy(harness, _found)
    assert await harness.states(order) == ["fulfilled"]
    before = await harness.journal(order)
    await harness.process_due()
    assert (await harness.journal(order), before.count("bought")) == (before, 1)
    assert harness.labels_sold(order, live_only=False) == 1


@pytest.mark.harness(provider=in_memory(), external_tracking="BIKE1")
async def test_a_label_bought_again_in_vain_becomes_visible_and_is_voided(harness: Harness) -> None:
    order = await _buy(harness, _found, answer=bike("BIKE77"))
    first, extra = await harness.shipments(order)
    assert first.label is not None and extra.label is not None
    assert (first.state, first.label.tracking_number) == ("fulfilled", "BIKE1")
    assert (extra.state, extra.label.tracking_number, extra.units) == ("voiding", "BIKE77", ())
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled", "voided"]
    assert [label.provider_id for (label,) in harness.provider.seen("void")] == ["id-BIKE77"]
    words = [entry.why for entry in await harness.ledger.read(queries.entries, order_id=order.id)]
    assert any("does not need any more" in why for why in words)
    await harness.advance(harness.settings.poll.confirm_s + 10)
    assert [hold.code for hold in await harness.active_holds(order)] == ["label_file_missing"]


@pytest.mark.harness(provider=in_memory(), external_tracking="BIKE1")
async def test_a_label_that_a_person_denied_and_that_was_bought_again_is_voided(harness: Harness) -> None:
    async def deny_and_buy(harness: Harness, order: StoreOrder) -> None:
        await _say_not_bought(harness, order)
        (hold,) = await harness.active_holds(order)
        await harness.release_hold(hold)
        await harness.process_due()
        assert await harness.states(order) == ["fulfilled"]

    order = await _buy(harness, deny_and_buy, answer=bike("BIKE77"))
    assert await harness.states(order) == ["fulfilled", "voiding"]


@pytest.mark.harness(provider=in_memory(), external_tracking="BIKE1")
@pytest.mark.parametrize(("number", "states"), [("bike 1", ["held"]), ("BIKE9", ["held", "voiding"])])
async def test_a_label_that_a_person_adopted_meanwhile_is_not_recorded_twice(
    harness: Harness, number: str, states: list[str]
) -> None:
    harness.provider.safety = Safety.BLIND

    async def adopt(harness: Harness, order: StoreOrder) -> None:
        await _hold(harness, order)
        await _settle(harness)
        (shipment,) = await harness.shipments(order)
        found = AdoptedLabel(number, "Bike", "", Money(495, "USD"))
        await harness.operations.shipments.adopt_label(shipment.id, found, reason="found", actor="ada")

    order = await _buy(harness, adopt)
    assert await harness.states(order) == ["labeled", *states[1:]]


@pytest.mark.harness(provider=in_memory())
async def test_a_shipment_cancelled_meanwhile_keeps_no_label_that_nobody_voids(harness: Harness) -> None:
    async def deny_and_cancel(harness: Harness, order: StoreOrder) -> None:
        await _say_not_bought(harness, order)
        harness.sandbox.store.cancel(order)
        await harness.process_due()
        assert await harness.states(order) == ["cancelled"]

    order = await _buy(harness, deny_and_cancel)
    assert await harness.states(order) == ["cancelled", "voiding"]
    await harness.process_due()
    assert await harness.states(order) == ["cancelled", "voided"]


async def test_a_refusal_that_arrives_late_leaves_no_doubt(harness: Harness) -> None:
    order = await _buy(harness, _hold, answer=NotBought("no such address", Whose.MOMENT))
    assert await harness.states(order) == ["planned"]
    assert harness.labels_sold(order) == 0


async def test_an_unclear_answer_that_arrives_late_is_looked_up(harness: Harness) -> None:
    order = await _buy(harness, _hold, answer=Unknown("time-out"))
    assert await harness.states(order) == ["buying"]
    harness.provider.script(lookup=Absent())
    await _settle(harness)
    assert await harness.states(order) in (["planned"], ["held"])


@pytest.mark.harness(provider=in_memory(), external_tracking="BIKE1")
async def test_an_answer_to_a_look_up_is_recorded_under_any_lease(harness: Harness) -> None:
    order, job = await _order_being_bought(harness)
    harness.provider.script(buy=Unknown("no answer"), lookup=bike("BIKE1"))
    await harness.run_step("buy", job)
    await harness.clock.advance(200)
    (job,) = await harness.claim_due()

    async def slowly(purchase: Purchase) -> Bought:
        await harness.place_hold(order)
        return bike("BIKE1")

    harness.provider.script(lookup=slowly)
    with pytest.raises(LeaseLost):
        await harness.run_steps(job)
    assert await harness.states(order) == ["labeled"]


async def test_a_posts_answer_is_recorded_under_any_lease(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="post")

    async def slowly(order_id: str, body: bytes, key: str) -> bool:
        is_shown = await harness.store.real.fulfill(order_id, body, key)
        await harness.place_hold(order)
        return is_shown

    harness.store.script(fulfill=slowly)
    with pytest.raises(LeaseLost):
        await harness.run_step("post", job)
    assert await harness.states(order) == ["fulfilled"]


async def _voiding(harness: Harness) -> tuple[StoreOrder, Any]:
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="post")
    harness.sandbox.store.cancel(order)
    await harness.clock.advance(130)
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before="void")
    return order, job


async def test_a_voids_answer_is_recorded_under_any_lease(harness: Harness) -> None:
    order, job = await _voiding(harness)

    async def slowly(label: Label) -> Voided:
        harness.sandbox.easypost.request_void(harness.sandbox.easypost.find(label.provider_id))
        await harness.place_hold(order)
        return Voided()

    harness.provider.script(void=slowly)
    with pytest.raises(LeaseLost):
        await harness.run_step("void", job)
    assert await harness.states(order) == ["voided"]


async def test_a_void_that_is_granted_late_ends_the_refusal_of_a_second_request(harness: Harness) -> None:
    order, job = await _voiding(harness)

    async def slowly(label: Label) -> Voided:
        harness.sandbox.easypost.request_void(harness.sandbox.easypost.find(label.provider_id))
        await harness.place_hold(order)
        harness.provider.script(void=VoidRefused("it is void already"))
        await harness.process_due()
        assert await harness.states(order) == ["held"]
        return Voided()

    harness.provider.script(void=slowly)
    with pytest.raises(LeaseLost):
        await harness.run_step("void", job)
    assert await harness.states(order) == ["voided"]
    assert [hold.code for hold in await harness.active_holds(order)] == ["manual"]


@pytest.mark.parametrize("answers", [True, False])
async def test_a_stop_gives_a_purchase_under_way_the_time_to_answer(harness: Harness, answers: bool) -> None:
    order, _ = await _order_being_bought(harness)
    await harness.clock.advance(130)
    (job,) = await harness.claim_due()
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slowly(purchase: Purchase) -> Any:
        asked.set()
        await may_answer.wait()
        return await harness.provider.real.buy(purchase)

    harness.provider.script(buy=slowly)
    working = asyncio.create_task(process_order(harness.context, job))
    await asked.wait()
    working.cancel()
    if answers:
        may_answer.set()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await harness.states(order) == ["labeled" if answers else "buying"]


async def test_a_file_that_was_fetched_is_kept_under_any_lease(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="post")

    async def slowly(label: Label) -> Any:
        document = await harness.provider.real.document(label)
        await harness.place_hold(order)
        return document

    harness.provider.script(document=slowly)
    with pytest.raises(LeaseLost):
        await harness.run_step("post", job)
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    assert shipment.label.document != ""
