"""The store's orders change at every moment of their lives: before each step, around each call that counts.

Whatever changes, and whether the worker lives on with what it knew or dies there: once all is quiet both
books agree, no label is paid in vain, nothing ships that should not, and what cannot be mended is held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from packhouse.errors import PackhouseError
from packhouse.flow import STEPS, process_order
from packhouse.sandbox.store.state import EXTERNAL, StoreOrder
from packhouse.steps.context import OrderJob
from tests.service.house import App, in_house

CALLS = ("second look", "purchase", "purchased", "post", "posted")
MOMENTS = (*(step.name for step in STEPS), *CALLS, "end")
# The buyer knows of the parcel by then, or is being told.
TOLD = frozenset({"post", "posted", "announce", "track", "void", "end"})


@dataclass(frozen=True)
class Change:
    """Something that happens at the store, and how many units of the order may leave after it."""

    happens: Callable[[App, StoreOrder], Any]
    leaves: Callable[[StoreOrder], int]
    warns: bool = False


def _all(order: StoreOrder) -> int:
    return sum(order.ordered().values())


def _none(order: StoreOrder) -> int:
    return 0


def _cancel(house: App, order: StoreOrder) -> None:
    if order.status == "fulfilled":  # an operator of the store can do what a buyer cannot
        order.status = "partially_fulfilled"
    house.world.store.cancel(order)


def _refund(house: App, order: StoreOrder) -> None:
    house.world.store.refund(order)


def _return(house: App, order: StoreOrder) -> None:
    order.status = "returned"
    order.touch(house.clock.now())


def _move(house: App, order: StoreOrder) -> None:
    house.world.store.change_address(order, {"line1": "77 Other Road"})


def _fewer(house: App, order: StoreOrder) -> None:
    """One unit less of the first line, as far as it has not been shipped."""
    item = order.sale.items[0]
    if order.unshipped()[item["id"]]:
        item["quantity"] -= 1
        order.touch(house.clock.now())


def _by_hand(house: App, order: StoreOrder) -> None:
    left = [(line, quantity) for line, quantity in order.unshipped().items() if quantity]
    if left:
        house.world.store.fulfill(order, left, "FedEx", "HAND1", recorded_by=EXTERNAL)


def _a_part_by_hand(house: App, order: StoreOrder) -> None:
    line = order.sale.items[0]["id"]
    if order.unshipped()[line]:
        house.world.store.fulfill(order, [(line, 1)], "FedEx", "HAND1", recorded_by=EXTERNAL)


async def _person_holds(house: App, order: StoreOrder) -> None:
    await house.person_holds(order)


async def _paused(house: App, order: StoreOrder) -> None:
    await house.operations.daemon.pause(reason="stock-taking", actor="ada")


CHANGES = {
    "cancelled": Change(_cancel, _none, warns=True),
    "refunded": Change(_refund, _none),
    "returned": Change(_return, _none),
    "another address": Change(_move, _all, warns=True),
    "fewer units": Change(_fewer, _all),
    "shipped by hand": Change(_by_hand, _all),
    "partly shipped by hand": Change(_a_part_by_hand, _all),
}


async def _tell(house: App, order: StoreOrder, change: Change) -> None:
    result = change.happens(house, order)
    if result is not None:
        await result


async def _live_until(house: App, order: StoreOrder, moment: str, change: Change, dies: bool) -> None:
    """One worker takes the order, meets the change at this moment, and lives on or dies."""
    await house.hear(order)
    (job,) = [one for one in await house.claim() if one.order_id == order.id]
    if moment in CALLS:
        await _during_a_call(house, job, order, moment, change, dies)
        return
    for step in STEPS:
        if step.name == moment:
            await _tell(house, order, change)
            if dies:
                return
        try:
            await step.run(house.context, job)
        except PackhouseError:
            return
    if moment == "end":
        await _tell(house, order, change)


class _Death(BaseException):
    """Of a worker."""


async def _during_a_call(
    house: App, job: OrderJob, order: StoreOrder, moment: str, change: Change, dies: bool
) -> None:
    read, buy, fulfill = house.store.order, house.easypost.buy, house.store.fulfill
    looks = 0

    async def strike() -> None:
        await _tell(house, order, change)
        if dies:
            raise _Death

    async def looking(order_id: str) -> Any:
        nonlocal looks
        looks += 1
        if moment == "second look" and looks == 2:
            await strike()
        return await read(order_id)

    async def buying(purchase: Any) -> Any:
        if moment == "purchase":
            await strike()
        await house.clock.advance(3)
        answer = await buy(purchase)
        if moment == "purchased":
            await strike()
        return answer

    async def posting(*post: Any) -> None:
        if moment == "post":
            await strike()
        await fulfill(*post)
        if moment == "posted":
            await strike()

    house.store.order, house.easypost.buy, house.store.fulfill = looking, buying, posting  # type: ignore[method-assign]
    try:
        await process_order(house.context, job)
    except (_Death, PackhouseError):
        pass
    finally:
        house.store.order, house.easypost.buy, house.store.fulfill = read, buy, fulfill  # type: ignore[method-assign]


async def _quiet(house: App) -> None:
    """Long enough for leases to end, purchases to settle, refunds to arrive and posts to be confirmed."""
    await house.clock.advance(130)
    await house.pass_time(900, step=30)


def _doors(house: App, order: StoreOrder) -> set[str]:
    """The streets for which labels were bought that are not given back."""
    return {
        one.request["to_address"]["street1"]
        for one in house.world.easypost.by_tracking_number.values()
        if one.reference.startswith(f"{order.id}/") and house.world.easypost.is_live(one)
    }


@pytest.mark.parametrize("dies", [False, True], ids=["lives on", "dies"])
@pytest.mark.parametrize("name", CHANGES)
def test_whenever_an_order_changes_the_books_agree_in_the_end(tmp_path: Path, name: str, dies: bool) -> None:
    change = CHANGES[name]

    async def story(house: App) -> None:
        orders = {moment: house.world.place_order("plain") for moment in MOMENTS}
        for moment, order in orders.items():
            await _live_until(house, order, moment, change, dies)
        await _quiet(house)
        for moment, order in orders.items():
            states, holds = await house.states(order), [hold.code for hold in await house.standing(order)]
            where = f"{name} at {moment}: {states} {holds}"
            ours = [row for row in order.fulfillments if row.recorded_by != EXTERNAL]
            told = bool(ours)
            late = moment in TOLD and not (dies and moment == "post")
            assert set(states) <= {"fulfilled", "voided", "cancelled", "delivered"}, where
            assert told or change.leaves(order) == 0 or not any(order.unshipped().values()) or holds, where
            assert late or sum(row.quantity for row in ours) <= change.leaves(order), where
            assert holds == (["order_changed"] if change.warns and told and late else []), where
            if change.happens is _move and told and not late:
                assert _doors(house, order) == {"77 Other Road"}, where
        assert house.world.audit.problems(final=True) == []

    in_house(story, tmp_path)


@pytest.mark.parametrize("stop", [_person_holds, _paused], ids=["a person holds it", "everything is paused"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_whenever_a_person_steps_in_nothing_more_is_bought_or_posted(
    tmp_path: Path, moment: str, stop: Callable[[App, StoreOrder], Any]
) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        seen: list[tuple[int, int]] = []

        async def step_in(house: App, order: StoreOrder) -> None:
            await stop(house, order)
            seen.append((house.labels_sold(order, live_only=False), len(order.fulfillments)))

        await _live_until(house, order, moment, Change(step_in, _all), dies=False)
        await _quiet(house)
        ((bought, posted),) = seen
        # A call that was on its way when the person spoke may still have its effect, and none after it.
        assert house.labels_sold(order, live_only=False) == (1 if moment == "purchase" else bought)
        assert bool(order.fulfillments) == (moment == "post" or bool(posted))
        if stop is _person_holds:
            (hold,) = [one for one in await house.standing(order) if one.code == "manual"]
            await house.person_releases(hold, "go on")
        else:
            await house.operations.daemon.resume(reason="done", actor="ada")
        await _quiet(house)
        assert (await house.states(order))[-1] in ("fulfilled", "delivered")
        assert house.labels_sold(order, live_only=False) == 1
        assert house.world.audit.problems(final=True) == []

    in_house(story, tmp_path)
