"""A real disk becomes full under the daemon, or fails to sync: no blind purchase, no lost order."""

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

from tests.e2e.processes import Services, call_json, running_services, wait_for

pytestmark = pytest.mark.e2e


@contextlib.contextmanager
def mounted_disk(folder: Path) -> Iterator[Path]:
    """A separate disk of 12 MB, mounted at this folder; the test is skipped where mounting is not allowed."""
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
    """Fill the disk, and return the file to delete."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    return filler


def _settled_references(services: Services) -> set[str]:
    """What EasyPost has sold, once the requests in flight have reached it or were given up, after 3 s."""
    before = _references(services)
    while True:
        time.sleep(4)
        after = _references(services)
        if after == before:
            return after
        before = after


def test_on_a_full_disk_nothing_is_acknowledged_or_bought_without_an_intent_until_it_has_space(
    tmp_path: Path,
) -> None:
    with mounted_disk(tmp_path / "disk") as disk, running_services(tmp_path, **_on(disk)) as services:
        daemon = services.start()
        services.place_orders(30)
        wait_for(lambda: len(_references(services)) > 5, "the first labels")
        filler = fill(disk)
        wait_for(lambda: _deliver(services) == 503, "a delivery to be refused")
        wait_for(lambda: services.failing_checks() == {"ledger"}, "/readyz to report it")
        spent = _settled_references(services)
        known = services.query("SELECT count(*) FROM orders")
        assert spent <= _intents(services.ledger)
        services.place_orders(30)
        time.sleep(2)
        assert _deliver(services) == 503
        assert services.query("SELECT count(*) FROM orders") == known
        assert _references(services) == spent
        filler.unlink()
        wait_for(lambda: _deliver(services) == 200, "a delivery to be accepted again")
        services.wait_until_processed(60)
        services.check_audit(60)
        assert _references(services) <= _intents(services.ledger)
        assert daemon.alive()


def test_a_label_whose_file_cannot_be_saved_is_not_lost(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "data" / "labels") as disk, running_services(tmp_path) as services:
        services.start()
        filler = fill(disk)
        services.place_orders(15, kinds=("plain",))
        wait_for(lambda: services.query("SELECT count(*) FROM labels") == 15, "the labels to be bought")
        wait_for(
            lambda: services.query("SELECT count(*) FROM orders WHERE attempts > 1") > 0, "a second attempt"
        )
        assert services.query("SELECT count(*) FROM shipments WHERE state = 'fulfilled'") == 0
        assert services.query("SELECT count(*) FROM labels WHERE document <> ''") == 0
        filler.unlink()
        services.wait_until_processed(15)
        services.check_audit(15)
        assert services.query("SELECT count(*) FROM labels WHERE document <> ''") == 15
        labels = services.query("SELECT count(DISTINCT document) FROM labels")
        kept = [file for file in disk.rglob("*") if file.is_file() and file.stat().st_size > 100]
        assert labels == 15
        assert len([file for file in kept if file.suffix == ".zpl"]) == 15  # the others are papers of exports


def test_a_full_outbox_stops_no_shipment_and_leaves_no_partial_label_file(tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "data" / "outbox") as disk, running_services(tmp_path) as services:
        services.start()
        filler = fill(disk)
        services.place_orders(15, kinds=("plain",))
        services.wait_until_processed(15)
        services.check_audit(15)
        assert services.phases()["shipped"] == 15
        assert [file for file in disk.iterdir() if file != filler] == []


def test_a_disk_that_fails_to_sync_for_a_while_costs_no_order_and_no_label(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None or subprocess.run([strace, "-qq", "-o", "/dev/null", "true"]).returncode:
        pytest.skip("strace, which makes the disk fail, is not installed or may not be used here")
    # Each thread's syncs are counted separately; one thread makes all commits.
    calls = "fsync,fdatasync"
    fail = f"inject={calls}:error=EIO:when=40..70"
    trace = tmp_path / "trace"
    under = (strace, "-D", "-f", "-qq", "-o", str(trace), "-e", f"trace={calls}", "-e", fail)
    with running_services(tmp_path) as services:
        daemon = services.start(under=under)
        services.place_orders(60, rate_per_s=20)
        wait_for(lambda: "EIO" in trace.read_text(), "the disk to fail")
        services.wait_until_processed(60)
        services.check_audit(60)
        assert _references(services) <= _intents(services.ledger)
        assert "disk I/O error" in daemon.output()


def _on(disk: Path) -> dict[str, str]:
    return {
        "PACKHOUSE_DATA_DIR": str(disk / "data"),
        "PACKHOUSE_MIN_FREE_DISK_MB": "0",
    }


def _deliver(services: Services) -> int:
    return services.deliver(next(iter(call_json(f"{services.sandbox_url}/sandbox/state")["orders"])))


def _references(services: Services) -> set[str]:
    """The references of EasyPost's sales."""
    return {sold["reference"] for sold in call_json(f"{services.sandbox_url}/sandbox/audit")["purchases"]}


def _intents(ledger: Path) -> set[str]:
    """The references of the intents in the ledger."""
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT data FROM journal WHERE action = 'buying'").fetchall()
    return {json.loads(data)["reference"] for (data,) in rows}
