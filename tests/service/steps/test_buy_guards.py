"""buy: each condition that keeps a label from being bought, alone, and what is left behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from packhouse.errors import LeaseLost, LedgerUnavailable, StoreUnavailable
from packhouse.model.order import Order
from packhouse.model.states import ShipmentState
from packhouse.model.waiting import WaitKind
from packhouse.providers.port import Prepared, Purchase, PurchaseRequest, Unknown, Whose
from packhouse.steps.context import OrderJob
from packhouse.steps.purchase import intent_of
from tests.service.harness import Harness
from tests.service.steps.jobs import entries, held, in_step, job_before, label_of, stored

_S = ShipmentState
ABROAD = {"line1": "1 Main Street", "city": "Toronto", "state": "ON", "postcode": "M5V 2T6", "country": "CA"}
TWO_PARCELS = pytest.mark.harness(settings={"parcel": {"weight_g": 500, "max_weight_g": 1000}})


async def pause(harness: Harness, why: str = "stocktaking") -> None:
    await harness.operations.daemon.pause(reason=why, actor="ada")


def waits_for_resume(harness: Harness, job: OrderJob, why: str) -> bool:
    """Whether the order waits until somebody resumes, and says so."""
    until = harness.clock.now() + harness.settings.poll.recheck_s
    assert job.waiting is not None
    assert (job.waiting.kind, job.waiting.until) == (WaitKind.PAUSED, until)
    assert job.waiting_reason == f"Paused: {why}"
    return job.wake_times == [until]


async def slow_order(harness: Harness, order_id: str) -> Order:
    """A store that takes ten seconds to answer."""
    await harness.clock.advance(10)
    return await harness.store.real.order(order_id)


async def two_parcels(harness: Harness) -> OrderJob:
    order = harness.sandbox.place_order("plain")
    order.sale.items[0]["quantity"] = 4
    del order.sale.items[1:]
    return await harness.process_until(order, before="buy")


@TWO_PARCELS
async def test_all_planned_parcels_are_bought_while_the_order_stays_the_same(harness: Harness) -> None:
    job = await two_parcels(harness)
    await harness.run_step("buy", job)
    assert [one.state for one in job.shipments] == [_S.LABELED, _S.LABELED]
    assert len(harness.provider.seen("buy")) == 2


@TWO_PARCELS
async def test_no_offer_is_asked_for_the_second_parcel_of_an_order_that_has_changed(harness: Harness) -> None:
    job = await two_parcels(harness)
    harness.store.show_orders_as(lambda order: replace(order, status="processing"))
    await harness.run_step("buy", job)
    assert [one.state for one in job.shipments] == [_S.PLANNED, _S.PLANNED]
    assert len(harness.provider.seen("prepare")) == 1


async def test_a_held_parcel_of_an_order_that_the_store_did_not_show_is_left_alone(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="buy")
    await harness.place_hold(order)
    await harness.clock.advance(130)
    (job,) = await harness.claim_due()
    assert job.fetched is None
    await harness.run_step("buy", job)
    assert (await in_step(harness, job)).state is _S.PLANNED


async def test_an_order_that_is_not_compared_since_a_restore_is_not_bought(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    job.restored_at = 1.0
    await harness.run_step("buy", job)
    assert harness.provider.seen("prepare") == []
    assert (await in_step(harness, job)).state is _S.PLANNED


async def test_a_paused_order_waits_and_says_why(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    job.paused = "stocktaking"
    await harness.run_step("buy", job)
    assert waits_for_resume(harness, job, "stocktaking")
    assert harness.provider.seen("prepare") == []


async def test_a_pause_while_rates_are_asked_stops_the_intent(harness: Harness) -> None:
    async def prepare(request: PurchaseRequest) -> Prepared:
        await pause(harness)
        return await harness.provider.real.prepare(request)

    job = await job_before(harness, "buy")
    harness.provider.script(prepare=prepare)
    await harness.run_step("buy", job)
    assert (await in_step(harness, job)).state is _S.PLANNED
    assert waits_for_resume(harness, job, job.paused)
    assert "stocktaking" in job.paused
    assert held(job) == []
    assert await entries(harness, job, "buying") == []
    assert harness.store.seen("order") == [(job.order_id,)], "only the step before has read it"


async def test_a_pause_after_the_intent_takes_it_back(harness: Harness) -> None:
    async def order(order_id: str) -> Order:
        await pause(harness)
        return await harness.store.real.order(order_id)

    job = await job_before(harness, "buy")
    harness.store.script(order=order)
    await harness.run_step("buy", job)
    assert (await in_step(harness, job)).state is _S.PLANNED
    assert waits_for_resume(harness, job, job.paused)
    assert "stocktaking" in job.paused
    (entry,) = await entries(harness, job, "not_bought")
    assert entry.why == "Paused in the meantime; nothing was sent."
    assert harness.provider.seen("buy") == []


async def test_a_store_that_does_not_answer_after_the_intent_takes_it_back(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    harness.store.script(order=StoreUnavailable("502", status=502))
    with pytest.raises(StoreUnavailable):
        await harness.run_step("buy", job)
    assert (await in_step(harness, job)).state is _S.PLANNED
    (entry,) = await entries(harness, job, "not_bought")
    assert entry.why == "The store did not confirm the order; nothing was sent."
    assert harness.provider.seen("buy") == []


def another_status(order: Order) -> Order:
    return replace(order, status="processing")


def another_address(order: Order) -> Order:
    assert order.address is not None
    return replace(order, address=replace(order.address, street1="77 Other Road"))


def another_option(order: Order) -> Order:
    return replace(order, shipping_options=())


def another_record(order: Order) -> Order:
    return replace(order, lines=(replace(order.lines[0], partly_shipped=True), *order.lines[1:]))


@pytest.mark.parametrize("change", [another_status, another_address, another_option, another_record])
async def test_an_order_that_changed_before_the_purchase_is_decided_again_at_once(
    harness: Harness, change: Any
) -> None:
    order = harness.sandbox.place_order("plain")
    order.shipping_option = "Standard"
    job = await harness.process_until(order, before="buy")
    fetched_at = job.fetched_at
    await harness.clock.advance(1)
    harness.store.show_orders_as(change)
    await harness.run_step("buy", job)
    assert (await in_step(harness, job)).state is _S.PLANNED
    (entry,) = await entries(harness, job, "not_bought")
    assert entry.why == "The order changed in the meantime; nothing was sent."
    assert job.wake_times == [harness.clock.now()]
    assert job.fetched_at == fetched_at + 1
    assert harness.provider.seen("buy") == []


async def test_a_purchase_is_made_for_the_order_as_it_was_read_last(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    fetched = job.fetched
    harness.store.script(order=partial(slow_order, harness))
    await harness.run_step("buy", job)
    assert job.fetched is not fetched
    assert job.fetched_at == harness.clock.monotonic()
    assert (await in_step(harness, job)).state is _S.LABELED
    assert job.wake_times == []
    assert await entries(harness, job, "not_bought") == []


async def test_a_store_that_answers_slowly_can_leave_too_little_of_the_lease(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    job.lease_until = harness.clock.monotonic() + harness.settings.provider_timeout_s + 5
    harness.store.script(order=partial(slow_order, harness))
    with pytest.raises(LeaseLost, match="ends too soon"):
        await harness.run_step("buy", job)
    assert (await in_step(harness, job)).state is _S.PLANNED
    (entry,) = await entries(harness, job, "not_bought")
    assert entry.why == "The lease was about to end; nothing was sent."


async def test_a_worker_that_takes_over_before_the_purchase_finds_no_doubt(harness: Harness) -> None:
    async def order(order_id: str) -> Order:
        await harness.clock.advance(130)
        assert len(await harness.claim_due()) == 1
        return await harness.store.real.order(order_id)

    job = await job_before(harness, "buy")
    harness.store.script(order=order)
    with pytest.raises(LeaseLost):
        await harness.run_step("buy", job)
    assert (await stored(harness, job)).state is _S.PLANNED
    assert harness.provider.seen("buy") == []


async def test_an_account_that_was_not_asked_to_sell_is_tried_by_the_next_order(harness: Harness) -> None:
    breaker = harness.context.breaker
    breaker.refused("easypost", Whose.ACCOUNT, "no funds", harness.clock)
    await harness.clock.advance(breaker.cooldown_s)
    job = await job_before(harness, "buy")
    job.lease_until = harness.clock.monotonic()
    with pytest.raises(LeaseLost):
        await harness.run_step("buy", job)
    assert breaker.wait_s("easypost", harness.clock.monotonic()) == 0


async def test_an_account_whose_answer_is_not_known_is_not_tried_by_the_next_order_at_once(
    harness: Harness,
) -> None:
    breaker = harness.context.breaker
    breaker.refused("easypost", Whose.ACCOUNT, "no funds", harness.clock)
    await harness.clock.advance(breaker.cooldown_s)
    job = await job_before(harness, "buy")
    harness.provider.script(buy=Unknown("no response"))
    await harness.run_step("buy", job)
    assert breaker.wait_s("easypost", harness.clock.monotonic()) == breaker.cooldown_s


async def test_a_purchase_under_way_is_known_with_the_time_when_it_must_have_ended(harness: Harness) -> None:
    seen: list[Any] = []

    async def buy(purchase: Purchase) -> Unknown:
        (shipment,) = job.shipments
        assert shipment.state is _S.BUYING
        assert await stored(harness, job) == shipment, "the intent is on disk"
        seen.append(dict(harness.context.settling))
        await harness.clock.advance(7)
        return Unknown("no response")

    job = await job_before(harness, "buy")
    began_at = harness.clock.monotonic()
    harness.provider.script(buy=buy)
    await harness.run_step("buy", job)
    intent = intent_of(job.shipments[0])
    assert seen == [{intent: began_at + harness.settings.provider_timeout_s}]
    assert harness.context.settling == {intent: began_at + 7}


async def test_a_sold_label_leaves_nothing_to_settle(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    await harness.run_step("buy", job)
    assert harness.context.settling == {}


async def test_a_ledger_that_fails_after_the_answer_keeps_when_the_call_ended(harness: Harness) -> None:
    async def buy(purchase: Purchase) -> Unknown:
        harness.ledger.script(write=LedgerUnavailable("the disk is full"))
        await harness.clock.advance(7)
        return Unknown("no response")

    job = await job_before(harness, "buy")
    harness.provider.script(buy=buy)
    with pytest.raises(LedgerUnavailable):
        await harness.run_step("buy", job)
    assert list(harness.context.settling.values()) == [harness.clock.monotonic()]


async def test_a_label_whose_answer_comes_while_the_process_stops_is_recorded(harness: Harness) -> None:
    is_asked = asyncio.Event()

    async def buy(purchase: Purchase) -> Any:
        is_asked.set()
        await asyncio.sleep(0.01)
        return await harness.provider.real.buy(purchase)

    job = await job_before(harness, "buy")
    harness.provider.script(buy=buy)
    task = asyncio.create_task(harness.run_step("buy", job))
    await is_asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await in_step(harness, job)).state is _S.LABELED
    assert label_of(job).tracking_number


async def test_an_adapter_that_fails_leaves_a_doubt_and_not_a_refusal(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    harness.provider.script(buy=ZeroDivisionError("division by zero"))
    await harness.run_step("buy", job)
    assert (await in_step(harness, job)).state is _S.UNKNOWN
    (entry,) = await entries(harness, job, "unknown")
    assert "the adapter failed: ZeroDivisionError('division by zero')" in entry.why


async def test_a_parcel_whose_customs_facts_went_missing_is_withdrawn_and_decided_again(
    harness: Harness,
) -> None:
    order = harness.sandbox.place_order("plain")
    harness.sandbox.store.change_address(order, ABROAD)
    job = await harness.process_until(order, before="buy")
    lines = tuple(replace(line, unit_price_minor=None) for line in job.order.lines)
    job.fetched = replace(job.order, lines=lines)
    await harness.run_step("buy", job)
    assert (await in_step(harness, job)).state is _S.CANCELLED
    (entry,) = await entries(harness, job, "cancelled")
    assert entry.why.startswith("Withdrawn: ")
    assert job.wake_times == [harness.clock.now()]
    assert harness.provider.seen("prepare") == []


async def test_a_declaration_has_the_weight_of_the_parcel(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    harness.sandbox.store.change_address(order, ABROAD)
    job = await harness.process_until(order, before="buy")
    harness.provider.script(prepare=Prepared("shp_1", (), ("no rates",)))
    await harness.run_step("buy", job)
    ((request,),) = harness.provider.seen("prepare")
    assert request.parcel == job.shipments[0].parcel
    assert sum(item.weight_g for item in request.customs.items) == request.parcel.weight_g


async def test_a_shipment_without_a_parcel_is_never_requested(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    job.shipments[:] = [replace(job.shipments[0], parcel=None)]
    with pytest.raises(ValueError, match="has no parcel"):
        await harness.run_step("buy", job)
    assert harness.provider.seen("prepare") == []
