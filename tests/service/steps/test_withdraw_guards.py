"""withdraw: what becomes of a label that must not ship, by what is known about its post."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.ledger import holds as hold_records
from packhouse.model.hold import Hold, HoldCode
from packhouse.model.label import Label
from packhouse.model.order import Fulfillment, Line, Order, Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.model.waiting import WaitKind
from packhouse.providers.manual import ManualProvider
from packhouse.rules.timeouts import longest_post_s
from packhouse.steps.context import OrderJob
from packhouse.steps.withdraw import does_not_say, is_in_doubt, process_void_requests, withdraw
from tests.service.harness import Harness
from tests.service.steps.jobs import entries, held, in_step, job_before, label_of, labeled, moved

_S = ShipmentState
WHY = "The order is cancelled."
SHIPMENT = Shipment("ord_1-1", "ord_1", 1, _S.LABELED, (Units("a", 2), Units("b", 1)))


def hold(code: HoldCode, shipment_id: str = "", **more: Any) -> Hold:
    return Hold(1, "ord_1", shipment_id, code, "", "", "packhouse", 1.0, **more)


def counting(*lines: tuple[str, tuple[int, ...]], fulfillments: tuple[()] | None = None) -> Order:
    """An order whose lines say how many of their units have shipped."""
    return Order(
        "ord_1",
        lines=tuple(Line(name, shipped_counts=counts) for name, counts in lines),
        fulfillments=fulfillments,
    )


@pytest.mark.parametrize(
    ("order", "is_open"),
    [
        (counting(("a", (0,)), ("b", (0,))), False),
        (counting(("a", (0,)), ("b", (0,)), ("other", (5,))), False),
        (counting(("a", (0,)), ("b", (1,))), True),
        (counting(("a", (0, 2)), ("b", (0,))), True),
        (counting(("a", (0,)), ("b", ())), True),
        (counting(("a", ()), ("b", ())), True),
        (counting(("other", (0,))), True),
        (counting(), True),
        (counting(("a", (1,)), ("b", (1,)), fulfillments=()), False),
        (counting(fulfillments=()), False),
    ],
)
def test_a_store_leaves_a_post_open_unless_it_lists_fulfillments_or_counts_none_of_the_units(
    order: Order, is_open: bool
) -> None:
    assert does_not_say(order, SHIPMENT) is is_open


@pytest.mark.parametrize(
    ("holds", "in_doubt"),
    [
        ((), False),
        ((hold(HoldCode.PURCHASE_UNKNOWN, "ord_1-1"),), True),
        ((hold(HoldCode.PURCHASE_UNKNOWN, "ord_1-1"), hold(HoldCode.MANUAL)), True),
        ((hold(HoldCode.PURCHASE_UNKNOWN, "ord_1-2"),), False),
        ((hold(HoldCode.PURCHASE_UNKNOWN, "ord_1-1", released_at=2.0),), False),
        ((hold(HoldCode.CAP_REACHED, "ord_1-1"),), False),
    ],
)
async def test_a_purchase_is_in_doubt_while_its_own_hold_says_so(
    harness: Harness, holds: tuple[Hold, ...], in_doubt: bool
) -> None:
    job = await job_before(harness, "buy")
    job.holds = list(holds)
    assert is_in_doubt(job, SHIPMENT) is in_doubt


async def test_a_plan_is_cancelled_with_the_reason(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    await withdraw(harness.context, job, job.shipments[0], WHY)
    assert (await in_step(harness, job)).state is _S.CANCELLED
    (entry,) = await entries(harness, job, "cancelled")
    assert (entry.why, entry.shipment_id) == (WHY, job.shipments[0].id)


async def test_a_plan_whose_purchase_is_in_doubt_stays(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    job.holds = [hold(HoldCode.PURCHASE_UNKNOWN, job.shipments[0].id)]
    await withdraw(harness.context, job, job.shipments[0], WHY)
    assert (await in_step(harness, job)).state is _S.PLANNED


async def test_a_label_that_was_never_posted_is_voided_at_once(harness: Harness) -> None:
    job, shipment, _ = await labeled(harness)
    await withdraw(harness.context, job, shipment, WHY)
    assert (await in_step(harness, job)).state is _S.VOIDING
    label = label_of(job)
    assert (label.state, label.void_requested_at) == (LabelState.VOIDING, harness.clock.now())
    (entry,) = await entries(harness, job, "voiding")
    assert entry.why == f"{WHY} The void is requested."
    assert job.wake_times == []


@pytest.mark.parametrize("state", [LabelState.VOIDING, LabelState.VOID_REFUSED])
async def test_a_label_whose_void_was_requested_before_is_left_to_it(
    harness: Harness, state: LabelState
) -> None:
    job, shipment, label = await labeled(harness)
    shipment = job.update(shipment, label=replace(label, state=state))
    await withdraw(harness.context, job, shipment, WHY)
    assert await entries(harness, job, "voiding") == []
    assert held(job) == []


async def test_a_label_on_a_held_shipment_is_not_voided_behind_its_hold(harness: Harness) -> None:
    job, shipment, _ = await labeled(harness)
    shipment = job.update(shipment, state=_S.HELD)
    await withdraw(harness.context, job, shipment, WHY)
    assert await entries(harness, job, "voiding") == []


def by_hand(job: OrderJob, shipment: Shipment, label: Label) -> Shipment:
    """A person has shipped the parcel with a label of their own."""
    return job.update(shipment, label=replace(label, provider=ManualProvider.account))


async def test_a_parcel_that_a_person_has_shipped_is_held_and_not_voided(harness: Harness) -> None:
    job, shipment, label = await labeled(harness)
    await withdraw(harness.context, job, by_hand(job, shipment, label), WHY)
    (one,) = job.active_holds()
    assert (one.code, one.shipment_id, one.note) == (HoldCode.ORDER_CHANGED, shipment.id, WHY)
    assert job.shipments[0].state is _S.LABELED
    await withdraw(harness.context, job, job.shipments[0], "Another reason.")
    assert [one.note for one in job.active_holds()] == [WHY], "it is said once"


async def test_another_hold_does_not_hide_that_a_shipped_parcel_no_longer_fits(harness: Harness) -> None:
    job, shipment, label = await labeled(harness)
    await harness.context.hold(job, HoldCode.PRICE_DRIFT, "it rose", shipment=shipment)
    await withdraw(harness.context, job, by_hand(job, shipment, label), WHY)
    assert sorted(held(job)) == [("order_changed", shipment.id), ("price_drift", shipment.id)]
    await withdraw(harness.context, job, job.shipments[0], "Another reason.")
    assert WHY in [one.note for one in job.active_holds()]


async def test_a_released_hold_on_a_shipped_parcel_does_not_come_back(harness: Harness) -> None:
    job, shipment, label = await labeled(harness)
    await withdraw(harness.context, job, by_hand(job, shipment, label), WHY)
    job.holds = [replace(one, released_by="ada", released_at=2.0) for one in job.holds]
    await withdraw(harness.context, job, job.shipments[0], WHY)
    assert held(job) == []


async def posted_once(harness: Harness, **order: Any) -> tuple[OrderJob, Shipment]:
    """A label with the body of a post whose answer was lost, in an order with these fields."""
    job, _, _ = await labeled(harness)
    job.fetched = replace(job.order, **order)
    return job, await moved(harness, job, _S.LABELED, post_key="key-1", post_body="{}")


@pytest.mark.parametrize(("waited_s", "is_voided"), [(-0.5, False), (0.0, True), (0.5, True)])
async def test_a_post_that_may_be_under_way_has_its_time_to_appear_before_the_label_is_voided(
    harness: Harness, waited_s: float, is_voided: bool
) -> None:
    job, shipment = await posted_once(harness)
    longest_s = longest_post_s(harness.settings)
    settled_at = harness.clock.now() + longest_s
    await withdraw(harness.context, job, shipment, WHY)
    assert (await in_step(harness, job)).state is _S.LABELED
    assert job.wake_times == [pytest.approx(settled_at, abs=1e-3)]
    assert job.waiting is not None
    assert (job.waiting.kind, job.waiting.account) == (WaitKind.VOID_UNSETTLED, shipment.provider)
    assert job.waiting.until == pytest.approx(settled_at, abs=1e-3)
    assert shipment.id in job.waiting.sentence
    await harness.clock.advance(longest_s + waited_s)
    await withdraw(harness.context, job, shipment, WHY)
    assert job.shipments[0].state is (_S.VOIDING if is_voided else _S.LABELED)
    assert len(job.wake_times) == (1 if is_voided else 2)


async def test_a_clock_that_is_wrong_does_not_change_the_time_that_a_post_has(harness: Harness) -> None:
    harness.clock.skew = -500.0
    job, shipment = await posted_once(harness)
    await withdraw(harness.context, job, shipment, WHY)
    assert job.wake_times == [pytest.approx(harness.clock.now() + longest_post_s(harness.settings), abs=1e-3)]


async def test_a_post_of_an_order_that_the_store_has_no_more_waits_for_nothing(harness: Harness) -> None:
    job, shipment = await posted_once(harness)
    job.fetched = None
    await withdraw(harness.context, job, shipment, WHY)
    assert (await in_step(harness, job)).state is _S.VOIDING


async def test_a_post_that_the_store_never_shows_is_left_to_a_person(harness: Harness) -> None:
    job, shipment = await posted_once(harness, fulfillments=None)
    await withdraw(harness.context, job, shipment, WHY)
    (one,) = job.active_holds()
    assert (one.code, one.shipment_id) == (HoldCode.ORDER_CHANGED, shipment.id)
    assert one.note == (
        "The order is cancelled; it may have been posted, and the store does not say; "
        "a release voids the label"
    )
    assert (await in_step(harness, job)).state is _S.LABELED
    assert job.wake_times == []


async def test_a_label_that_is_held_already_gets_no_second_hold(harness: Harness) -> None:
    job, shipment = await posted_once(harness, fulfillments=None)
    await harness.context.hold(job, HoldCode.MANUAL, "wait", shipment=shipment)
    await withdraw(harness.context, job, shipment, WHY)
    assert held(job) == [("manual", shipment.id)]
    assert (await in_step(harness, job)).state is _S.LABELED


@pytest.mark.parametrize("is_held", [False, True])
async def test_a_release_by_a_person_voids_the_label(harness: Harness, is_held: bool) -> None:
    job, shipment = await posted_once(harness, fulfillments=None)
    await withdraw(harness.context, job, shipment, WHY)
    job.holds = [replace(one, released_by="ada", released_at=2.0) for one in job.holds]
    if is_held:
        job.holds.append(hold(HoldCode.PRICE_DRIFT, shipment.id))
    await withdraw(harness.context, job, shipment, WHY)
    assert (await in_step(harness, job)).state is _S.VOIDING


async def requested(harness: Harness, job: OrderJob, shipment: Shipment) -> Hold:
    """The request of an operator to void the label, with another hold on the order."""
    now = harness.clock.now()
    await harness.context.hold(job, HoldCode.PRICE_DRIFT, "it rose", shipment=shipment)
    await harness.context.hold(job, HoldCode.VOID_REQUESTED, "not needed", shipment=shipment)
    job.holds = [replace(one, placed_by="ada", placed_at=now) for one in job.holds]
    return next(one for one in job.holds if one.code is HoldCode.VOID_REQUESTED)


async def test_a_request_voids_the_label_and_ends_with_it(harness: Harness) -> None:
    job, shipment, _ = await labeled(harness)
    request = await requested(harness, job, shipment)
    await process_void_requests(harness.context, job)
    assert (await in_step(harness, job)).state is _S.VOIDING
    (entry,) = await entries(harness, job, "voiding")
    assert entry.why == "ada requested it. The void is requested."
    assert held(job) == [("price_drift", shipment.id)]
    (after,) = [one for one in await stored_holds(harness, job) if one.id == request.id]
    assert (after.is_active, after.released_by, after.release_reason) == (
        False,
        "packhouse",
        "The void is requested.",
    )


async def stored_holds(harness: Harness, job: OrderJob) -> tuple[Hold, ...]:
    return tuple(await harness.ledger.read(hold_records.of_order, job.order_id))


async def test_a_label_without_a_request_is_not_voided(harness: Harness) -> None:
    job, shipment, _ = await labeled(harness)
    await harness.context.hold(job, HoldCode.PRICE_DRIFT, "it rose", shipment=shipment)
    await process_void_requests(harness.context, job)
    assert (await in_step(harness, job)).state is _S.LABELED
    assert held(job) == [("price_drift", shipment.id)]


async def test_a_request_for_a_shipment_without_a_label_stays(harness: Harness) -> None:
    job = await job_before(harness, "buy")
    await harness.context.hold(job, HoldCode.VOID_REQUESTED, "no", shipment=job.shipments[0])
    await process_void_requests(harness.context, job)
    assert held(job) == [("void_requested", job.shipments[0].id)]


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (_S.VOIDING, "The void is requested."),
        (_S.VOIDED, "The void is requested."),
        (_S.FULFILLED, "The store already has the tracking number, so the label is not voided."),
    ],
)
async def test_a_request_ends_with_the_reason_where_the_label_waits_for_no_post(
    harness: Harness, state: ShipmentState, why: str
) -> None:
    job, shipment, _ = await labeled(harness)
    request = await requested(harness, job, shipment)
    job.update(shipment, state=state)
    await process_void_requests(harness.context, job)
    assert held(job) == [("price_drift", shipment.id)]
    (after,) = [one for one in await stored_holds(harness, job) if one.id == request.id]
    assert after.release_reason == why


async def test_a_request_is_too_late_once_the_store_has_the_number(harness: Harness) -> None:
    job, shipment, label = await labeled(harness)
    await requested(harness, job, shipment)
    job.fetched = replace(job.order, fulfillments=(Fulfillment(label.tracking_number),))
    await process_void_requests(harness.context, job)
    assert (await in_step(harness, job)).state is _S.LABELED
    assert held(job) == [("price_drift", shipment.id)]
    assert await entries(harness, job, "voiding") == []


@pytest.mark.parametrize(("waited_s", "is_voided"), [(-0.5, False), (0.0, True), (0.5, True)])
async def test_a_request_waits_for_a_post_that_was_begun_before_it(
    harness: Harness, waited_s: float, is_voided: bool
) -> None:
    job, shipment = await posted_once(harness)
    await requested(harness, job, shipment)
    settled_at = harness.clock.now() + longest_post_s(harness.settings)
    await harness.clock.advance(longest_post_s(harness.settings) + waited_s)
    await process_void_requests(harness.context, job)
    assert job.shipments[0].state is (_S.VOIDING if is_voided else _S.LABELED)
    assert job.wake_times == ([] if is_voided else [settled_at])


async def test_a_request_for_a_label_that_was_never_posted_waits_for_nothing(harness: Harness) -> None:
    job, shipment, _ = await labeled(harness)
    await requested(harness, job, shipment)
    await harness.clock.advance(1)
    await process_void_requests(harness.context, job)
    assert job.shipments[0].state is _S.VOIDING
