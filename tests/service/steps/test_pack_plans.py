"""pack: how many parcels an order may have, their numbers, and what is said where they cannot be packed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.config.customs import CustomsSettings
from packhouse.config.sections import ParcelSettings
from packhouse.ledger import queries
from packhouse.model.hold import HoldCode
from packhouse.model.order import Units
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.changes import fingerprint
from packhouse.rules.decision import NeedsHold, Ship, Skip
from packhouse.steps.context import OrderJob
from packhouse.steps.pack import pack
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory
from tests.service.steps.order_jobs import order_of, plan
from tests.service.steps.restored_orders import actions, stored

_S = ShipmentState
ONE_IN_A_BOX = ParcelSettings(weight_g=500, max_weight_g=600)


def packing(**settings: Any) -> pytest.MarkDecorator:
    return pytest.mark.harness(provider=in_memory(), settings={"parcel": ONE_IN_A_BOX} | settings)


pytestmark = packing()


def ship(job: OrderJob, quantity: int) -> None:
    job.decision = Ship((Units("li_1", quantity),))


def note_of(job: OrderJob) -> str:
    assert isinstance(job.decision, NeedsHold)
    (reason,) = job.decision.reasons
    return f"{reason.code}: {reason.note}"


async def test_each_parcel_gets_the_next_number_and_its_own_entry(harness: Harness) -> None:
    job = await order_of(harness, 3)
    await plan(harness, job)
    ship(job, 2)
    await pack(harness.context, job)
    _, second, third = await stored(harness, job)
    units = (Units("li_1", 1),)
    assert [(one.id, one.seq, one.generation) for one in (second, third)] == [
        (f"{job.order_id}-2", 2, 1),
        (f"{job.order_id}-3", 3, 1),
    ]
    assert {(one.order_id, one.units, one.state) for one in (second, third)} == {
        (job.order_id, units, _S.PLANNED)
    }
    assert second.fingerprint == fingerprint(job.order, units)
    assert second.parcel is not None
    assert second.parcel.weight_g == 500
    entries = await harness.ledger.read(queries.entries, order_id=job.order_id)
    assert [(one.why, one.shipment_id, one.data) for one in entries if one.action == "planned"] == [
        ("1 unit in a parcel of 500 g.", one.id, {"units": {"li_1": 1}}) for one in (second, third)
    ]
    assert job.decision == Ship((Units("li_1", 2),))


async def test_nothing_is_planned_without_a_decision_to_ship(harness: Harness) -> None:
    job = await order_of(harness, 1)
    for decision in (None, Skip("nothing to do")):
        job.decision = decision
        await pack(harness.context, job)
    assert job.shipments == []


@packing(customs=CustomsSettings(), ship_from={"country": "DE"})
async def test_a_parcel_that_cannot_be_declared_is_not_planned(harness: Harness) -> None:
    job = await order_of(harness, 1)
    ship(job, 1)
    await pack(harness.context, job)
    assert note_of(job).startswith("customs_incomplete: ")
    assert job.shipments == []


# ---- how many ------------------------------------------------------------------------------------------


@packing(guard={"max_parcels": 2})
async def test_an_order_gets_as_many_parcels_as_the_settings_allow(harness: Harness) -> None:
    job = await order_of(harness, 2)
    ship(job, 2)
    await pack(harness.context, job)
    assert [one.id.removeprefix(job.order_id) for one in await stored(harness, job)] == ["-1", "-2"]


@packing(guard={"max_parcels": 2})
async def test_more_parcels_than_the_settings_allow_are_held_with_the_setting(harness: Harness) -> None:
    job = await order_of(harness, 3)
    ship(job, 3)
    await pack(harness.context, job)
    assert note_of(job) == (
        "too_many_parcels: 3 units in at least 3 parcels of 600 g; guard.max_parcels is 2"
    )
    assert job.shipments == []


@packing(guard={"max_parcels": 2})
@pytest.mark.parametrize(("there", "is_held"), [(0, False), (1, False), (2, True), (3, True)])
async def test_parcels_that_the_order_has_already_count(harness: Harness, there: int, is_held: bool) -> None:
    job = await order_of(harness, 9)
    for _ in range(there):
        await plan(harness, job)
    ship(job, 1)
    await pack(harness.context, job)
    assert len(job.shipments) == there + (not is_held)
    if is_held:
        also = f", and the order has {there} already; guard.max_parcels is 2"
        assert note_of(job).endswith(also)


@packing(guard={"max_parcels": 1})
@pytest.mark.parametrize("state", [_S.CANCELLED, _S.VOIDED])
async def test_parcels_that_ended_do_not_count(harness: Harness, state: ShipmentState) -> None:
    job = await order_of(harness, 9)
    job.update(await plan(harness, job), state=state)
    ship(job, 1)
    await pack(harness.context, job)
    assert [one.state for one in job.shipments] == [state, _S.PLANNED]


async def released(harness: Harness, job: OrderJob) -> None:
    """An operator has released the order from the setting."""
    await harness.context.hold(job, HoldCode.TOO_MANY_PARCELS, "many")
    job.holds = [replace(one, released_by="ada", released_at=1.0) for one in job.holds]


@packing(guard={"max_parcels": 2})
async def test_a_release_lets_the_order_have_more_parcels(harness: Harness) -> None:
    job = await order_of(harness, 3)
    await released(harness, job)
    ship(job, 3)
    await pack(harness.context, job)
    assert len(await stored(harness, job)) == 3


@packing(guard={"max_parcels": 2})
async def test_even_after_a_release_there_is_a_last_limit(harness: Harness) -> None:
    job = await order_of(harness, 501)
    await released(harness, job)
    ship(job, 501)
    await pack(harness.context, job)
    assert note_of(job).endswith("; Packhouse plans 500 at most, even after a release")
    assert job.shipments == []


@packing(parcel=ParcelSettings(weight_g=700, max_weight_g=600), guard={"max_parcels": 1})
async def test_another_reason_names_no_limit_of_parcels(harness: Harness) -> None:
    job = await order_of(harness, 1)
    await plan(harness, job)
    ship(job, 1)
    await pack(harness.context, job)
    assert note_of(job) == "too_heavy: a unit of line li_1 weighs 700 g, a parcel holds 600 g"


# ---- the number of a voided label ------------------------------------------------------------------------


async def voided(harness: Harness, job: OrderJob, state: ShipmentState = _S.VOIDED) -> None:
    shipment = await plan(harness, job, _S.LABELED)
    shipment = await harness.context.move_label(job, shipment, _S.VOIDING, LabelState.VOIDING)
    if state is _S.VOIDED:
        await harness.context.move_label(job, shipment, _S.VOIDED, LabelState.VOIDED)


async def test_the_number_of_a_voided_label_is_used_in_the_next_generation(harness: Harness) -> None:
    job = await order_of(harness, 9)
    await voided(harness, job)
    await voided(harness, job)
    ship(job, 3)
    await pack(harness.context, job)
    new = [one for one in await stored(harness, job) if one.state is _S.PLANNED]
    assert [(one.id.removeprefix(job.order_id), one.seq, one.generation) for one in new] == [
        ("-1.2", 1, 2),
        ("-2.2", 2, 2),
        ("-3", 3, 1),
    ]


async def test_only_the_last_label_of_a_number_is_replaced(harness: Harness) -> None:
    job = await order_of(harness, 9)
    await voided(harness, job)
    ship(job, 1)
    await pack(harness.context, job)
    ship(job, 1)
    await pack(harness.context, job)
    assert [one.id.removeprefix(job.order_id) for one in await stored(harness, job)] == ["-1", "-1.2", "-2"]


async def no_label(harness: Harness, job: OrderJob) -> None:
    await plan(harness, job, _S.CANCELLED)


async def no_units(harness: Harness, job: OrderJob) -> None:
    await voided(harness, job)
    job.update(job.shipments[0], units=())


async def in_void(harness: Harness, job: OrderJob) -> None:
    await voided(harness, job, _S.VOIDING)


@pytest.mark.parametrize("before", [no_label, no_units, in_void])
async def test_other_shipments_keep_their_number_for_themselves(harness: Harness, before: Any) -> None:
    job = await order_of(harness, 9)
    await before(harness, job)
    ship(job, 1)
    await pack(harness.context, job)
    assert [one.id.removeprefix(job.order_id) for one in job.shipments] == ["-1", "-2"]


async def test_the_number_of_units_that_an_operator_freed_is_used_again(harness: Harness) -> None:
    job = await order_of(harness, 9)
    await voided(harness, job, _S.VOIDING)
    await harness.context.hold(job, HoldCode.VOID_PENDING, "long", shipment=job.shipments[0])
    job.holds = [replace(one, released_by="ada", released_at=1.0) for one in job.holds]
    ship(job, 1)
    await pack(harness.context, job)
    assert [one.id.removeprefix(job.order_id) for one in job.shipments] == ["-1", "-1.2"]
    assert (await actions(harness, job))[-1] == "planned"
