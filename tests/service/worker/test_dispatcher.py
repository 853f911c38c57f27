"""The dispatcher keeps to its concurrency, renews leases, and stops without unfinished work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from packhouse.clock import SystemClock
from packhouse.ledger import crashes
from packhouse.ledger.listed import add_listed
from packhouse.model.listed import Listed
from packhouse.model.order import Order
from packhouse.operations import Operations
from packhouse.providers.port import Bought, NotBought, Purchase, Unknown
from packhouse.steps.context import Context
from packhouse.worker.dispatcher import Dispatcher
from packhouse.worker.intake import Intake
from tests.service.harness import Harness
from tests.service.providers.in_memory import InMemoryProvider, in_memory

pytestmark = pytest.mark.usefixtures("engine")


def _dispatcher(harness: Harness) -> Dispatcher:
    context = harness.context
    on_system_time = Context(
        context.store,
        context.ledger,
        context.providers,
        context.documents,
        context.settings,
        SystemClock(),
        context.metrics,
        context.log,
    )
    return Dispatcher(on_system_time)


async def _list_orders(harness: Harness, count: int) -> list[str]:
    orders = [harness.sandbox.place_order("plain").id for _ in range(count)]
    await harness.ledger.write(add_listed, 1.0, [Listed(order_id) for order_id in orders], 0.0)
    return orders


async def _open(harness: Harness) -> int:
    return await harness.ledger.read(
        lambda c: c.exec_driver_sql("SELECT count(*) FROM orders WHERE phase = 'open'").scalar_one()
    )


async def _until(done: Callable[[], Awaitable[bool]], timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await done():
            await asyncio.sleep(0.02)


@pytest.mark.harness(settings={"worker": {"concurrency": 3}})
async def test_due_orders_are_processed_up_to_the_concurrency_limit(harness: Harness) -> None:
    at_once, most = 0, 0
    three_at_once = asyncio.Event()

    async def watched(order_id: str) -> Order:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        if at_once == 3:
            three_at_once.set()
        await asyncio.wait_for(three_at_once.wait(), 30)
        await asyncio.sleep(0.01)
        try:
            return await harness.store.real.order(order_id)
        finally:
            at_once -= 1

    harness.store.script(order=watched)
    await _list_orders(harness, 20)
    dispatcher = _dispatcher(harness)
    running = asyncio.create_task(dispatcher.run())

    async def none_open() -> bool:
        return await _open(harness) == 0

    await _until(none_open)
    assert most == 3
    dispatcher.stop()
    await running


@pytest.mark.harness(settings={"worker": {"concurrency": 2}})
async def test_a_stop_finishes_orders_in_progress_and_releases_the_others(harness: Harness) -> None:

    async def slow(order_id: str) -> Order:
        await asyncio.sleep(0.2)
        return await harness.store.real.order(order_id)

    harness.store.script(order=slow)
    await _list_orders(harness, 10)
    dispatcher = _dispatcher(harness)
    running = asyncio.create_task(dispatcher.run())

    async def busy() -> bool:
        return dispatcher.in_flight == 2

    await _until(busy)
    dispatcher.stop()
    await running
    leased = await harness.ledger.read(
        lambda c: c.exec_driver_sql("SELECT count(*) FROM orders WHERE lease IS NOT NULL").scalar_one()
    )
    assert leased == 0
    assert await _open(harness) == 8
    unsure = await harness.ledger.read(
        lambda c: c.exec_driver_sql(
            "SELECT count(*) FROM shipments WHERE state IN ('buying', 'unknown')"
        ).scalar_one()
    )
    assert unsure == 0


@pytest.mark.harness(settings={"worker": {"concurrency": 2}})
async def test_an_order_that_breaks_its_worker_does_not_stop_the_others(harness: Harness) -> None:
    poison, *_ = await _list_orders(harness, 6)

    async def picky(order_id: str) -> Order:
        if order_id == poison:
            raise RuntimeError("an unexpected error")
        return await harness.store.real.order(order_id)

    harness.store.script(order=picky)
    dispatcher = _dispatcher(harness)
    running = asyncio.create_task(dispatcher.run())

    async def one_open() -> bool:
        return await _open(harness) == 1

    await _until(one_open)
    dispatcher.stop()
    await running


class GatedProvider(InMemoryProvider):
    """Sells nothing until `may_sell` is set, however slow the machine is."""

    def __init__(self, clock: SystemClock) -> None:
        super().__init__(clock)
        self.is_asked, self.may_sell = asyncio.Event(), asyncio.Event()

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        self.is_asked.set()
        await self.may_sell.wait()
        return await super().buy(purchase)


@pytest.mark.harness(provider=in_memory(), external_tracking="BIKE1")
async def test_a_stop_waits_for_both_workers_of_an_order_that_an_operator_retried(harness: Harness) -> None:
    clock, complaints = SystemClock(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    provider = GatedProvider(clock)
    context = harness.context = replace(harness.context, clock=clock, providers={"in_memory": provider})
    harness.intake = Intake(harness.ledger, clock, harness.settings, lambda: None)
    dispatcher = Dispatcher(context)
    working = asyncio.create_task(dispatcher.run())
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    dispatcher.wake()
    await asyncio.wait_for(provider.is_asked.wait(), 60)
    before = len(harness.store.seen("order"))
    operations = Operations.build(harness.ledger, context.documents, clock, harness.settings, dispatcher.wake)
    await operations.orders.retry(order.id, reason="is it stuck?", actor="ada")
    dispatcher.wake()
    async with asyncio.timeout(60):
        while len(harness.store.seen("order")) == before:  # until the second worker has begun
            await asyncio.sleep(0.01)
        assert dispatcher.in_flight >= 1
        provider.may_sell.set()
        while not provider.sold:  # the first worker ends, and another worker holds the lease
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    dispatcher.stop()
    await working
    assert dispatcher.in_flight == 0
    assert complaints == []
    assert await harness.ledger.write(crashes.end_all, clock.now(), harness.settings.retry) == []
    assert provider.sold == 1
