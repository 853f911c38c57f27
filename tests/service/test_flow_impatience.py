"""People and processes that step in while money is moving: still one label."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from packhouse.errors import LeaseLost
from packhouse.flow import process_order
from packhouse.providers.port import Bought, NotBought, Purchase, Unknown
from tests.service.house import App, in_house
from tests.service.slow_provider import SlowProvider, slow


def _carrier(house: App) -> SlowProvider:
    carrier = house.context.seller
    assert isinstance(carrier, SlowProvider)
    return carrier


async def _a_moment() -> None:
    """Long enough for the ledger's threads and everything that follows from them."""
    for _ in range(10):
        await asyncio.sleep(0.01)


def test_impatient_retries_during_a_slow_purchase_buy_nothing_twice(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = house.world.place_order("plain")
        await house.hear(order)
        (first,) = await house.claim()
        workers = [asyncio.create_task(process_order(house.context, first))]
        await _a_moment()
        assert await house.states(order) == ["buying"]
        for _ in range(6):
            await house.operations.orders.retry(order.id, reason="is it stuck?", actor="ada")
            workers += [asyncio.create_task(process_order(house.context, job)) for job in await house.claim()]
            await _a_moment()
            await house.clock.advance(5)
        await _a_moment()
        answers = await asyncio.gather(*workers, return_exceptions=True)
        assert isinstance(answers[0], LeaseLost)
        await house.pass_time(100)
        assert await house.states(order) == ["fulfilled"]
        assert _carrier(house).sold == 1
        house.world.store.orders.clear()  # its tracking number is not one that the sandbox's carrier sold

    in_house(story, tmp_path, settings={"provider": "slow"}, providers=slow())


def test_what_a_process_remembers_of_an_earlier_try_does_not_shorten_the_wait_for_a_later_one(
    tmp_path: Path,
) -> None:
    class Dies(BaseException):
        pass

    async def story(house: App) -> None:
        carrier = _carrier(house)

        async def lose_the_answer(purchase: Purchase) -> Bought | NotBought | Unknown:
            return Unknown("no answer")

        async def die(purchase: Purchase) -> Bought | NotBought | Unknown:
            raise Dies

        order = house.world.place_order("plain")
        await house.hear(order)
        carrier.buy = lose_the_answer  # type: ignore[method-assign]
        await house.job()
        await house.clock.advance(15)
        carrier.buy = die  # type: ignore[method-assign]
        other = replace(house.context, settling={})
        for _ in range(2):  # it meets the purchase, waits, finds nothing, tries again, and dies
            (job,) = await house.claim()
            try:
                await process_order(other, job)
            except Dies:
                break
            await house.clock.advance(15)
        assert await house.states(order) == ["buying"]
        asked = carrier.asked
        await house.clock.advance(130)
        await house.job()
        assert carrier.asked == asked

    in_house(story, tmp_path, settings={"provider": "slow"}, providers=slow())
