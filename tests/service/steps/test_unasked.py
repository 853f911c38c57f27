"""unasked: an order of an account that has not said what it sold, and what it waits for."""

from __future__ import annotations

import pytest

from packhouse.ledger import restores
from packhouse.ledger.tx import Tx
from packhouse.model.waiting import WaitKind
from packhouse.steps.context import OrderJob
from packhouse.steps.unasked import has_unasked, wait_for_answer
from tests.service.harness import Harness
from tests.service.providers.in_memory import InMemoryProvider, in_memory
from tests.service.steps.restored_orders import labeled, planned, second_account

pytestmark = pytest.mark.harness(provider=in_memory(), settings={"provider": ("in_memory", "second")})


async def silent(harness: Harness, *accounts: str) -> OrderJob:
    """An order from before the start; these accounts have not answered."""
    second_account(harness, InMemoryProvider(harness.clock))
    job = await planned(harness)

    def write(tx: Tx) -> None:
        restores.begin_check(tx, 0.0)
        for account in accounts:
            restores.save_unasked(tx, account, f"{account} is away.")

    await harness.ledger.write(write, harness.clock.now())
    return job


async def is_unasked(harness: Harness, job: OrderJob) -> bool:
    return has_unasked(harness.context, job, await harness.ledger.read(restores.unasked))


async def test_an_order_whose_accounts_have_answered_waits_for_none(harness: Harness) -> None:
    job = await silent(harness)
    assert not await is_unasked(harness, job)
    assert (job.unasked, job.paused, job.waits_for_account) == ((), "", "")


async def test_an_account_that_is_no_longer_set_up_is_not_waited_for(harness: Harness) -> None:
    job = await silent(harness, "closed")
    assert not await is_unasked(harness, job)
    assert job.unasked == ()


async def test_an_account_that_had_sold_nothing_stops_nothing_else(harness: Harness) -> None:
    job = await silent(harness, "in_memory")
    assert await is_unasked(harness, job)
    assert [one.account for one in job.unasked] == ["in_memory"]
    assert (job.paused, job.waits_for_account) == ("", "")


async def test_an_account_that_had_sold_may_have_sold_this_orders_label(harness: Harness) -> None:
    earlier = await planned(harness)
    await labeled(harness, earlier, earlier.shipments[0])
    job = await silent(harness, "second", "in_memory")
    assert await is_unasked(harness, job)
    assert job.waits_for_account == "in_memory"
    assert job.paused == (
        "in_memory has not said yet what it sold before the start: in_memory is away. "
        "This order may be one of them."
    )


async def test_what_an_operator_paused_is_said_first(harness: Harness) -> None:
    earlier = await planned(harness)
    await labeled(harness, earlier, earlier.shipments[0])
    job = await silent(harness, "in_memory")
    job.paused = "ada: counting"
    assert await is_unasked(harness, job)
    assert (job.paused, job.waits_for_account) == ("ada: counting", "")


async def test_an_order_that_no_other_account_sells_waits_for_the_first_that_is_silent(
    harness: Harness,
) -> None:
    job = await silent(harness, "in_memory", "second")
    await is_unasked(harness, job)
    wait_for_answer(harness.context, job)
    assert job.wake_times == [harness.clock.now() + harness.settings.poll.recheck_s]
    assert job.waiting is not None
    assert (job.waiting.kind, job.waiting.account) == (WaitKind.PROVIDER_UNAVAILABLE, "in_memory")
    assert job.waiting_reason == (
        "in_memory has not said yet what it sold before the start: in_memory is away. "
        "Nothing is bought from it for older orders."
    )
