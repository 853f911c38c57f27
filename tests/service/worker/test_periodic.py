"""The periodic tasks report a failed poll, wake stalled orders and delete old events."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from packhouse.ledger import kv, leases, poll_record
from packhouse.ledger.tx import under
from packhouse.model.order import OrderPage
from packhouse.model.states import OrderPhase
from packhouse.store.protocol import OrdersQuery
from packhouse.worker.periodic import PeriodicTasks, build_schedule
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


class WakeCounter:
    """Counts how often the workers were woken."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


async def test_a_failed_poll_is_kept_for_the_health_page_until_the_next_success(harness: Harness) -> None:
    tasks = PeriodicTasks(harness.context, "me", WakeCounter())
    harness.sandbox.faults.trigger_next("store.error_before_effect")
    assert await tasks.poll() == 0
    assert "500" in tasks.last_poll_error
    await harness.clock.advance(harness.settings.poll.interval_s)
    await tasks.poll()
    assert tasks.last_poll_error == ""


async def test_a_poll_that_meets_a_running_one_is_no_successful_poll(harness: Harness) -> None:
    tasks = PeriodicTasks(harness.context, "me", WakeCounter())
    may_answer, is_asked = asyncio.Event(), asyncio.Event()

    async def slow(_query: OrdersQuery) -> OrderPage:
        is_asked.set()
        await may_answer.wait()
        return OrderPage((), None)

    harness.store.script(orders=slow)
    first = asyncio.create_task(tasks._poll())
    await is_asked.wait()
    assert await tasks._poll() == 0
    assert (await harness.ledger.read(poll_record.read)).succeeded_at is None
    may_answer.set()
    await first
    assert (await harness.ledger.read(poll_record.read)).succeeded_at is not None


async def test_a_stop_during_a_poll_is_no_failed_job(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    is_asked = asyncio.Event()

    async def silent(_query: OrdersQuery) -> OrderPage:
        is_asked.set()
        await asyncio.sleep(3600)
        raise AssertionError

    harness.store.script(orders=silent)
    schedule = build_schedule(PeriodicTasks(harness.context, "me", WakeCounter()), harness.settings)
    schedule.start()
    schedule.modify_job("poll", next_run_time=datetime.now(UTC))
    await asyncio.wait_for(is_asked.wait(), 30)
    (job,) = schedule._executors["default"]._pending_futures
    schedule.shutdown(wait=False)
    await asyncio.wait({job}, timeout=30)
    assert job.done()
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_stalled_orders_are_woken_and_old_events_are_deleted(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (job,) = await harness.claim_due()
    await harness.ledger.write(
        under(job.lease, leases.release), harness.clock.now(), phase=OrderPhase.OPEN, due_at=None
    )
    tasks = PeriodicTasks(harness.context, "me", WakeCounter())
    assert await tasks.wake_stalled() == 1
    await harness.clock.advance(harness.settings.event_retention_days * 86_400 + 1)
    assert await tasks.prune() == 1
    assert await harness.ledger.read(kv.read, "nothing") is None


async def test_orders_deferred_by_a_fast_clock_are_found_when_the_clock_is_corrected(
    harness: Harness,
) -> None:
    order, leased = harness.sandbox.place_order("incomplete_address"), harness.sandbox.place_order("plain")
    harness.clock.skew = 86_400 * 365
    await harness.deliver_event(order)
    await harness.process_due()
    await harness.deliver_event(leased)
    await harness.claim_due()
    harness.clock.skew = 0
    await harness.clock.advance(harness.settings.lease_s)
    assert await PeriodicTasks(harness.context, "me", WakeCounter()).wake_stalled() == 2
    assert {job.order_id for job in await harness.claim_due()} == {order.id, leased.id}
    assert await PeriodicTasks(harness.context, "me", WakeCounter()).wake_stalled() == 0
