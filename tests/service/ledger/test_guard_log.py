"""The guard log: one line for each commit, beside the ledger; and when it raises no alarm."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packhouse.errors import ProviderUnavailable
from packhouse.ledger import facts, kv, replay, restores
from packhouse.ledger.facts import Facts, Kind, Mark
from packhouse.ledger.guard_log import GuardLog, Line, ledgers_in
from packhouse.ledger.tx import Tx
from tests.service.harness import Harness
from tests.service.ledger.backups import Backups
from tests.service.restarts import Daemon, ship, sold

DAY_S = 86_400.0


def commit(number: int, at: float = 0.0) -> Facts:
    found = Facts(at + number, Mark(number, at + number))
    found.rows.append(facts.Fact(Kind.PAUSE, {"why": f"ada: {number}", "at": at + number}))
    return found


def marks(lines: Sequence[Line]) -> list[int]:
    return [line.mark.id for line in lines if line.mark]


def test_a_line_that_a_crash_cut_off_is_left_out_and_the_next_one_is_whole(tmp_path: Path) -> None:
    log = GuardLog(tmp_path, "a")
    log.append(commit(1), begins=True)
    log.append(commit(2))
    log.close()
    (file,) = log.folder.iterdir()
    os.truncate(file, file.stat().st_size - 5)
    again = GuardLog(tmp_path, "a")
    again.append(commit(3))
    lines = list(again.lines())
    assert marks(lines) == [1, 3]
    assert [line.begins for line in lines] == [True, False]
    assert again.tail() == (Mark(1, 1.0), Mark(3, 3.0))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.folder.stat().st_mode) == 0o700


def test_files_are_kept_for_the_days_that_are_set(tmp_path: Path) -> None:
    log = GuardLog(tmp_path, "a", days=3)
    for day in range(10):
        log.append(commit(day, day * DAY_S))
    assert [file.stem for file in sorted(log.folder.iterdir())] == [
        *("1970-01-07", "1970-01-08", "1970-01-09", "1970-01-10")
    ]
    assert ledgers_in(tmp_path) == ["a"]


def test_lines_that_cannot_be_written_leave_a_gap_that_is_marked(tmp_path: Path) -> None:
    said: list[str] = []
    log = GuardLog(tmp_path, "a", report=said.append)
    log.append(commit(1), begins=True)
    log.close()
    moved = log.folder.rename(tmp_path / "away")
    log.folder.write_text("a file in its place")
    log.append(commit(2))
    log.append(commit(3))
    assert len(said) == 1, "it is reported once"
    log.folder.unlink()
    moved.rename(log.folder)
    log.append(commit(4))
    lines = list(log.lines())
    assert marks(lines) == [1, 4]
    assert [line.begins for line in lines] == [True, True]
    assert log.recent == (Mark(1, 1.0), Mark(2, 2.0), Mark(3, 3.0), Mark(4, 4.0))


async def test_what_a_unit_rolls_back_is_in_no_log(harness: Harness, tmp_path: Path, engine: str) -> None:
    log = GuardLog(tmp_path, "a")
    harness.ledger.keep_log(log)

    def refused(tx: Tx) -> None:
        facts.note(tx, Kind.PAUSE, {"why": "ada: no", "at": tx.now})
        raise ValueError("it is refused")

    def done(tx: Tx) -> None:
        facts.note(tx, Kind.PAUSE, {"why": "ada: yes", "at": tx.now})

    with pytest.raises(ValueError, match="refused"):
        await harness.ledger.write(refused, 1.0)
    await harness.ledger.write(done, 2.0)
    assert [row["why"] for line in log.lines() for _, row in line.rows] == ["ada: yes"]


# ---- no false alarms ----------------------------------------------------------------------------------


@pytest.fixture
def daemon(harness: Harness, tmp_path: Path) -> Daemon:
    return Daemon(harness, Backups(tmp_path))


async def assert_calm(daemon: Daemon) -> None:
    assert await daemon.is_paused() == ""
    assert await daemon.harness.ledger.read(restores.first_entry) is None
    await ship(daemon)


async def test_restarts_raise_no_alarm(daemon: Daemon) -> None:
    await daemon.start()
    await assert_calm(daemon)
    await daemon.start()
    await assert_calm(daemon)


async def test_a_pause_of_a_week_raises_no_alarm(daemon: Daemon) -> None:
    """Its purchases are known, so the accounts tell nothing new."""
    await daemon.start()
    orders = await ship(daemon, 2)
    await daemon.harness.clock.advance(7 * DAY_S)
    await daemon.start()
    await daemon.work(1)
    await assert_calm(daemon)
    assert await sold(daemon, orders) == [1, 1]


@pytest.mark.parametrize("lost", [1, 3])
async def test_a_kill_between_a_commit_and_its_line_raises_no_alarm(daemon: Daemon, lost: int) -> None:
    """And the next start writes what is missing: a restore to before the kill is still told whole."""
    harness = daemon.harness
    await daemon.start()
    await ship(daemon)
    restore = daemon.backups.take()
    orders = await ship(daemon)
    await harness.ledger.real.close()
    log = GuardLog(harness.settings.data_dir, ledgers_in(harness.settings.data_dir)[0])
    (file,) = log.folder.iterdir()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-lost]))
    await daemon.start()
    await assert_calm(daemon)
    await daemon.put_back(restore)
    await daemon.work()
    assert await sold(daemon, orders) == [1]
    assert await daemon.is_paused() == ""


async def test_a_purchase_that_was_begun_when_its_process_was_killed_raises_no_alarm(daemon: Daemon) -> None:
    harness = daemon.harness
    await daemon.start()

    async def sold_and_killed(purchase: Any) -> Any:
        await harness.provider.real.buy(purchase)
        raise _Killed

    order = harness.sandbox.place_order("plain")
    harness.provider.script(buy=sold_and_killed)
    with pytest.raises(_Killed):
        await harness.process_until(order, before="post")
    harness.provider.script(buy=None)
    await harness.clock.advance(600.0)
    await daemon.start()
    await daemon.work()
    assert await sold(daemon, [order]) == [1]
    await assert_calm(daemon)


class _Killed(BaseException):
    """The process ends here."""


async def test_a_data_folder_that_is_new_or_was_moved_raises_no_alarm(daemon: Daemon) -> None:
    """As in a container without a lasting folder, and on a new machine."""
    await daemon.start()
    await ship(daemon)
    shutil.rmtree(daemon.harness.settings.data_dir / "guard-log")
    await daemon.start()
    await assert_calm(daemon)


async def test_the_log_of_a_replica_that_was_off_is_behind_and_raises_no_alarm(daemon: Daemon) -> None:
    data_dir = daemon.harness.settings.data_dir
    await daemon.start()
    await ship(daemon)
    shutil.copytree(data_dir / "guard-log", data_dir / "old")
    await ship(daemon, 2)
    shutil.rmtree(data_dir / "guard-log")
    (data_dir / "old").rename(data_dir / "guard-log")
    await daemon.start()
    await assert_calm(daemon)


async def test_a_log_of_another_ledger_raises_no_alarm(daemon: Daemon) -> None:
    """A folder that ledgers of two databases have used."""
    data_dir = daemon.harness.settings.data_dir
    await daemon.start()
    await ship(daemon)
    GuardLog(data_dir, "another").append(commit(7), begins=True)
    await daemon.start()
    await assert_calm(daemon)
    assert len(ledgers_in(data_dir)) == 2


async def test_a_ledger_that_was_lost_is_known_again_from_the_log_in_its_folder(daemon: Daemon) -> None:
    """Its file was lost, or copied without its -wal: the new one is empty, and the log is the old one's."""
    harness = daemon.harness
    await daemon.start()
    orders = await ship(daemon, 2)
    suspicious = harness.sandbox.place_order("plain")
    await harness.deliver_event(suspicious)
    await harness.place_hold(suspicious, "the card is stolen")
    spent = (await harness.operations.queries.status()).spent
    await harness.ledger.real.close()
    (harness.settings.data_dir / "packhouse.db").unlink()
    await daemon.start()
    assert "restored" in await daemon.is_paused()
    await daemon.work()
    report = await harness.operations.reconciliation.report()
    assert (report.state, report.open_points) == ("done", ())
    assert [hold.note for hold in await harness.active_holds(suspicious)] == ["the card is stolen"]
    assert await sold(daemon, [*orders, suspicious]) == [1, 1, 0]
    assert (await harness.operations.queries.status()).spent == spent
    await ship(daemon)


async def test_a_data_folder_that_was_lost_is_noticed_by_what_the_account_sold(daemon: Daemon) -> None:
    """All of it was posted, so nothing would be bought twice; but holds are lost, and the day's spending."""
    harness = daemon.harness
    await daemon.start()
    orders = await ship(daemon, 2)
    spent = (await harness.operations.queries.status()).spent
    await harness.ledger.real.close()
    (harness.settings.data_dir / "packhouse.db").unlink()
    shutil.rmtree(harness.settings.data_dir / "guard-log")
    await daemon.start()
    await daemon.work()
    assert "restored" in await daemon.is_paused()
    await harness.operations.reconciliation.accept(reason="no holds were placed", actor="ada")
    assert (await harness.operations.queries.status()).spent == spent
    assert await sold(daemon, orders) == [1, 1]
    await ship(daemon)


async def test_an_upgrade_from_a_version_without_a_log_raises_no_alarm(daemon: Daemon) -> None:
    """The first start writes down what a log must know, so a restore to that moment is told whole."""
    harness = daemon.harness
    order = await harness.ship()
    waiting = harness.sandbox.place_order("plain")
    await harness.process_until(waiting, before="buy")
    await harness.place_hold(waiting)
    await harness.clock.advance(130.0)
    restore = daemon.backups.take()
    await daemon.start()
    await daemon.work(1)
    assert await daemon.is_paused() == ""
    later = await ship(daemon)
    await daemon.put_back(restore)
    assert await daemon.is_paused(), "the backup has no id: it is the past of the only ledger here"
    await daemon.work()
    assert await sold(daemon, [order, waiting, *later]) == [1, 0, 1]


async def test_a_purchase_of_another_shop_at_the_same_account_raises_no_alarm(daemon: Daemon) -> None:
    harness = daemon.harness
    await daemon.start()
    await ship(daemon)
    listed = await harness.provider.real.purchases_since(0.0)  # type: ignore[attr-defined]
    foreign = replace(listed[0], reference="another_shops_order/1/1", provider_ref="shp_other")
    named = replace(listed[0], reference="lamp for Ann", provider_ref="shp_named")
    harness.provider.script(purchases_since=(*listed, foreign, named))
    await harness.clock.advance(600.0)
    await daemon.start()
    await daemon.work(1)
    await assert_calm(daemon)


async def test_an_account_that_does_not_answer_at_the_start_sells_nothing_until_it_does(
    daemon: Daemon,
) -> None:
    """Voids, tracking and new orders go on after a minute; what it may have sold waits for its answer."""
    harness = daemon.harness
    await daemon.start()
    await ship(daemon)
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    await harness.clock.advance(600.0)
    harness.provider.script(purchases_since=ProviderUnavailable("EasyPost is away"))
    await daemon.start()
    assert "easypost has not answered: EasyPost is away" in await daemon.is_paused()
    assert await harness.ledger.read(restores.blocks_claims) is True
    await daemon.work(8)
    assert await daemon.is_paused() == ""
    assert await sold(daemon, [order]) == [0]
    harness.provider.script(purchases_since=None)
    await daemon.work()
    assert await sold(daemon, [order]) == [1]
    await assert_calm(daemon)


# ---- writing it back ----------------------------------------------------------------------------------


async def test_money_that_moved_wins_over_a_plan_that_was_made_again(harness: Harness) -> None:
    """Another replica planned the shipment again before the log was written back."""
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="buy")
    (planned,) = await harness.shipments(order)
    found = await harness.ledger.read(replay.snapshot, None)
    (row,) = [row for kind, row in found.rows if kind is Kind.SHIPMENT]
    begun = dict(row) | {"state": "buying", "provider": "easypost", "updated_at": row["updated_at"] - 60.0}
    older = dict(row) | {"state": "cancelled", "updated_at": row["updated_at"] - 60.0}
    for one, state in ((older, "planned"), (begun, "buying")):
        known = replay.OrderFacts(shipments={planned.id: one})
        await harness.ledger.write(replay.write_order, harness.clock.now(), order.id, known)
        assert await harness.states(order) == [state]


async def test_a_release_of_a_hold_is_known_again(harness: Harness) -> None:
    order = await harness.ship()
    await harness.place_hold(order, "call the buyer")
    (hold,) = await harness.active_holds(order)
    key = ("", "manual", hold.placed_at)
    row = {"order_id": order.id, "shipment_id": "", "code": "manual", "note": hold.note, "fingerprint": ""}
    row |= {"placed_by": "ada", "placed_at": hold.placed_at}
    row |= {"released_by": "bo", "released_at": hold.placed_at + 9, "release_reason": "called"}
    known = replay.OrderFacts(holds={key: row})
    assert await harness.ledger.write(replay.write_order, harness.clock.now(), order.id, known)
    assert await harness.active_holds(order) == []
    assert not await harness.ledger.write(replay.write_order, harness.clock.now(), order.id, known)


@pytest.mark.parametrize("has_row", [True, False])
async def test_the_later_of_two_pauses_wins(harness: Harness, *, has_row: bool) -> None:
    if has_row:
        await harness.ledger.write(kv.write, 100.0, "paused", "ada: old")
    later = {"why": "bo: new", "at": 200.0}
    assert await harness.ledger.write(replay.write_pause, 300.0, later)
    assert not await harness.ledger.write(replay.write_pause, 300.0, {"why": "", "at": 250.0})
    assert await harness.ledger.read(kv.read, "paused") == "bo: new"


async def test_an_order_that_the_backup_lacks_is_added(harness: Harness) -> None:
    row = {"order_id": "ord_lost", "shipment_id": "", "code": "manual", "note": "fraud", "fingerprint": ""}
    row |= {"placed_by": "ada", "placed_at": 5.0}
    known = replay.OrderFacts(holds={("", "manual", 5.0): row})
    assert await harness.ledger.write(replay.write_order, harness.clock.now(), "ord_lost", known)
    assert [job.order_id for job in await harness.claim_due()] == ["ord_lost"]
