"""The dispatcher: so many at once and no more, leases kept, and a stop that leaves nothing half begun."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from packhouse.clock import SystemClock
from packhouse.ledger import leases
from packhouse.model.order import Order
from packhouse.operations import Operations
from packhouse.steps.context import Context
from packhouse.worker.dispatcher import Dispatcher
from packhouse.worker.intake import Intake
from tests.service.house import App, in_house
from tests.service.slow_provider import SlowProvider

pytestmark = pytest.mark.usefixtures("engine")


def _dispatcher(house: App) -> Dispatcher:
    context = house.context
    real = Context(
        context.store,
        context.ledger,
        context.providers,
        context.documents,
        context.settings,
        SystemClock(),
        context.metrics,
        context.log,
    )
    return Dispatcher(real)


async def _tell_of(house: App, count: int) -> list[str]:
    orders = [house.world.place_order("plain").id for _ in range(count)]
    await house.ledger.write(leases.add_listed, 1.0, [(order_id, "") for order_id in orders], 0.0)
    return orders


async def _open(house: App) -> int:
    return await house.ledger.read(
        lambda c: c.exec_driver_sql("SELECT count(*) FROM orders WHERE phase = 'open'").scalar_one()
    )


async def _until(done: object, patience_s: float = 20.0) -> None:
    async with asyncio.timeout(patience_s):
        while not await done():  # type: ignore[operator]
            await asyncio.sleep(0.02)


def test_due_orders_are_worked_on_so_many_at_a_time(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        at_once, most = 0, 0
        real = house.store.order

        async def watched(order_id: str) -> Order:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.01)
            try:
                return await real(order_id)
            finally:
                at_once -= 1

        house.store.order = watched  # type: ignore[method-assign]
        await _tell_of(house, 20)
        dispatcher = _dispatcher(house)
        running = asyncio.create_task(dispatcher.run())

        async def none_open() -> bool:
            return await _open(house) == 0

        await _until(none_open)
        assert most == 3
        dispatcher.stop()
        await running

    in_house(story, tmp_path, settings={"worker": {"concurrency": 3}})


def test_a_stop_finishes_what_has_begun_and_gives_the_rest_back(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        real = house.store.order

        async def slow(order_id: str) -> Order:
            await asyncio.sleep(0.2)
            return await real(order_id)

        house.store.order = slow  # type: ignore[method-assign]
        await _tell_of(house, 10)
        dispatcher = _dispatcher(house)
        running = asyncio.create_task(dispatcher.run())

        async def busy() -> bool:
            return dispatcher.in_flight == 2

        await _until(busy)
        dispatcher.stop()
        await running
        leased = await house.ledger.read(
            lambda c: c.exec_driver_sql("SELECT count(*) FROM orders WHERE lease IS NOT NULL").scalar_one()
        )
        assert leased == 0
        assert await _open(house) == 8
        unsure = await house.ledger.read(
            lambda c: c.exec_driver_sql(
                "SELECT count(*) FROM shipments WHERE state IN ('buying', 'unknown')"
            ).scalar_one()
        )
        assert unsure == 0

    in_house(story, tmp_path, settings={"worker": {"concurrency": 2}})


def test_an_order_that_breaks_its_worker_does_not_stop_the_others(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        real = house.store.order
        poison, *_ = await _tell_of(house, 6)

        async def picky(order_id: str) -> Order:
            if order_id == poison:
                raise RuntimeError("a fault of our own")
            return await real(order_id)

        house.store.order = picky  # type: ignore[method-assign]
        dispatcher = _dispatcher(house)
        running = asyncio.create_task(dispatcher.run())

        async def one_open() -> bool:
            return await _open(house) == 1

        await _until(one_open)
        dispatcher.stop()
        await running

    in_house(story, tmp_path, settings={"worker": {"concurrency": 2}})


def test_a_stop_waits_for_both_workers_of_an_order_that_a_person_took_away(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        clock, complaints = SystemClock(), []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        carrier = SlowProvider(clock, 0.4)
        context = house.context = replace(house.context, clock=clock, providers={"slow": carrier})
        house.intake = Intake(house.ledger, clock, house.settings, lambda: None)
        dispatcher = Dispatcher(context)
        working = asyncio.create_task(dispatcher.run())
        order = house.world.place_order("plain")
        await house.hear(order)
        dispatcher.wake()
        while await house.states(order) != ["buying"]:
            await asyncio.sleep(0.01)
        await Operations.build(
            house.ledger, context.documents, clock, house.settings, dispatcher.wake
        ).orders.retry(order.id, reason="is it stuck?", actor="ada")
        dispatcher.wake()
        while dispatcher.in_flight < 2 and await house.states(order) == ["buying"]:
            await asyncio.sleep(0.01)
        assert dispatcher.in_flight >= 1
        while not carrier.sold:  # the first worker ends, its order is somebody else's
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        dispatcher.stop()
        await working
        assert dispatcher.in_flight == 0
        assert complaints == []
        assert await house.ledger.write(leases.release_all, clock.now()) == 0
        assert carrier.sold == 1

    in_house(story, tmp_path, settings={"provider": "slow"}, providers=lambda context: {})
