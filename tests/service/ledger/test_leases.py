"""Waking, claiming and releasing: one worker for each order, and no wake-up is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from packhouse.errors import LeaseLost
from packhouse.ledger import inbox, kv, leases, queries
from packhouse.ledger.engine import open_ledger
from packhouse.ledger.port import Ledger
from packhouse.ledger.tx import under
from packhouse.model.event import Event
from packhouse.model.states import OrderPhase
from tests.service.ledger.address import address_in

pytestmark = pytest.mark.usefixtures("engine")


def run_on_ledger(story: Callable[[Ledger], Awaitable[None]], folder: Path) -> None:
    async def run() -> None:
        ledger = open_ledger(address_in(folder))
        try:
            await story(ledger)
        finally:
            await ledger.close()

    asyncio.run(run())


def _event(event_id: str = "evt_1", kind: str = "order.created", order_id: str = "ord_1") -> Event:
    return Event(event_id, kind, order_id, "site", "{}")


async def _row(ledger: Ledger, order_id: str = "ord_1") -> Any:
    return await ledger.read(queries.order_row, order_id)


async def _release(
    ledger: Ledger, lease: leases.Lease, now: float, phase: OrderPhase, due: float | None
) -> None:
    await ledger.write(under(lease, leases.release), now, phase=phase, due_at=due, woken_delay_s=60.0)


def test_an_event_is_recorded_once_and_wakes_its_order(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        assert await ledger.write(inbox.receive, 100.0, _event(), 60.0) == "accepted"
        assert await ledger.write(inbox.receive, 101.0, _event(), 60.0) == "duplicate"
        assert (await _row(ledger)).wakes == 1

    run_on_ledger(story, tmp_path)


def test_fifty_copies_at_once_are_one_event(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        outcomes = await asyncio.gather(
            *(ledger.write(inbox.receive, 1.0, _event(), 60.0) for _ in range(50))
        )
        assert outcomes.count("accepted") == 1
        assert outcomes.count("duplicate") == 49

    run_on_ledger(story, tmp_path)


@pytest.mark.parametrize("kind", ["checkout_session.completed", "membership.created", "order.something_new"])
def test_an_event_of_no_concern_is_recorded_and_wakes_nothing(tmp_path: Path, kind: str) -> None:
    async def story(ledger: Ledger) -> None:
        assert await ledger.write(inbox.receive, 1.0, _event(kind=kind), 60.0) == "ignored"
        assert await _row(ledger) is None

    run_on_ledger(story, tmp_path)


def test_two_workers_never_hold_the_same_order(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        for n in range(10):
            await ledger.write(inbox.receive, 1.0, _event(f"evt_{n}", order_id=f"ord_{n}"), 60.0)
        first, second = await asyncio.gather(
            ledger.write(leases.claim, 2.0, "a:1", 100.0, 6), ledger.write(leases.claim, 2.0, "b:1", 100.0, 6)
        )
        assert max(len(first), len(second)) <= 6
        assert len({lease.order_id for lease in (*first, *second)}) == len(first) + len(second) == 10

    run_on_ledger(story, tmp_path)


def test_a_hint_that_comes_during_work_is_not_lost(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.write(inbox.receive, 1.0, _event(), 60.0)
        (lease,) = await ledger.write(leases.claim, 2.0, "a:1", 100.0, 1)
        await ledger.write(inbox.receive, 3.0, _event("evt_2", "order.cancelled"), 60.0)
        assert (await _row(ledger)).due_at == 100.0  # the lease is held
        await ledger.write(under(lease, leases.release), 4.0, phase=OrderPhase.HELD, due_at=9000.0)
        assert (await _row(ledger)).due_at == 4.0

    run_on_ledger(story, tmp_path)


def test_an_echo_of_our_own_post_waits_until_it_is_time_to_confirm(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.write(inbox.receive, 1.0, _event(), 60.0)
        (lease,) = await ledger.write(leases.claim, 2.0, "a:1", 100.0, 1)
        await _release(ledger, lease, 3.0, OrderPhase.SHIPPED, 5000.0)
        await ledger.write(inbox.receive, 4.0, _event("evt_2", "order.fulfilled"), 60.0)
        assert (await _row(ledger)).due_at == 64.0
        await ledger.write(inbox.receive, 5.0, _event("evt_3", "order.cancelled"), 60.0)
        assert (await _row(ledger)).due_at == 5.0

    run_on_ledger(story, tmp_path)


def test_an_expired_lease_is_taken_over_and_its_old_owner_writes_nothing(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.write(inbox.receive, 1.0, _event(), 60.0)
        (old,) = await ledger.write(leases.claim, 2.0, "a:1", 100.0, 1)
        assert await ledger.write(leases.claim, 99.0, "b:1", 200.0, 1) == []
        (new,) = await ledger.write(leases.claim, 100.0, "b:1", 200.0, 1)
        for late in (
            ledger.write(under(old, leases.require), 101.0),
            ledger.write(under(old, leases.release), 101.0, phase=OrderPhase.SHIPPED, due_at=None),
        ):
            with pytest.raises(LeaseLost):
                await late
        await ledger.write(under(new, leases.require), 101.0)

    run_on_ledger(story, tmp_path)


def test_a_renewed_lease_is_not_taken_over(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.write(inbox.receive, 1.0, _event(), 60.0)
        await ledger.write(leases.claim, 2.0, "a:1", 100.0, 1)
        assert await ledger.write(leases.renew, 2.0, ["ord_1"], "a", 300.0) == {"ord_1"}
        assert await ledger.write(leases.renew, 2.0, ["ord_1"], "b", 400.0) == set()
        assert await ledger.write(leases.claim, 150.0, "b:1", 400.0, 1) == []

    run_on_ledger(story, tmp_path)


def test_an_operation_revokes_the_lease_of_any_worker(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.write(inbox.receive, 1.0, _event(), 60.0)
        (lease,) = await ledger.write(leases.claim, 2.0, "a:1", 100.0, 1)
        assert await ledger.write(leases.revoke, 3.0, "ord_1")
        with pytest.raises(LeaseLost):
            await ledger.write(under(lease, leases.require), 4.0)
        assert (await _row(ledger)).due_at == 3.0

    run_on_ledger(story, tmp_path)


def test_unfinished_orders_without_a_due_time_are_woken(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.write(inbox.receive, 1.0, _event(), 60.0)
        (lease,) = await ledger.write(leases.claim, 2.0, "a:1", 100.0, 1)
        await ledger.write(under(lease, leases.release), 3.0, phase=OrderPhase.HELD, due_at=None)
        assert await ledger.write(leases.wake_stalled, 4.0) == 1
        assert (await _row(ledger)).due_at == 4.0

    run_on_ledger(story, tmp_path)


def test_a_start_looks_at_every_unfinished_order_and_leaves_the_finished_ones(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        for n, phase in enumerate((OrderPhase.HELD, OrderPhase.SHIPPED, OrderPhase.CLOSED)):
            await ledger.write(inbox.receive, 1.0, _event(f"evt_{n}", order_id=f"ord_{n}"), 60.0)
            (lease,) = await ledger.write(leases.claim, 2.0, f"a:{n}", 100.0, 1)
            await ledger.write(under(lease, leases.release), 3.0, phase=phase, due_at=9000.0)
        assert await ledger.write(leases.wake_unfinished, 10.0) == 1
        assert [(await _row(ledger, f"ord_{n}")).due_at for n in range(3)] == [10.0, 9000.0, 9000.0]

    run_on_ledger(story, tmp_path)


def test_a_duty_is_run_by_one_replica_in_its_interval(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        assert await ledger.write(kv.claim_turn, 100.0, "poll", "a", 30.0)
        assert not await ledger.write(kv.claim_turn, 110.0, "poll", "b", 30.0)
        assert await ledger.write(kv.claim_turn, 131.0, "poll", "b", 30.0)
        # A clock that was set back must not stop the task until it has caught up.
        assert await ledger.write(kv.claim_turn, 50.0, "poll", "a", 30.0)

    run_on_ledger(story, tmp_path)


def test_old_events_are_forgotten_and_young_ones_kept(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await ledger.write(inbox.receive, 1.0, _event("evt_old"), 60.0)
        await ledger.write(inbox.receive, 100.0, _event("evt_young"), 60.0)
        await ledger.write(inbox.keep_dead_letter, 2.0, b"\xff", "not JSON")
        assert await ledger.write(inbox.prune, 150.0, 50.0, 100) == 2
        assert await ledger.write(inbox.receive, 101.0, _event("evt_young"), 60.0) == "duplicate"

    run_on_ledger(story, tmp_path)
