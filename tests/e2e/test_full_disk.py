"""A real disk runs full under the daemon, or fails to sync: nothing is bought blindly, nothing is lost."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import Town, ask, town, wait_for

pytestmark = pytest.mark.e2e


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 12 MB of its own, mounted there; skips where mounting is not allowed."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "packhouse-test", str(folder)]
    try:
        made = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Take all the space there is; answers the file to delete."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    return filler


def test_a_full_disk_acknowledges_nothing_buys_nothing_blindly_and_recovers_by_itself(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, town(tmp_path, **_on(disk)) as here:
        daemon = here.start()
        here.sell(30)
        wait_for(lambda: len(_references(here)) > 5, "the first labels")
        filler = fill(disk)
        wait_for(lambda: _deliver(here) == 503, "a delivery to be refused")
        wait_for(lambda: here.failing() == {"ledger"}, "readyz to say so")
        time.sleep(1)  # what was on its way to the carrier arrives
        known, spent = here.query("SELECT count(*) FROM orders"), _references(here)
        assert spent <= _intents(here.ledger)
        here.sell(30)
        time.sleep(2)
        assert _deliver(here) == 503
        assert here.query("SELECT count(*) FROM orders") == known
        assert _references(here) == spent
        filler.unlink()
        wait_for(lambda: _deliver(here) == 200, "a delivery to be taken again")
        here.settle(60)
        here.check_books(60)
        assert _references(here) <= _intents(here.ledger)
        assert daemon.alive()


def test_a_label_whose_file_cannot_be_kept_is_not_lost(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data" / "labels") as disk, town(tmp_path) as here:
        here.start()
        filler = fill(disk)
        here.sell(15, kinds=("plain",))
        wait_for(lambda: here.query("SELECT count(*) FROM labels") == 15, "the labels to be bought")
        wait_for(lambda: here.query("SELECT count(*) FROM orders WHERE attempts > 1") > 0, "a second try")
        assert here.query("SELECT count(*) FROM shipments WHERE state = 'fulfilled'") == 0
        assert here.query("SELECT count(*) FROM labels WHERE document <> ''") == 0
        filler.unlink()
        here.settle(15)
        here.check_books(15)
        assert here.query("SELECT count(*) FROM labels WHERE document <> ''") == 15
        assert len([f for f in disk.rglob("*") if f.is_file() and f.stat().st_size > 100]) == 15


def test_a_full_outbox_stops_no_shipment_and_leaves_no_half_label_to_print(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data" / "outbox") as disk, town(tmp_path) as here:
        here.start()
        filler = fill(disk)
        here.sell(15, kinds=("plain",))
        here.settle(15)
        here.check_books(15)
        assert here.phases()["shipped"] == 15
        assert [file for file in disk.iterdir() if file != filler] == []


def test_a_disk_that_fails_to_sync_for_a_while_costs_no_order_and_no_label(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None or subprocess.run([strace, "-qq", "-o", "/dev/null", "true"]).returncode:
        pytest.skip("strace, which makes the disk fail, is not installed or may not be used here")
    # Each thread's syncs are counted apart; all commits are made by one.
    calls = "fsync,fdatasync"
    fail = f"inject={calls}:error=EIO:when=40..70"
    trace = tmp_path / "trace"
    under = (strace, "-D", "-f", "-qq", "-o", str(trace), "-e", f"trace={calls}", "-e", fail)
    with town(tmp_path) as here:
        daemon = here.start(under=under)
        here.sell(60, rate_per_s=20)
        wait_for(lambda: "EIO" in trace.read_text(), "the disk to fail")
        here.settle(60)
        here.check_books(60)
        assert _references(here) <= _intents(here.ledger)
        assert "disk I/O error" in daemon.words()


def _on(disk: Path) -> dict[str, str]:
    return {
        "PACKHOUSE_DATA_DIR": str(disk / "data"),
        "PACKHOUSE_MIN_FREE_DISK_MB": "0",
    }


def _deliver(here: Town) -> int:
    return here.deliver(next(iter(ask(f"{here.sandbox_url}/sandbox/state")["orders"])))


def _references(here: Town) -> set[str]:
    """What the carrier was paid for."""
    return {sold["reference"] for sold in ask(f"{here.sandbox_url}/sandbox/audit")["purchases"]}


def _intents(ledger: Path) -> set[str]:
    """What the ledger says was about to be bought."""
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT data FROM journal WHERE action = 'buying'").fetchall()
    return {json.loads(data)["reference"] for (data,) in rows}
