"""sync_holds: which holds a decision places, and how shipments wait and continue with their holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.ledger import queries
from packhouse.model.hold import HoldCode
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.decision import NeedsHold, Reason, Ship
from packhouse.steps.context import OrderJob
from packhouse.steps.sync_holds import sync_holds
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory
from tests.service.steps.restored_orders import actions, labeled, planned, stored

_S = ShipmentState
_C = HoldCode
pytestmark = pytest.mark.harness(provider=in_memory())
TWO = NeedsHold((Reason(_C.WEIGHT_MISSING, "li_1"), Reason(_C.TOO_HEAVY, "li_2")))


async def test_each_reason_of_a_decision_gets_a_hold_on_the_order(harness: Harness) -> None:
    job = await planned(harness)
    job.decision = TWO
    await sync_holds(harness.context, job)
    placed = [(hold.code, hold.note, hold.shipment_id) for hold in job.active_holds()]
    assert placed == [(_C.WEIGHT_MISSING, "li_1", ""), (_C.TOO_HEAVY, "li_2", "")]
    assert job.active_holds() == await holds_of(harness, job)
    assert [one.state for one in await stored(harness, job)] == [_S.HELD]


async def holds_of(harness: Harness, job: OrderJob) -> list[Any]:
    return await harness.active_holds(harness.sandbox.store.orders[job.order_id])


async def test_a_hold_that_says_the_same_is_not_written_again(harness: Harness) -> None:
    job = await planned(harness)
    job.decision = TWO
    await sync_holds(harness.context, job)
    written = len(harness.ledger.seen("write"))
    await sync_holds(harness.context, job)
    assert len(harness.ledger.seen("write")) == written


async def test_a_hold_with_another_note_or_of_other_facts_is_brought_up_to_date(harness: Harness) -> None:
    job = await planned(harness)
    job.decision = NeedsHold((Reason(_C.DIGITAL_UNKNOWN, "li_1"),))
    await sync_holds(harness.context, job)
    (before,) = job.active_holds()
    lines = tuple(replace(line, quantity=7) for line in job.order.lines)
    job.fetched = replace(job.order, lines=lines)
    await sync_holds(harness.context, job)
    (renewed,) = await holds_of(harness, job)
    assert (renewed.id, renewed.note) == (before.id, "li_1")
    assert renewed.fingerprint not in ("", before.fingerprint)
    job.decision = NeedsHold((Reason(_C.DIGITAL_UNKNOWN, "li_2"),))
    await sync_holds(harness.context, job)
    assert [(hold.id, hold.note) for hold in await holds_of(harness, job)] == [(before.id, "li_2")]


async def test_a_hold_on_a_shipment_is_none_on_the_order(harness: Harness) -> None:
    job = await planned(harness)
    await harness.context.hold(job, _C.TOO_HEAVY, "li_2", shipment=job.shipments[0])
    job.decision = NeedsHold((Reason(_C.TOO_HEAVY, "li_2"),))
    await sync_holds(harness.context, job)
    assert {hold.shipment_id for hold in job.active_holds()} == {"", job.shipments[0].id}


async def test_an_order_that_ships_gets_no_hold_and_moves_nothing(harness: Harness) -> None:
    job = await planned(harness)
    job.decision = Ship(())
    before = await actions(harness, job)
    await sync_holds(harness.context, job)
    assert job.holds == []
    assert [one.state for one in await stored(harness, job)] == [_S.PLANNED]
    assert await actions(harness, job) == before


async def test_a_shipment_waits_for_a_hold_and_continues_after_it(harness: Harness) -> None:
    job = await planned(harness)
    await harness.context.hold(job, _C.PRICE_DRIFT, "more", shipment=job.shipments[0])
    await sync_holds(harness.context, job)
    assert [one.state for one in await stored(harness, job)] == [_S.HELD]
    await sync_holds(harness.context, job)
    assert [one.state for one in await stored(harness, job)] == [_S.HELD]
    job.holds = []
    await sync_holds(harness.context, job)
    assert [one.state for one in await stored(harness, job)] == [_S.PLANNED]
    entry = (await harness.ledger.read(queries.entries, order_id=job.order_id))[-1]
    assert (entry.action, entry.shipment_id) == ("resumed", job.shipments[0].id)


async def test_a_hold_that_does_not_stop_the_purchase_lets_the_shipment_go_on(harness: Harness) -> None:
    job = await planned(harness)
    await harness.context.hold(job, _C.LABEL_FILE_MISSING, "file", shipment=job.shipments[0])
    await sync_holds(harness.context, job)
    assert [one.state for one in await stored(harness, job)] == [_S.PLANNED]


async def refused(harness: Harness, label_state: LabelState = LabelState.VOID_REFUSED) -> OrderJob:
    """A shipment that is held since its void was refused."""
    job = await planned(harness)
    shipment = await labeled(harness, job, job.shipments[0])
    shipment = await harness.context.move_label(job, shipment, _S.VOIDING, LabelState.VOIDING)
    await harness.context.move_label(job, shipment, _S.HELD, label_state, void_refusals=3)
    return job


async def test_a_void_that_was_refused_is_requested_again_once_its_hold_has_ended(harness: Harness) -> None:
    job = await refused(harness)
    await sync_holds(harness.context, job)
    (shipment,) = await stored(harness, job)
    assert shipment.label is not None
    assert (shipment.state, shipment.label.state) == (_S.VOIDING, LabelState.VOIDING)
    assert (shipment.label.void_again, shipment.label.void_refusals) == (True, 0)
    entry = (await harness.ledger.read(queries.entries, order_id=job.order_id))[-1]
    assert (entry.action, entry.shipment_id) == ("voiding", shipment.id)


async def test_a_void_that_was_refused_waits_for_its_hold(harness: Harness) -> None:
    job = await refused(harness)
    await harness.context.hold(job, _C.PRICE_DRIFT, "no", shipment=job.shipments[0])
    before = await stored(harness, job)
    await sync_holds(harness.context, job)
    assert await stored(harness, job) == before


async def test_a_held_label_whose_void_was_not_refused_stays_as_it_is(harness: Harness) -> None:
    job = await refused(harness, LabelState.VOIDING)
    before = await stored(harness, job)
    await sync_holds(harness.context, job)
    assert await stored(harness, job) == before
