"""The task that asks about parcels: many at once, without their orders; nothing is lost or done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from packhouse.errors import LedgerError, LedgerUnavailable, ProviderRefused, ProviderUnavailable
from packhouse.ledger import tracking as records
from packhouse.model.label import Label
from packhouse.model.tracking import TrackerState, Tracking
from packhouse.sandbox.store.state import StoreOrder
from packhouse.worker.periodic import PeriodicTasks, build_schedule
from packhouse.worker.tracking import Trackers, run_every_s
from tests.service.harness import Harness
from tests.service.steps.jobs import counted

pytestmark = pytest.mark.usefixtures("engine")

EVERY_S = 21_600.0
MOVING = Tracking(TrackerState.IN_TRANSIT, "in_transit")
BACK = Tracking(TrackerState.RETURNED, "Address not known")
ARRIVED = Tracking(TrackerState.DELIVERED)
OUTCOMES = "packhouse_parcel_outcomes_total"


async def shipped(harness: Harness, count: int) -> list[StoreOrder]:
    """Orders whose parcels are posted and confirmed, and whose trackers are due."""
    orders = [await harness.ship() for _ in range(count)]
    await harness.advance(harness.settings.poll.confirm_s + 10)
    await harness.clock.advance(5 * EVERY_S)
    return orders


def tell(harness: Harness, tracking: Tracking) -> None:
    """What the provider says of each parcel from now on."""

    async def of_each(labels: Sequence[Label]) -> dict[str, Tracking]:
        return {label.id: tracking for label in labels}

    harness.provider.script(track=tracking, track_many=of_each)


async def label_of(harness: Harness, order: StoreOrder) -> Label:
    (shipment,) = await harness.shipments(order)
    assert shipment.label
    return shipment.label


def calls(harness: Harness) -> tuple[int, int]:
    """How many calls asked about many parcels, and how many about one."""
    return len(harness.provider.seen("track_many")), len(harness.provider.seen("track"))


async def test_many_parcels_are_asked_about_in_one_call_without_their_orders(harness: Harness) -> None:
    orders = await shipped(harness, 7)
    tell(harness, MOVING)
    reads = len(harness.store.calls)
    assert await harness.trackers.run() == 0
    assert calls(harness) == (1, 0)
    assert await harness.claim_due() == []
    assert len(harness.store.calls) == reads
    for order in orders:
        label = await label_of(harness, order)
        assert label.tracking == MOVING
        assert label.tracking_changed_at == harness.clock.now()
        assert label.track_due_at is not None
        assert label.track_due_at > harness.clock.now()
    assert await harness.trackers.run() == 0
    assert calls(harness) == (1, 0), "none is due"


async def test_the_sandbox_answers_as_easypost_does(harness: Harness) -> None:
    orders = await shipped(harness, 3)
    assert await harness.trackers.run() == 3
    assert calls(harness) == (1, 0)
    assert [await harness.states(order) for order in orders] == [["delivered"]] * 3


async def test_a_delivery_is_recorded_without_waking_its_order(harness: Harness) -> None:
    orders = await shipped(harness, 2)
    tell(harness, ARRIVED)
    assert await harness.trackers.run() == 2
    assert await harness.claim_due() == []
    for order in orders:
        assert await harness.states(order) == ["delivered"]
        assert (await harness.journal(order)).count("delivered") == 1
        assert (await label_of(harness, order)).track_due_at is None
    assert counted(harness, OUTCOMES, provider="easypost", outcome="delivered") == 2


async def test_a_delivery_of_an_order_that_is_held_is_recorded_by_its_steps(harness: Harness) -> None:
    (order,) = await shipped(harness, 1)
    tell(harness, BACK)
    await harness.trackers.run()
    await harness.process_due()
    assert [hold.code.value for hold in await harness.active_holds(order)] == ["parcel_returned"]
    await harness.clock.advance(5 * EVERY_S)
    await harness.process_due()
    tell(harness, ARRIVED)
    assert await harness.trackers.run() == 1
    assert await harness.states(order) == ["fulfilled"]
    await harness.process_due()
    assert await harness.states(order) == ["delivered"]
    assert await harness.active_holds(order) == []
    assert (await harness.journal(order)).count("delivered") == 1


async def test_a_delivery_during_a_workers_pass_is_recorded_by_the_next_one(harness: Harness) -> None:
    (order,) = await shipped(harness, 1)
    await harness.deliver_event(order, "order.updated")
    (job,) = await harness.claim_due()
    tell(harness, ARRIVED)
    assert await harness.trackers.run() == 1
    assert await harness.states(order) == ["fulfilled"]
    await harness.run_steps(job)
    await harness.clock.advance(121)
    await harness.process_due()
    assert await harness.states(order) == ["delivered"]


async def test_an_answer_that_could_not_be_written_is_asked_for_again(harness: Harness) -> None:
    (order,) = await shipped(harness, 1)
    tell(harness, BACK)
    harness.ledger.script_next(write=LedgerUnavailable("the disk is full"))
    with pytest.raises(LedgerError):
        await harness.trackers.run()
    assert await harness.active_holds(order) == []
    restarted = Trackers(harness.context, lambda: None)
    assert await restarted.run() == 1
    assert await restarted.run() == 0
    await harness.process_due()
    assert [hold.code.value for hold in await harness.active_holds(order)] == ["parcel_returned"]
    assert (await harness.journal(order)).count("held") == 1


async def test_news_written_by_another_process_meanwhile_is_left_alone(harness: Harness) -> None:
    (order,) = await shipped(harness, 1)
    (shipment,) = await harness.shipments(order)
    now = harness.clock.now()
    newer = records.Look(shipment, BACK, now, now + 60, needs_step=True)
    older = records.Look(shipment, MOVING, now, now + 90)
    assert (await harness.ledger.write(records.save, now, [newer])).woken == (order.id,)
    assert await harness.ledger.write(records.save, now, [older]) == records.Saved()
    label = await label_of(harness, order)
    assert (label.tracking, label.track_due_at) == (BACK, now + 60)


async def test_two_replicas_do_not_ask_at_once(harness: Harness) -> None:
    if not harness.ledger.shared:
        pytest.skip("one process owns this ledger")
    await shipped(harness, 4)
    answered = asyncio.Event()

    async def slowly(labels: Sequence[Label]) -> dict[str, Tracking]:
        await answered.wait()
        return {label.id: MOVING for label in labels}

    harness.provider.script(track_many=slowly)
    replicas = [PeriodicTasks(harness.context, name, lambda: None) for name in ("one", "two")]
    first = asyncio.create_task(replicas[0].track())
    while not harness.provider.seen("track_many"):
        await asyncio.sleep(0.01)
    second = asyncio.create_task(replicas[1].track())
    await asyncio.sleep(0.05)
    answered.set()
    await asyncio.gather(first, second)
    assert calls(harness) == (1, 0)


async def test_a_failing_account_is_asked_less_and_less_and_loses_nothing(harness: Harness) -> None:
    orders = await shipped(harness, 2)
    harness.provider.script(track_many=ProviderUnavailable("down"), track=ProviderUnavailable("down"))
    before = [await label_of(harness, order) for order in orders]
    await harness.trackers.run()
    await harness.trackers.run()
    assert calls(harness) == (1, 0)
    assert [await label_of(harness, order) for order in orders] == before
    asked = []
    for _ in range(60):
        await harness.clock.advance(run_every_s(EVERY_S) + 1)
        await harness.trackers.run()
        asked.append(sum(calls(harness)))
    assert asked[-1] < 15
    tell(harness, ARRIVED)
    await harness.clock.advance(EVERY_S * 2)
    await harness.trackers.run()
    await harness.clock.advance(EVERY_S * 2)
    await harness.trackers.run()
    assert [await harness.states(order) for order in orders] == [["delivered"]] * 2


async def test_an_account_that_wants_to_wait_is_not_asked_before(harness: Harness) -> None:
    await shipped(harness, 2)
    harness.provider.script(track_many=ProviderUnavailable("busy", retry_after_s=3000.0))
    await harness.trackers.run()
    tell(harness, ARRIVED)
    await harness.clock.advance(2999)
    assert await harness.trackers.run() == 0
    await harness.clock.advance(2)
    assert await harness.trackers.run() == 2


@pytest.mark.parametrize("error", [ProviderRefused("no such number"), ProviderUnavailable("500")])
async def test_one_parcel_that_cannot_be_asked_about_hides_no_other(
    harness: Harness, error: Exception
) -> None:
    orders = await shipped(harness, 4)
    odd = (await label_of(harness, orders[1])).id

    async def one(label: Label) -> Tracking:
        if label.id == odd:
            raise error
        return ARRIVED

    harness.provider.script(track_many=error, track=one)
    for _ in range(3):
        await harness.trackers.run()
        await harness.clock.advance(run_every_s(EVERY_S))
    states = [await harness.states(order) for order in orders]
    assert states == [["delivered"], ["fulfilled"], ["delivered"], ["delivered"]]
    label = await label_of(harness, orders[1])
    assert label.track_due_at is not None
    assert label.track_due_at > harness.clock.now()


async def test_a_label_that_the_batch_does_not_tell_of_is_asked_about_alone(harness: Harness) -> None:
    orders = await shipped(harness, 3)
    first = (await label_of(harness, orders[0])).id

    async def all_but_one(labels: Sequence[Label]) -> dict[str, Tracking]:
        return {label.id: MOVING for label in labels if label.id != first}

    harness.provider.script(track_many=all_but_one, track=ARRIVED)
    assert await harness.trackers.run() == 1
    assert calls(harness) == (1, 1)


async def test_more_parcels_than_fit_in_a_call_are_all_asked_about(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("packhouse.worker.tracking._BATCH", 3)
    orders = await shipped(harness, 8)
    tell(harness, MOVING)
    await harness.trackers.run()
    assert calls(harness) == (3, 0)
    assert {(await label_of(harness, order)).tracking for order in orders} == {MOVING}


async def test_a_parcel_that_is_no_longer_on_its_way_is_not_asked_about(harness: Harness) -> None:
    (order,) = await shipped(harness, 1)
    tell(harness, ARRIVED)
    (shipment,) = await harness.shipments(order)
    assert shipment.label
    now = harness.clock.now()
    again = replace(shipment, label=replace(shipment.label, track_due_at=shipment.label.track_due_at))
    await harness.ledger.write(records.save, now, [records.Look(again, ARRIVED, now, now, needs_step=True)])
    assert await harness.states(order) == ["delivered"]
    await harness.trackers.run()
    assert calls(harness) == (0, 0)
    assert (await label_of(harness, order)).track_due_at is None


async def test_a_tracker_that_a_fast_clock_deferred_is_asked_at_once(harness: Harness) -> None:
    (order,) = await shipped(harness, 1)
    tell(harness, MOVING)
    harness.clock.skew = 20 * 86_400.0
    await harness.trackers.run()
    harness.clock.skew = 0.0
    tell(harness, ARRIVED)
    assert await harness.trackers.run() == 1
    assert await harness.states(order) == ["delivered"]


@pytest.mark.parametrize("interval", [0.0, EVERY_S])
async def test_the_task_is_scheduled_where_parcels_are_tracked(harness: Harness, interval: float) -> None:
    poll = harness.settings.poll.model_copy(update={"track_interval_s": interval})
    settings = harness.settings.model_copy(update={"poll": poll})
    schedule = build_schedule(PeriodicTasks(harness.context, "me", lambda: None), settings)
    assert [job.id for job in schedule.get_jobs() if job.id == "track"] == (["track"] if interval else [])


@pytest.mark.parametrize(("interval", "every"), [(21_600, 1800), (86_400, 1800), (3600, 300), (10, 1)])
def test_the_task_runs_several_times_an_hour_of_the_most_urgent_wait(interval: float, every: float) -> None:
    assert run_every_s(interval) == every
