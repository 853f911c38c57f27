"""The store's orders change at every moment of their lives: before each step, around each important call.

Whatever changes, and whether the worker lives on or dies there: at the end Packhouse and the sandbox agree,
no label is paid for in vain, nothing ships that should not, and what cannot be fixed is held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from packhouse.errors import PackhouseError
from packhouse.flow import STEPS, process_order
from packhouse.sandbox.store.state import EXTERNAL, StoreOrder
from packhouse.steps.context import OrderJob
from tests.service.harness import Harness

CALLS = ("second refresh", "purchase", "purchased", "post", "posted")


MOMENTS = (*(step.name for step in STEPS), *CALLS, "end")


# The store has the fulfillment by then, or receives it.
POSTED = frozenset({"post", "posted", "papers", "announce", "track", "void", "end"})


@dataclass(frozen=True)
class Change:
    """Something that happens at the store, and how many units of the order may leave after it."""

    happens: Callable[[Harness, StoreOrder], Any]
    leaves: Callable[[StoreOrder], int]
    warns: bool = False


def _all(order: StoreOrder) -> int:
    return sum(order.ordered().values())


def _none(order: StoreOrder) -> int:
    return 0


def _cancel(harness: Harness, order: StoreOrder) -> None:
    if order.status == "fulfilled":  # an operator of the store can do what a buyer cannot
        order.status = "partially_fulfilled"
    harness.sandbox.store.cancel(order)


def _refund(harness: Harness, order: StoreOrder) -> None:
    harness.sandbox.store.refund(order)


def _return(harness: Harness, order: StoreOrder) -> None:
    """Every unit comes back, and those that never left are counted with them."""
    items = [{"line_item_id": line, "quantity": quantity} for line, quantity in order.ordered().items()]
    order.returns.append({"id": "ret_1", "status": "received", "items": items})
    order.status = "returned"
    order.touch(harness.clock.now())


def _move(harness: Harness, order: StoreOrder) -> None:
    harness.sandbox.store.change_address(order, {"line1": "77 Other Road"})


def _fewer(harness: Harness, order: StoreOrder) -> None:
    """One unit less of the first line, as far as it has not been shipped."""
    item = order.sale.items[0]
    if order.unshipped()[item["id"]]:
        item["quantity"] -= 1
        order.touch(harness.clock.now())


def _outside_packhouse(harness: Harness, order: StoreOrder) -> None:
    left = [(line, quantity) for line, quantity in order.unshipped().items() if quantity]
    if left:
        harness.sandbox.store.fulfill(order, left, "FedEx", "HAND1", recorded_by=EXTERNAL)


def _partly_outside_packhouse(harness: Harness, order: StoreOrder) -> None:
    line = order.sale.items[0]["id"]
    if order.unshipped()[line]:
        harness.sandbox.store.fulfill(order, [(line, 1)], "FedEx", "HAND1", recorded_by=EXTERNAL)


async def _operator_holds(harness: Harness, order: StoreOrder) -> None:
    await harness.place_hold(order)


async def _paused(harness: Harness, order: StoreOrder) -> None:
    await harness.operations.daemon.pause(reason="stock-taking", actor="ada")


CHANGES = {
    "cancelled": Change(_cancel, _none, warns=True),
    "refunded": Change(_refund, _none),
    "returned": Change(_return, _none),
    "another address": Change(_move, _all, warns=True),
    "fewer units": Change(_fewer, _all),
    "shipped outside Packhouse": Change(_outside_packhouse, _all),
    "partly shipped outside Packhouse": Change(_partly_outside_packhouse, _all),
}


async def _apply(harness: Harness, order: StoreOrder, change: Change) -> None:
    result = change.happens(harness, order)
    if result is not None:
        await result


async def _process_until(
    harness: Harness, order: StoreOrder, moment: str, change: Change, dies: bool
) -> None:
    """One worker takes the order, the change happens at this moment, and the worker lives on or dies."""
    await harness.deliver_event(order)
    (job,) = [one for one in await harness.claim_due() if one.order_id == order.id]
    if moment in CALLS:
        await _during_a_call(harness, job, order, moment, change, dies)
        return
    for step in STEPS:
        if step.name == moment:
            await _apply(harness, order, change)
            if dies:
                return
        try:
            await step.run(harness.context, job)
        except PackhouseError:
            return
    if moment == "end":
        await _apply(harness, order, change)


class _Death(BaseException):
    """The worker dies."""


async def _during_a_call(
    harness: Harness, job: OrderJob, order: StoreOrder, moment: str, change: Change, dies: bool
) -> None:
    refreshes = 0

    async def happen() -> None:
        await _apply(harness, order, change)
        if dies:
            raise _Death

    async def refreshing(order_id: str) -> Any:
        nonlocal refreshes
        refreshes += 1
        if moment == "second refresh" and refreshes == 2:
            await happen()
        return await harness.store.real.order(order_id)

    async def buying(purchase: Any) -> Any:
        if moment == "purchase":
            await happen()
        await harness.clock.advance(3)
        answer = await harness.provider.real.buy(purchase)
        if moment == "purchased":
            await happen()
        return answer

    async def posting(*post: Any) -> None:
        if moment == "post":
            await happen()
        await harness.store.real.fulfill(*post)
        if moment == "posted":
            await happen()

    harness.store.script(order=refreshing, fulfill=posting)
    harness.provider.script(buy=buying)
    try:
        await process_order(harness.context, job)
    except (_Death, PackhouseError):
        pass
    finally:
        harness.store.script(order=None, fulfill=None)
        harness.provider.script(buy=None)


async def _let_everything_finish(harness: Harness) -> None:
    """Long enough for leases to end, purchases to settle, voids to arrive and posts to be confirmed."""
    await harness.clock.advance(130)
    await harness.advance(900, step=30)


def _streets_of_live_labels(harness: Harness, order: StoreOrder) -> set[str]:
    """The streets of the labels that were bought and not voided."""
    return {
        one.request["to_address"]["street1"]
        for one in harness.sandbox.easypost.by_tracking_number.values()
        if one.reference.startswith(f"{order.id}/") and harness.sandbox.easypost.is_live(one)
    }


@pytest.mark.parametrize("dies", [False, True], ids=["lives on", "dies"])
@pytest.mark.parametrize("name", CHANGES)
async def test_whenever_an_order_changes_packhouse_and_the_sandbox_agree_at_the_end(
    harness: Harness, name: str, dies: bool
) -> None:
    change = CHANGES[name]
    orders = {moment: harness.sandbox.place_order("plain") for moment in MOMENTS}
    for moment, order in orders.items():
        await _process_until(harness, order, moment, change, dies)
    await _let_everything_finish(harness)
    for moment, order in orders.items():
        states, holds = await harness.states(order), [hold.code for hold in await harness.active_holds(order)]
        where = f"{name} at {moment}: {states} {holds}"
        ours = [row for row in order.fulfillments if row.recorded_by != EXTERNAL]
        posted = bool(ours)
        late = moment in POSTED and not (dies and moment == "post")
        assert set(states) <= {"fulfilled", "voided", "cancelled", "delivered"}, where
        assert posted or change.leaves(order) == 0 or not any(order.unshipped().values()) or holds, where
        assert late or sum(row.quantity for row in ours) <= change.leaves(order), where
        assert holds == (["order_changed"] if change.warns and posted and late else []), where
        if change.happens is _move and posted and not late:
            assert _streets_of_live_labels(harness, order) == {"77 Other Road"}, where
    assert harness.sandbox.audit.problems(final=True) == []


@pytest.mark.parametrize(
    "stop", [_operator_holds, _paused], ids=["an operator holds it", "everything is paused"]
)
@pytest.mark.parametrize("moment", MOMENTS)
async def test_whenever_an_operator_intervenes_nothing_more_is_bought_or_posted(
    harness: Harness, moment: str, stop: Callable[[Harness, StoreOrder], Any]
) -> None:
    order = harness.sandbox.place_order("plain")
    seen: list[tuple[int, int]] = []

    async def step_in(harness: Harness, order: StoreOrder) -> None:
        await stop(harness, order)
        seen.append((harness.labels_sold(order, live_only=False), len(order.fulfillments)))

    await _process_until(harness, order, moment, Change(step_in, _all), dies=False)
    await _let_everything_finish(harness)
    ((bought, posted),) = seen
    # A call in flight when the operator acted may still take effect, and no later one may.
    assert harness.labels_sold(order, live_only=False) == (1 if moment == "purchase" else bought)
    assert bool(order.fulfillments) == (moment == "post" or bool(posted))
    if stop is _operator_holds:
        (hold,) = [one for one in await harness.active_holds(order) if one.code == "manual"]
        await harness.release_hold(hold, "continue")
    else:
        await harness.operations.daemon.resume(reason="done", actor="ada")
    await _let_everything_finish(harness)
    assert (await harness.states(order))[-1] in ("fulfilled", "delivered")
    assert harness.labels_sold(order, live_only=False) == 1
    assert harness.sandbox.audit.problems(final=True) == []
