"""Orders that may end the process are processed while no other order is."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from packhouse.ledger.tx import Tx
from packhouse.model.order import Order
from tests.service.harness import Harness
from tests.service.worker.test_dispatcher import _dispatcher, _list_orders, _open, _until

pytestmark = pytest.mark.usefixtures("engine")


async def test_suspects_are_processed_apart_from_other_orders(harness: Harness) -> None:
    running: set[str] = set()
    started: set[str] = set()
    seen: list[frozenset[str]] = []

    async def watched(order_id: str) -> Order:
        running.add(order_id)
        started.add(order_id)
        seen.append(frozenset(running))
        expected = suspects if order_id in suspects else set(orders) - suspects
        if len(started & suspects) != 1:  # each waits for the others of its kind; the first suspect is alone
            async with asyncio.timeout(30):
                while not expected <= started:
                    await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        try:
            return await harness.store.real.order(order_id)
        finally:
            running.discard(order_id)

    harness.store.script(order=watched)
    orders = await _list_orders(harness, 9)
    suspects = set(orders[3:6])

    def suspect(tx: Tx) -> None:
        for order_id in suspects:
            tx.connection.execute(text("UPDATE orders SET crashes = 2 WHERE id = :id"), {"id": order_id})

    await harness.ledger.write(suspect, 1.0)
    dispatcher = _dispatcher(harness)
    working = asyncio.create_task(dispatcher.run())

    async def none_open() -> bool:
        return await _open(harness) == 0

    await _until(none_open)
    dispatcher.stop()
    await working
    assert all(together <= suspects or not together & suspects for together in seen)
    assert max(map(len, seen)) > 3, "the others are processed together"
    apart = [together for together in seen if together <= suspects]
    assert len(apart[0]) == 1
    assert max(map(len, apart)) == 2, "of three suspects the second and third are processed together"
    crashes = await harness.ledger.read(
        lambda c: c.exec_driver_sql("SELECT sum(crashes) FROM orders").scalar_one()
    )
    assert crashes == 0


async def test_orders_that_a_stop_cuts_off_are_released_at_once(harness: Harness) -> None:
    started = asyncio.Event()

    async def endless(order_id: str) -> Order:
        started.set()
        await asyncio.sleep(1000)
        raise AssertionError

    harness.store.script(order=endless)
    await _list_orders(harness, 3)
    dispatcher = _dispatcher(harness)
    working = asyncio.create_task(dispatcher.run())
    await started.wait()
    assert sorted(dispatcher.running) == sorted(set(dispatcher.running))
    dispatcher.stop()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    rows = await harness.ledger.read(
        lambda c: c.exec_driver_sql("SELECT count(*), count(lease), sum(crashes) FROM orders").one()
    )
    assert tuple(rows) == (3, 0, 0)


async def test_a_claim_that_fails_is_tried_again_and_shown(harness: Harness) -> None:
    """Whatever is wrong with it: a bug in a claim must not end the process, which would only begin again."""
    dispatcher = _dispatcher(harness)
    before = dispatcher.last_tick
    harness.ledger.script(write=ZeroDivisionError("a bug"))
    assert not await dispatcher._try_to_claim()
    assert dispatcher.last_tick == before, "/readyz shows it after a minute"
    harness.ledger.script(write=None)
    assert await dispatcher._try_to_claim()
    assert dispatcher.last_tick > before
