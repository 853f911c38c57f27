"""Retries and restarts while a purchase is in flight: still one label."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from packhouse.errors import LeaseLost
from packhouse.flow import process_order
from packhouse.providers.port import Unknown
from tests.service.harness import Harness
from tests.service.providers.in_memory import in_memory


class Dies(BaseException):
    """The worker's process dies."""


async def _let_workers_run(harness: Harness, workers: Sequence[asyncio.Task[None]]) -> None:
    """Wait until each worker has ended, or waits for the provider and not for the ledger's threads."""
    async with asyncio.timeout(60):
        while sum(not one.done() for one in workers) > harness.provider.under_way:
            await asyncio.sleep(0.01)


@pytest.mark.harness(provider=in_memory(takes_s=20.0))
async def test_retries_during_a_slow_purchase_buy_nothing_twice(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (first,) = await harness.claim_due()
    workers = [asyncio.create_task(process_order(harness.context, first))]
    await _let_workers_run(harness, workers)
    assert await harness.states(order) == ["buying"]
    for _ in range(6):
        await harness.operations.orders.retry(order.id, reason="is it stuck?", actor="ada")
        workers += [
            asyncio.create_task(process_order(harness.context, job)) for job in await harness.claim_due()
        ]
        await _let_workers_run(harness, workers)
        await harness.clock.advance(5)
    await _let_workers_run(harness, workers)
    answers = await asyncio.gather(*workers, return_exceptions=True)
    assert isinstance(answers[0], LeaseLost)
    await harness.advance(100)
    assert await harness.states(order) == ["fulfilled"]
    assert len(harness.provider.seen("buy")) == 1
    harness.sandbox.store.orders.clear()  # the sandbox's EasyPost did not sell this label


@pytest.mark.harness(provider=in_memory(takes_s=20.0))
async def test_the_memory_of_an_earlier_purchase_does_not_shorten_the_wait_for_a_later_one(
    harness: Harness,
) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    harness.provider.script(buy=Unknown("no response"))
    await harness.process_due()
    await harness.clock.advance(15)
    harness.provider.script(buy=Dies())
    other = replace(harness.context, settling={})
    for _ in range(2):  # the worker waits, finds no purchase, tries again, and dies
        (job,) = await harness.claim_due()
        try:
            await process_order(other, job)
        except Dies:
            break
        await harness.clock.advance(15)
    assert await harness.states(order) == ["buying"]
    lookups = len(harness.provider.seen("lookup"))
    await harness.clock.advance(130)
    await harness.process_due()
    assert len(harness.provider.seen("lookup")) == lookups
