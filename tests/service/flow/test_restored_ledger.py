"""A ledger that was put back from a backup, or lost commits in a failover, forgets nothing of the time since.

One daemon in one process: its flow, its guard log and its reconciliation, on both engines.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packhouse.errors import LedgerUnavailable
from packhouse.ledger import leases, restores
from packhouse.model.hold import HoldCode
from packhouse.model.order import Fulfillment, Order
from packhouse.model.states import LabelState
from tests.postgres import PostgresServer
from tests.service.harness import Harness
from tests.service.ledger.address import database_in
from tests.service.ledger.backups import Backups
from tests.service.providers.by_reference import Blind, ByReference
from tests.service.restarts import Daemon, ship, sold

CAP = {"guard": {"max_day_minor": 100_000}}


@pytest.fixture
def backups(tmp_path: Path, engine: str, request: pytest.FixtureRequest) -> Backups:
    if engine == "sqlite":
        return Backups(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return Backups(tmp_path, server, database_in(tmp_path))


@pytest.mark.harness(settings=CAP)
async def test_a_restored_ledger_knows_again_what_its_guard_log_knows(
    harness: Harness, backups: Backups
) -> None:
    """Holds, voids, the pause and the spending are known again, nothing is bought twice, and it goes on."""
    daemon = Daemon(harness, backups)
    await daemon.start()
    early = await ship(daemon)
    posting_fails = await harness.ship("plain")
    suspicious = harness.sandbox.place_order("plain")
    await harness.deliver_event(suspicious)
    restore = backups.take()
    await daemon.start()
    await harness.place_hold(suspicious, "the card is stolen")
    late = await ship(daemon, 3)
    spent_before = (await harness.operations.queries.status()).spent
    await harness.operations.daemon.pause(reason="counting", actor="ada")

    await daemon.put_back(restore)

    assert await daemon.is_paused()
    await daemon.work()
    assert await sold(daemon, [*early, posting_fails, *late]) == [1] * 5
    assert await sold(daemon, [suspicious]) == [0]
    (hold,) = await harness.active_holds(suspicious)
    assert (hold.code, hold.placed_by, hold.note) == (HoldCode.MANUAL, "ada", "the card is stolen")
    assert await harness.ledger.read(restores.current) is None, "everything adds up, so it went on"
    assert await daemon.is_paused() == "ada: counting"
    assert (await harness.operations.queries.status()).spent == spent_before
    report = await harness.operations.reconciliation.report()
    assert report.state == "done"
    assert any("ada" in entry.why for entry in report.entries)
    await harness.operations.daemon.resume(reason="counted", actor="ada")
    await daemon.work()
    assert await sold(daemon, [*early, posting_fails, *late, suspicious]) == [1] * 5 + [0]
    assert [await harness.states(order) for order in late] == [["fulfilled"]] * 3
    await ship(daemon)


async def test_a_voided_number_is_not_posted_after_a_restore(harness: Harness, backups: Backups) -> None:
    """The backup has a label that waits to be posted, and that was voided since."""
    daemon = Daemon(harness, backups)
    await daemon.start()
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="post")
    restore = backups.take()
    await daemon.start()
    (shipment,) = await harness.shipments(order)
    await harness.operations.shipments.request_void(shipment.id, reason="wrong box", actor="ada", again=False)
    await harness.clock.advance(130.0)
    await daemon.work()
    assert await harness.states(order) == ["voided", "held"]

    await daemon.put_back(restore)
    await daemon.work()

    voided, again = await harness.shipments(order)
    assert voided.label is not None
    assert voided.label.state is LabelState.VOIDED
    assert again.label is None
    assert order.fulfillments == []
    assert await sold(daemon, [order]) == [1]
    assert {hold.placed_by for hold in await harness.active_holds(order)} == {"ada"}


@pytest.mark.harness(settings=CAP)
async def test_without_any_log_the_accounts_tell_and_a_person_confirms(
    harness: Harness, backups: Backups, tmp_path: Path
) -> None:
    """The whole data folder was put back: EasyPost's list shows what was sold since, posted or not."""
    daemon = Daemon(harness, backups)
    await daemon.start()
    known = await ship(daemon)
    planned = harness.sandbox.place_order("plain")
    await harness.process_until(planned, before="buy")
    await harness.clock.advance(130.0)
    restore = backups.take(with_folder=True)
    await daemon.start()
    await daemon.work()
    late = await ship(daemon, 2)
    unposted = harness.sandbox.place_order("plain")
    await harness.process_until(unposted, before="post")
    await harness.clock.advance(600.0)
    spent_before = (await harness.operations.queries.status()).spent

    await daemon.put_back(restore)
    assert "restored" in await daemon.is_paused()
    await daemon.work(5)

    everything = [*known, planned, *late, unposted]
    assert await sold(daemon, everything) == [1] * 5
    assert (await harness.operations.queries.status()).spent == spent_before
    report = await harness.operations.reconciliation.report()
    assert report.state == "active"
    assert any("guard log" in point for point in report.open_points), report.open_points
    assert unposted.fulfillments == []

    await harness.operations.reconciliation.accept(reason="no holds were placed", actor="ada")
    await daemon.work()
    assert [await harness.states(order) for order in everything] == [["fulfilled"]] * 5
    assert await sold(daemon, everything) == [1] * 5
    await ship(daemon)


async def test_a_voided_label_is_found_without_any_log(harness: Harness, backups: Backups) -> None:
    """It was voided since, and its order shipped with a label of the next generation."""
    daemon = Daemon(harness, backups)
    await daemon.start()
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="post")
    restore = backups.take(with_folder=True)
    await daemon.start()
    (shipment,) = await harness.shipments(order)
    await harness.clock.advance(130.0)
    await harness.operations.shipments.request_void(shipment.id, reason="torn", actor="ada", again=True)
    await harness.advance(200.0)
    assert await harness.states(order) == ["voided", "fulfilled"]

    await daemon.put_back(restore)
    await daemon.work(4)
    assert await daemon.is_paused()
    await harness.operations.reconciliation.accept(reason="checked", actor="ada")
    await daemon.work()
    assert await sold(daemon, [order]) == [2]
    assert await harness.states(order) == ["voided", "fulfilled"]


async def test_a_label_that_may_have_been_posted_since_is_not_voided(
    harness: Harness, backups: Backups
) -> None:
    """The store only counts shipped units, and not whose they are: it is asked again under the same key."""

    def counted(order: Order) -> Order:
        shipped = sum((Counter(_units(row)) for row in order.fulfillments or ()), Counter())
        lines = [replace(line, shipped_counts=(shipped[line.id],)) for line in order.lines]
        return replace(order, fulfillments=None, lines=tuple(lines))

    harness.store.show_orders_as(counted)
    daemon = Daemon(harness, backups)
    await daemon.start()
    labeled, planned = (harness.sandbox.place_order("plain") for _ in range(2))
    await harness.process_until(labeled, before="post")
    await harness.process_until(planned, before="buy")
    restore = backups.take(with_folder=True)
    await daemon.start()
    await harness.clock.advance(130.0)
    await daemon.work()
    assert [await harness.states(order) for order in (labeled, planned)] == [["fulfilled"]] * 2
    await harness.clock.advance(600.0)

    await daemon.put_back(restore)
    await daemon.work()
    await harness.operations.reconciliation.accept(reason="checked", actor="ada")
    await daemon.work()
    assert [await harness.states(order) for order in (labeled, planned)] == [["fulfilled"]] * 2
    assert [harness.labels_sold(order, live_only=True) for order in (labeled, planned)] == [1, 1]


def _units(row: Fulfillment) -> dict[str, int]:
    return {some.line_id: some.quantity for some in row.units}


async def test_a_failover_to_a_server_that_lagged_is_noticed_by_the_running_daemon(
    harness: Harness, backups: Backups, engine: str
) -> None:
    """Every connection breaks, and each new one is checked before anything runs on it."""
    if engine == "sqlite":
        pytest.skip("an embedded ledger has no standby")
    daemon = Daemon(harness, backups)
    await daemon.start()
    await ship(daemon)
    fail_over = backups.take()
    await daemon.start()
    orders = await ship(daemon, 2)
    held = harness.sandbox.place_order("plain")
    await harness.deliver_event(held)
    await harness.place_hold(held, "fraud")
    fail_over()
    with_errors: list[LedgerUnavailable] = []
    for _ in range(20):
        try:
            paused = await daemon.is_paused()
            break
        except LedgerUnavailable as error:
            with_errors.append(error)
    assert "lost commits" in paused
    await daemon.work()
    assert await sold(daemon, [*orders, held]) == [1, 1, 0]
    assert [hold.note for hold in await harness.active_holds(held)] == ["fraud"]
    assert not await daemon.is_paused(), (await harness.operations.reconciliation.report()).open_points
    await ship(daemon)


@pytest.mark.harness(sandbox_account=ByReference)
async def test_an_account_that_is_asked_by_reference_is_asked_before_the_first_purchase(
    harness: Harness, backups: Backups
) -> None:
    """It cannot list what it sold, and no log tells: each older order is looked up before it is bought."""
    daemon = Daemon(harness, backups)
    await daemon.start()
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="buy")
    await harness.clock.advance(130.0)
    restore = backups.take(with_folder=True)
    await daemon.start()
    await daemon.work()
    assert await sold(daemon, [order]) == [1]
    await harness.clock.advance(600.0)

    await daemon.put_back(restore)
    await daemon.work()

    assert await sold(daemon, [order]) == [1]
    assert (await harness.operations.reconciliation.report()).state == "active"
    await harness.operations.reconciliation.accept(reason="checked", actor="ada")
    await daemon.work()
    assert await sold(daemon, [order]) == [1]
    assert await harness.states(order) == ["fulfilled"]


@pytest.mark.harness(sandbox_account=Blind)
async def test_what_an_account_cannot_say_is_held_for_a_person(harness: Harness, backups: Backups) -> None:
    """A blind account, and a guard log that begins after the backup."""
    daemon = Daemon(harness, backups)
    await daemon.start()
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="buy")
    restore = backups.take()
    await daemon.start()
    await ship(daemon)
    shutil.rmtree(harness.settings.data_dir / "guard-log")
    await daemon.start()
    await ship(daemon)
    await harness.clock.advance(130.0)
    await daemon.put_back(restore)
    await daemon.work()
    (hold,) = await harness.active_holds(order)
    assert hold.code is HoldCode.RESTORE_UNCLEAR
    assert any(
        "begins after" in point for point in (await harness.operations.reconciliation.report()).open_points
    )
    await harness.release_hold(hold)
    await harness.operations.reconciliation.accept(reason="checked by hand", actor="ada")
    await daemon.work()
    assert await harness.states(order) == ["fulfilled"]


async def test_the_guard_log_of_each_replicas_data_folder_is_waited_for(
    harness: Harness, backups: Backups, tmp_path: Path
) -> None:
    """A hold is only in the log of the replica that placed it."""
    one, two = Daemon(harness, backups), Daemon(harness, backups)
    other = harness.settings.model_copy(update={"data_dir": tmp_path / "two"})
    two.context = replace(harness.context, settings=other)
    await one.start()
    await ship(one)
    await two.start()
    suspicious = harness.sandbox.place_order("plain")
    await harness.ledger.write(leases.wake, harness.clock.now(), suspicious.id)
    restore = backups.take()
    await two.start()
    await harness.place_hold(suspicious, "fraud")
    await one.start()
    orders = await ship(one)
    await one.put_back(restore)
    await one.work(4)
    report = await harness.operations.reconciliation.report()
    assert [point for point in report.open_points if "1 other data folder" in point], report
    assert await sold(one, [suspicious]) == [0]
    await two.start()
    await two.work()
    assert not await one.is_paused(), (await harness.operations.reconciliation.report()).open_points
    assert [hold.note for hold in await harness.active_holds(suspicious)] == ["fraud"]
    assert await sold(one, [suspicious, *orders]) == [0, 1]


async def test_a_process_that_is_killed_while_it_compares_continues(
    harness: Harness, backups: Backups
) -> None:
    daemon = Daemon(harness, backups)
    await daemon.start()
    await ship(daemon)
    restore = backups.take()
    await daemon.start()
    orders = await ship(daemon, 3)
    await harness.ledger.real.close()
    restore()
    for after in (1, 3, 4, 5, 8):
        harness.ledger.script(write=_fails_after(harness, after))
        with pytest.raises(_Killed):
            await daemon.start()
            await daemon.work()
            raise _Killed
        harness.ledger.script(write=None)
    await daemon.start()
    await daemon.work()
    assert await sold(daemon, orders) == [1] * 3
    assert not await daemon.is_paused()


class _Killed(Exception):
    """The process ends here."""


def _fails_after(harness: Harness, count: int) -> Callable[..., Any]:
    left = [count]

    async def write(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise _Killed
        return await harness.ledger.real.write(*args, **kwargs)

    return write
