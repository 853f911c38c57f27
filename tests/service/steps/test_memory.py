"""A job remembers of its shipments and holds exactly what the ledger has, after each step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import StoreInvalidRequest
from packhouse.ledger import holds, shipments
from packhouse.providers.port import NotBought, Unknown, VoidRefused
from packhouse.sandbox.store.state import StoreOrder
from packhouse.steps.context import OrderJob
from tests.service.harness import STEP_NAMES, Harness

Trouble = Callable[[Harness, StoreOrder], Awaitable[None]]


async def nothing(harness: Harness, order: StoreOrder) -> None:
    """Everything succeeds."""


async def cancelled_at_post(harness: Harness, order: StoreOrder) -> None:
    """The order is cancelled while its fulfillment is posted, so the store refuses it."""

    async def refuse(*post: Any) -> None:
        harness.sandbox.store.cancel(order)
        raise StoreInvalidRequest("the order is cancelled", status=400)

    harness.store.script(fulfill=refuse)


async def refused_at_post(harness: Harness, order: StoreOrder) -> None:
    harness.store.script(fulfill=StoreInvalidRequest("the carrier is not known", status=400))


async def refused_by_provider(harness: Harness, order: StoreOrder) -> None:
    harness.provider.script(buy=NotBought("the address is not deliverable"))


async def outcome_unknown(harness: Harness, order: StoreOrder) -> None:
    harness.provider.script(buy=Unknown("no response"))


async def moved_after_purchase(harness: Harness, order: StoreOrder) -> None:
    """The address changes after the label was bought, and the provider refuses the void."""
    buy = harness.provider.real.buy

    async def then_it_moves(purchase: Any) -> Any:
        answer = await buy(purchase)
        harness.provider.script(buy=None, void=VoidRefused("it was scanned"))
        harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})
        return answer

    harness.provider.script(buy=then_it_moves)


@pytest.mark.parametrize(
    "trouble",
    [nothing, cancelled_at_post, refused_at_post, refused_by_provider, outcome_unknown, moved_after_purchase],
)
async def test_after_each_step_a_job_remembers_what_the_ledger_has(
    harness: Harness, trouble: Trouble
) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await trouble(harness, order)
    for _ in range(4):
        for job in await harness.claim_due():
            for name in STEP_NAMES:
                await harness.run_step(name, job)
                await _same(harness, job, name)
        await harness.clock.advance(600)


async def _same(harness: Harness, job: OrderJob, step: str) -> None:
    stored = await harness.ledger.read(shipments.of_order, job.order_id)
    remembered = {one.id: replace(one, announced_at=None) for one in job.shipments}
    assert remembered == {one.id: replace(one, announced_at=None) for one in stored}, step
    active = [one for one in await harness.ledger.read(holds.of_order, job.order_id) if one.is_active]
    assert [one.id for one in job.active_holds()] == [one.id for one in active], step
