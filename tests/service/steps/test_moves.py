"""A move of a shipment: the ledger has afterwards what the job has in memory."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.model.journal import Entry
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.states import LabelState, ShipmentState
from packhouse.steps.moves import Move
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory
from tests.service.steps.order_jobs import order_of, plan
from tests.service.steps.restored_orders import actions, stored

_S = ShipmentState
pytestmark = pytest.mark.harness(provider=in_memory())
RATE = Rate("r1", "Bike", "express", Money(900, "USD"), 2, is_estimate=True, chosen_by="cheapest")


@pytest.mark.parametrize(
    "changes",
    [{}, {"rate": RATE}, {"rate": None}, {"quoted": Money(5, "EUR")}, {"quoted": None}, {"provider": "x"}],
    ids=str,
)
async def test_a_move_writes_its_state_and_its_fields(harness: Harness, changes: dict[str, Any]) -> None:
    job = await order_of(harness, 1)
    before = await plan(harness, job)
    entry = Entry(job.order_id, "cancelled", "why", before.id)
    after = await harness.context.apply(job, Move(before, _S.HELD, changes=changes), entry)
    assert await stored(harness, job) == [after]
    assert after.state is _S.HELD
    assert {name: getattr(after, name) for name in changes} == changes
    assert (await actions(harness, job))[-1] == "cancelled"


async def test_a_move_of_a_label_writes_its_void(harness: Harness) -> None:
    job = await order_of(harness, 1)
    before = await plan(harness, job, _S.LABELED)
    requested_at = harness.clock.now()
    first = Move(before, _S.VOIDING, LabelState.VOIDING, 2, requested_at + 60.0, void_again=True)
    entry = Entry(job.order_id, "voiding", "why", before.id)
    after = await harness.context.apply(job, first, entry)
    assert await stored(harness, job) == [after]
    assert after.label is not None
    assert (after.label.state, after.label.void_refusals) == (LabelState.VOIDING, 2)
    assert (after.label.void_due_at, after.label.void_again) == (requested_at + 60.0, True)
    assert after.label.void_requested_at == requested_at
    assert (await actions(harness, job))[-1] == "voiding"

    await harness.clock.advance(30.0)
    ended = await harness.context.apply(job, Move(after, _S.VOIDED, LabelState.VOIDED))
    assert await stored(harness, job) == [ended]
    assert ended.label is not None
    assert ended.label.void_requested_at == requested_at
    assert (ended.label.void_due_at, ended.label.void_again) == (None, False)


async def test_a_move_of_the_shipment_alone_leaves_its_label(harness: Harness) -> None:
    job = await order_of(harness, 1)
    before = await plan(harness, job, _S.LABELED)
    after = await harness.context.apply(job, Move(before, _S.FULFILLED))
    assert await stored(harness, job) == [after]
    assert after.label == before.label
