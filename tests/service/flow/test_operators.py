"""An operator always wins: a hold, a retry or a pause stops the worker at its next write."""

from __future__ import annotations

import pytest

from packhouse.errors import LeaseLost
from packhouse.flow import STEPS, process_order
from packhouse.ledger import guard
from packhouse.model.order import Order
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


async def test_an_operators_hold_stops_the_worker_at_its_next_write(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.place_hold(order)
    with pytest.raises(LeaseLost):
        await STEPS[0].run(harness.context, job)
        for step in STEPS[1:]:
            await step.run(harness.context, job)
    assert harness.labels_sold(order) == 0
    await harness.process_due()
    assert await harness.phase(order) == "held"


async def test_a_hold_placed_between_the_intent_and_the_purchase_stops_it(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")

    async def interrupted(order_id: str) -> Order:
        if len(harness.store.seen("order")) == 2:
            await harness.place_hold(order)
        return await harness.store.real.order(order_id)

    harness.store.script(order=interrupted)
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    with pytest.raises(LeaseLost):
        await process_order(harness.context, job)
    await harness.advance(120)
    assert harness.labels_sold(order, live_only=False) == 0
    assert await harness.states(order) == ["held"]
    (hold,) = await harness.active_holds(order)
    await harness.release_hold(hold)
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]


async def test_a_pause_stops_buying_and_posting_but_not_intake_and_a_resume_makes_everything_due(
    harness: Harness,
) -> None:
    await harness.operations.daemon.pause(reason="stock-taking", actor="ada")
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.process_due()
    assert await harness.phase(order) == "open"
    assert "stock-taking" in (await harness.order_row(order)).reason
    assert harness.labels_sold(order, live_only=False) == 0
    await harness.operations.daemon.resume(reason="done", actor="ada")
    await harness.process_due()
    assert await harness.phase(order) == "shipped"


async def test_a_pause_between_refresh_and_purchase_stops_the_purchase(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.operations.daemon.pause(reason="now", actor="ada")
    await process_order(harness.context, job)
    assert harness.labels_sold(order, live_only=False) == 0
    assert await harness.ledger.read(guard.paused) == "ada: now"


async def test_a_bought_label_is_not_posted_while_packhouse_is_paused(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.run_steps(job, before="post")
    await harness.operations.daemon.pause(reason="now", actor="ada")
    await harness.clock.advance(130)
    await harness.process_due()
    assert await harness.states(order) == ["labeled"]
    assert order.fulfillments == []
    await harness.operations.daemon.resume(reason="go", actor="ada")
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]
