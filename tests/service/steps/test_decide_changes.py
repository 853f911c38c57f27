"""decide: what no longer fits the order is withdrawn; what has shipped, or may have, is left and said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import StoreUnavailable
from packhouse.ledger import queries
from packhouse.model.hold import HoldCode
from packhouse.model.order import Fulfillment, Units
from packhouse.model.states import LabelState, OrderPhase, ShipmentState
from packhouse.rules.decision import NeedsHold, Reason, Ship, Skip, Withdraw
from packhouse.steps.context import OrderJob
from packhouse.steps.decide import decide
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory
from tests.service.steps.order_jobs import order_of, plan
from tests.service.steps.restored_orders import NUMBER, stored

_S = ShipmentState
_C = HoldCode
pytestmark = pytest.mark.harness(provider=in_memory())


def moved_away(job: OrderJob) -> None:
    assert job.order.address is not None
    job.fetched = replace(job.order, address=replace(job.order.address, street1="9 Elm Street"))


def shown(job: OrderJob, number: str) -> None:
    job.fetched = replace(job.order, fulfillments=(Fulfillment(number, units=(Units("li_1", 1),)),))


async def states(harness: Harness, job: OrderJob) -> list[ShipmentState]:
    return [shipment.state for shipment in await stored(harness, job)]


# ---- an order that the store does not return -----------------------------------------------------------


@pytest.mark.parametrize("decision", [Skip("not there"), Withdraw("not there")])
async def test_of_an_order_that_is_gone_everything_is_withdrawn(harness: Harness, decision: Any) -> None:
    job = await order_of(harness, 4)
    for to in ((), (_S.HELD,), (_S.LABELED,), (_S.BUYING,)):
        await plan(harness, job, *to)
    job.fetched, job.decision = None, decision
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.CANCELLED, _S.CANCELLED, _S.VOIDING, _S.BUYING]
    assert job.decision == decision


async def test_of_an_order_that_cannot_be_read_nothing_is_withdrawn(harness: Harness) -> None:
    job = await order_of(harness, 2)
    await plan(harness, job)
    label = await plan(harness, job, _S.LABELED)
    await harness.context.hold(job, _C.VOID_REQUESTED, "torn", shipment=label)
    job.fetched, job.decision = None, NeedsHold((Reason(_C.STORE_FORBIDS, "403"),))
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.PLANNED, _S.LABELED]
    assert job.active_holds()


# ---- what the order has no units left for --------------------------------------------------------------


async def test_a_plan_for_another_address_is_withdrawn_and_its_units_ship_again(harness: Harness) -> None:
    job = await order_of(harness, 1)
    await plan(harness, job)
    moved_away(job)
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.CANCELLED]
    assert job.decision == Ship((Units("li_1", 1),))
    entry = (await harness.ledger.read(queries.entries, order_id=job.order_id))[-1]
    assert entry.why == "Withdrawn: the address or the items changed after planning."


async def test_a_plan_that_fits_stays_and_its_units_are_not_planned_again(harness: Harness) -> None:
    job = await order_of(harness, 1)
    await plan(harness, job)
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.PLANNED]
    assert isinstance(job.decision, Skip)


async def test_it_is_withdrawn_also_while_the_catalog_does_not_answer(harness: Harness) -> None:
    job = await order_of(harness, 1)
    await plan(harness, job)
    moved_away(job)
    lines = (replace(job.order.lines[0], is_digital=None, product_id="prod_1"),)
    job.fetched = replace(job.order, lines=lines)
    harness.store.script(products=StoreUnavailable("down"), merchant_products=StoreUnavailable("down"))
    with pytest.raises(StoreUnavailable):
        await decide(harness.context, job)
    assert await states(harness, job) == [_S.CANCELLED]


async def test_units_go_to_labels_first_and_then_to_the_first_plan(harness: Harness) -> None:
    job = await order_of(harness, 2)
    await plan(harness, job)
    await plan(harness, job)
    await plan(harness, job, _S.LABELED)
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.PLANNED, _S.CANCELLED, _S.LABELED]


@pytest.mark.parametrize("to", [(_S.BUYING,), (_S.BUYING, _S.UNKNOWN), (_S.LABELED, _S.FULFILLED)])
async def test_units_go_first_to_what_may_have_shipped(
    harness: Harness, to: tuple[ShipmentState, ...]
) -> None:
    job = await order_of(harness, 1)
    await plan(harness, job)
    await plan(harness, job, *to)
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.CANCELLED, to[-1]]


async def test_units_go_to_a_purchase_in_doubt_before_an_earlier_plan(harness: Harness) -> None:
    job = await order_of(harness, 1)
    await plan(harness, job)
    doubtful = await plan(harness, job, _S.HELD)
    await harness.context.hold(job, _C.PURCHASE_UNKNOWN, "no answer", shipment=doubtful)
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.CANCELLED, _S.HELD]


async def test_units_that_are_in_doubt_are_kept_once_for_their_shipment(harness: Harness) -> None:
    job = await order_of(harness, 2)
    doubtful = await plan(harness, job, _S.HELD)
    await harness.context.hold(job, _C.PURCHASE_UNKNOWN, "no answer", shipment=doubtful)
    await plan(harness, job)
    await plan(harness, job)
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.HELD, _S.PLANNED, _S.CANCELLED]
    moved_away(job)
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.HELD, _S.CANCELLED, _S.CANCELLED]


async def test_a_label_whose_void_was_refused_keeps_no_unit_from_a_plan(harness: Harness) -> None:
    job = await order_of(harness, 1)
    label = await plan(harness, job, _S.LABELED)
    label = await harness.context.move_label(job, label, _S.VOIDING, LabelState.VOIDING)
    await harness.context.move_label(job, label, _S.HELD, LabelState.VOID_REFUSED)
    await plan(harness, job)
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.HELD, _S.PLANNED]


async def test_a_label_for_another_address_is_voided_unless_the_store_shows_it(harness: Harness) -> None:
    job = await order_of(harness, 2)
    posted = await plan(harness, job, _S.LABELED)
    await plan(harness, job, _S.LABELED)
    assert posted.label is not None
    shown(job, posted.label.tracking_number)
    moved_away(job)
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.LABELED, _S.VOIDING]


async def test_a_void_that_a_person_requested_is_theirs_whatever_else_changed(harness: Harness) -> None:
    job = await order_of(harness, 1)
    label = await plan(harness, job, _S.LABELED)
    await harness.context.hold(job, _C.VOID_REQUESTED, "torn", shipment=label)
    job.holds = [replace(one, placed_by="ada") for one in job.holds]
    moved_away(job)
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.VOIDING]
    entries = await harness.ledger.read(queries.entries, order_id=job.order_id)
    assert [one.why for one in entries if one.action == "voiding"] == [
        "ada requested it. The void is requested."
    ]


# ---- an order that stops -------------------------------------------------------------------------------


async def test_of_a_cancelled_order_everything_is_withdrawn_that_the_store_does_not_show(
    harness: Harness,
) -> None:
    job = await order_of(harness, 4)
    for to in ((), (_S.HELD,), (_S.LABELED,)):
        await plan(harness, job, *to)
    posted = await plan(harness, job, _S.LABELED)
    assert posted.label is not None
    shown(job, posted.label.tracking_number)
    job.fetched = replace(job.order, status="cancelled")
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.CANCELLED, _S.CANCELLED, _S.VOIDING, _S.LABELED]
    assert isinstance(job.decision, Withdraw)


async def test_an_order_that_waits_for_a_person_keeps_its_plans(harness: Harness) -> None:
    job = await order_of(harness, 2)
    await plan(harness, job)
    job.fetched = replace(job.order, status="on_the_moon")
    await decide(harness.context, job)
    assert await states(harness, job) == [_S.PLANNED]
    assert isinstance(job.decision, NeedsHold)


async def test_an_order_ships_once_an_operator_has_released_what_it_waited_for(harness: Harness) -> None:
    job = await order_of(harness, 1)
    job.fetched = replace(job.order, status="on_the_moon")
    await decide(harness.context, job)
    before = job.decision
    assert isinstance(before, NeedsHold)
    (reason,) = before.reasons
    await harness.context.hold(job, reason.code, reason.note)
    job.holds = [replace(one, released_by="ada", released_at=1.0) for one in job.holds]
    await decide(harness.context, job)
    assert job.decision == Ship((Units("li_1", 1),))


@pytest.mark.parametrize("state", [_S.CANCELLED, _S.PLANNED])
async def test_units_of_a_plan_that_ended_ship_again(harness: Harness, state: ShipmentState) -> None:
    job = await order_of(harness, 2)
    await plan(harness, job, *((state,) if state is _S.CANCELLED else ()))
    await decide(harness.context, job)
    assert job.decision == Ship((Units("li_1", 2 if state is _S.CANCELLED else 1),))


async def test_units_of_a_void_that_an_operator_has_given_up_ship_again(harness: Harness) -> None:
    job = await order_of(harness, 1)
    label = await plan(harness, job, _S.LABELED)
    await harness.context.move_label(job, label, _S.VOIDING, LabelState.VOIDING)
    await harness.context.hold(job, _C.VOID_PENDING, "for weeks", shipment=job.shipments[0])
    await decide(harness.context, job)
    before = job.decision
    job.holds = [replace(one, released_by="ada", released_at=1.0) for one in job.holds]
    await decide(harness.context, job)
    assert isinstance(before, Skip)
    assert job.decision == Ship((Units("li_1", 1),))


# ---- what was posted -----------------------------------------------------------------------------------


async def posted_order(harness: Harness, phase: OrderPhase = OrderPhase.SHIPPED) -> OrderJob:
    job = await order_of(harness, 1)
    shipment = await plan(harness, job, _S.LABELED, _S.FULFILLED)
    assert shipment.label is not None
    shown(job, shipment.label.tracking_number)
    job.lease = replace(job.lease, phase=phase)
    return job


def unshown(job: OrderJob) -> None:
    job.fetched = replace(job.order, fulfillments=())


async def test_a_parcel_that_the_store_shows_unchanged_gets_no_hold(harness: Harness) -> None:
    job = await posted_order(harness)
    await decide(harness.context, job)
    assert job.holds == []


async def test_a_fulfillment_that_the_store_lost_is_held_with_its_number(harness: Harness) -> None:
    job = await posted_order(harness)
    unshown(job)
    await decide(harness.context, job)
    (hold,) = job.active_holds()
    assert (hold.code, hold.shipment_id) == (_C.FULFILLMENT_MISSING, job.shipments[0].id)
    assert hold.note == f"tracking number {NUMBER}1"


async def test_a_fulfillment_is_missed_only_once_the_order_has_shipped(harness: Harness) -> None:
    job = await posted_order(harness, OrderPhase.OPEN)
    unshown(job)
    await decide(harness.context, job)
    assert job.holds == []


@pytest.mark.parametrize("change", [unshown, moved_away])
async def test_what_an_operator_released_is_not_held_again(harness: Harness, change: Any) -> None:
    job = await posted_order(harness)
    change(job)
    await decide(harness.context, job)
    assert len(job.active_holds()) == 1
    job.holds = [replace(job.holds[0], released_by="ada", released_at=1.0)]
    await decide(harness.context, job)
    assert job.active_holds() == []


async def test_a_cancellation_after_the_post_is_said(harness: Harness) -> None:
    job = await posted_order(harness)
    job.fetched = replace(job.order, status="cancelled")
    await decide(harness.context, job)
    (hold,) = job.active_holds()
    assert (hold.code, hold.note) == (_C.ORDER_CHANGED, "the store cancelled the order")
    assert hold.shipment_id == job.shipments[0].id
    assert await states(harness, job) == [_S.FULFILLED]


async def test_a_change_of_the_address_after_the_post_is_said_once(harness: Harness) -> None:
    job = await posted_order(harness)
    moved_away(job)
    await decide(harness.context, job)
    (hold,) = job.active_holds()
    assert (hold.code, hold.note) == (_C.ORDER_CHANGED, "the address or the items changed")
    job.fetched = replace(job.order, status="cancelled")
    await decide(harness.context, job)
    assert [one.note for one in job.active_holds()] == [hold.note]


async def test_each_parcel_is_looked_at_for_itself(harness: Harness) -> None:
    job = await order_of(harness, 2)
    await plan(harness, job, _S.LABELED, _S.FULFILLED)
    moved_away(job)
    await plan(harness, job, _S.LABELED, _S.FULFILLED)
    await decide(harness.context, job)
    assert [one.shipment_id for one in job.active_holds()] == [job.shipments[0].id]
