"""Processes that end with orders in work: who is suspected, who is processed alone, who is set aside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from packhouse.config.sections import RetrySettings
from packhouse.config.settings import Settings
from packhouse.errors import LeaseLost
from packhouse.ledger import crashes, holds, inbox, leases, queries, shipments
from packhouse.ledger.port import Ledger
from packhouse.ledger.tx import Lease, Tx, under
from packhouse.model.event import Event
from packhouse.model.shipment import Shipment
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.rules.timeouts import longest_wait_s
from packhouse.worker.dispatcher import _claim
from tests.service.ledger.test_leases import run_on_ledger

pytestmark = pytest.mark.usefixtures("engine")

RETRY = RetrySettings(base_s=5, max_s=900)


async def _woken(ledger: Ledger, *order_ids: str) -> None:
    for order_id in order_ids:
        event = Event(f"evt_{order_id}", "order.created", order_id, "site", "{}")
        await ledger.write(inbox.receive, 1.0, event, 60.0)


async def _claimed(
    ledger: Ledger, now: float, worker: str, suspects: int = 1, suspects_next: bool = True
) -> list[Lease]:
    """What a dispatcher claims for 100 s."""
    claimed, _, _ = await ledger.write(
        _claim, now, f"{worker}:1", now + 100, 10, RETRY, suspects, suspects_next
    )
    return [lease for lease, _ in claimed]


def _ids(leased: Sequence[Lease]) -> list[str]:
    return sorted(lease.order_id for lease in leased)


async def _crashes(ledger: Ledger, order_id: str) -> int:
    return int((await ledger.read(queries.order_row, order_id)).crashes)


async def _holds(ledger: Ledger, order_id: str) -> list[str]:
    return [hold.code for hold in await ledger.read(holds.of_order, order_id) if hold.is_active]


async def _crashed(ledger: Ledger, now: float, times: int, *order_ids: str) -> None:
    """Let processes end while they have all these orders, which are all that are due."""
    for n in range(times):
        claimed = await _claimed(ledger, now + n, "doomed", suspects=len(order_ids))
        assert _ids(claimed) == sorted(order_ids)
        ended = await ledger.write(crashes.end_all, now + n, RETRY)
        assert [one.set_aside_s for one in ended] == [0.0] * len(order_ids)


def test_one_crash_changes_nothing_and_after_two_an_order_is_claimed_apart_from_others(
    tmp_path: Path,
) -> None:
    async def story(ledger: Ledger) -> None:
        await _woken(ledger, "a", "b", "c")
        await _crashed(ledger, 10, 2, "a", "b", "c")
        await _woken(ledger, "new")
        assert _ids(await _claimed(ledger, 20, "w")) == ["new"], "other orders come first"
        assert await _claimed(ledger, 20, "w", suspects=0) == [], "and end first"
        (one,) = await _claimed(ledger, 20, "w", suspects=1)
        assert one.is_suspect
        assert one.crashes == 2
        await ledger.write(under(one, leases.release), 21.0, phase=OrderPhase.SHIPPED, due_at=None)
        assert await _crashes(ledger, one.order_id) == 0
        others = await _claimed(ledger, 21, "w", suspects=2)
        assert {one.order_id, *_ids(others)} == {"a", "b", "c"}
        assert [await _holds(ledger, order_id) for order_id in "abc"] == [[], [], []]

    run_on_ledger(story, tmp_path)


def test_a_suspect_waits_no_longer_than_a_minute_for_others(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await _woken(ledger, "a", "b")
        await _crashed(ledger, 10, 2, "a", "b")
        await _woken(ledger, "c", "d")
        assert _ids(await _claimed(ledger, 70, "w")) == ["c", "d"]
        await _woken(ledger, "e")
        assert await _claimed(ledger, 72, "w", suspects=0) == [], "the worker becomes idle"
        assert _ids(await _claimed(ledger, 72, "w", suspects=0, suspects_next=False)) == ["e"]
        assert len(await _claimed(ledger, 72, "w", suspects=1)) == 1

    run_on_ledger(story, tmp_path)


def test_after_a_crash_among_suspects_each_is_claimed_alone(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await _woken(ledger, "a", "b")
        await _crashed(ledger, 10, 3, "a", "b")
        (alone,) = await _claimed(ledger, 20, "w", suspects=8)
        assert alone.crashes == 3
        (ended,) = await ledger.write(crashes.end_all, 21.0, RETRY)
        assert (ended.crashes, ended.set_aside_s) == (4, 135.0)
        assert await _holds(ledger, alone.order_id) == ["process_crashed"]
        (other,) = await _claimed(ledger, 22, "w", suspects=8)
        assert other.order_id != alone.order_id

    run_on_ledger(story, tmp_path)


def test_an_order_that_was_alone_at_the_second_crash_is_set_aside(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await _woken(ledger, "a")
        for now in (10.0, 20.0):
            assert _ids(await _claimed(ledger, now, "w")) == ["a"]
            ended = await ledger.write(crashes.end_all, now + 5, RETRY)
        assert [one.set_aside_s for one in ended] == [15.0]
        assert await _holds(ledger, "a") == ["process_crashed"]
        row = await ledger.read(queries.order_row, "a")
        assert (row.phase, row.due_at) == ("held", 40.0)
        assert row.reason.startswith("The daemon ended while it processed this order: 2 times in a row, the")
        # Neither an event nor a new start brings it forward; its time does.
        await ledger.write(inbox.receive, 26.0, Event("e", "order.cancelled", "a", "site", "{}"), 60.0)
        await ledger.write(leases.wake_unfinished, 26.0)
        assert await _claimed(ledger, 39, "w") == []
        (again,) = await _claimed(ledger, 40, "w")
        assert again.is_suspect
        assert again.wakes == 2, "the event is not lost"
        # Each time it waits longer, and one hold shows it.
        (ended_again,) = await ledger.write(crashes.end_all, 50.0, RETRY)
        assert ended_again.set_aside_s == 45.0
        (hold,) = await ledger.read(holds.of_order, "a")
        assert hold.note.startswith("3 times in a row")
        entries = await ledger.read(queries.entries, order_id="a")
        assert [entry.action for entry in entries].count("held") == 1

    run_on_ledger(story, tmp_path)


def test_the_wait_grows_up_to_a_limit_that_no_safety_net_cuts_short() -> None:
    waits = [crashes.set_aside_s(RETRY, n) for n in range(2, 12)]
    assert waits[:5] == [15, 45, 135, 405, 1215]
    assert waits[-1] == crashes.set_aside_s(RETRY) == 24 * 900
    assert longest_wait_s(Settings(_env_file=None, retry=RETRY)) > 24 * 900  # type: ignore[call-arg]


def test_a_person_who_takes_the_order_up_gives_it_a_fresh_start(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await _woken(ledger, "a")
        for now in (10.0, 20.0):
            await _claimed(ledger, now, "w")
            await ledger.write(crashes.end_all, now + 5, RETRY)
        await ledger.write(leases.revoke, 26.0, "a")
        assert await _crashes(ledger, "a") == 0
        (lease,) = await _claimed(ledger, 26, "w")
        assert not lease.is_suspect

    run_on_ledger(story, tmp_path)


def test_an_orderly_end_is_no_crash(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await _woken(ledger, "a", "b")
        for now in (10.0, 20.0, 30.0):
            assert len(await _claimed(ledger, now, "w")) == 2
            assert await ledger.write(leases.release_worker, now + 1, "w", now + 2) == 2
        assert await ledger.write(crashes.end_all, 40.0, RETRY) == []
        assert await _crashes(ledger, "a") == 0

    run_on_ledger(story, tmp_path)


def test_leases_that_ran_out_count_as_a_crash_of_another_worker_only(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await _woken(ledger, "a")
        await _claimed(ledger, 10, "w")
        assert await _claimed(ledger, 109, "w") == []
        (mine,) = await _claimed(ledger, 110, "w")  # a ledger that could not be written for long
        assert mine.crashes == 0
        (theirs,) = await _claimed(ledger, 210, "x")
        assert theirs.crashes == 1
        with pytest.raises(LeaseLost):
            await ledger.write(under(mine, leases.abandon), 211.0, 211.0)
        # Its worker had nothing else, so the next end sets it aside instead of claiming it.
        assert await _claimed(ledger, 310, "y") == []
        assert await _holds(ledger, "a") == ["process_crashed"]

    run_on_ledger(story, tmp_path)


def test_of_a_worker_with_several_orders_none_is_set_aside(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await _woken(ledger, "a", "b", "c")
        for now, worker in ((10.0, "w"), (110.0, "x"), (210.0, "y")):
            claimed = await _claimed(ledger, now, worker)
        assert len(claimed) == 1
        assert claimed[0].is_suspect
        assert [await _holds(ledger, one) for one in "abc"] == [[], [], []]
        assert [await _crashes(ledger, one) for one in "abc"] == [2, 2, 2]

    run_on_ledger(story, tmp_path)


def test_a_purchase_that_was_begun_is_named_and_looked_up_with_the_next_try(tmp_path: Path) -> None:
    async def story(ledger: Ledger) -> None:
        await _woken(ledger, "a")
        (lease,) = await _claimed(ledger, 10, "w")
        planned = Shipment("a-1", "a", 1, ShipmentState.PLANNED, ())
        await ledger.write(under(lease, shipments.plan), 11.0, [planned], [])

        def begin(tx: Tx) -> None:
            shipments.move(tx, planned, ShipmentState.BUYING, [], intent_at=12.0)

        await ledger.write(under(lease, begin), 12.0)
        await ledger.write(crashes.end_all, 13.0, RETRY)
        await _claimed(ledger, 14, "w")
        await ledger.write(crashes.end_all, 15.0, RETRY)
        (hold,) = await ledger.read(holds.of_order, "a")
        assert "the purchase of a-1 was begun, and is looked up then" in hold.note
        (again,) = await _claimed(ledger, 15 + 15, "w")
        assert again.order_id == "a"

    run_on_ledger(story, tmp_path)
