"""A damaged ledger is not opened: the daemon ends with exit code 11 and says what to do."""

from __future__ import annotations

import functools
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.processes import Services, clean_environ, running_services, wait_for

pytestmark = pytest.mark.e2e
_PAGE = 4096


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a daemon that was killed at work: the database, and newer commits in its log."""
    folder = tmp_path_factory.mktemp("killed")
    with running_services(folder) as services:
        daemon = services.start()
        # A few at a time: on a busy machine, many orders at once would share a few commits.
        for sold in range(5, 35, 5):
            services.place_orders(5)
            wait_for(functools.partial(_has_labels, services, sold // 2), "some labels")
        daemon.kill()
    assert (folder / "data" / "packhouse.db-wal").stat().st_size > 0
    return folder / "data"


def _has_labels(services: Services, count: int) -> bool:
    return bool(services.query("SELECT count(*) FROM labels") >= count)


def _serve(data: Path) -> subprocess.CompletedProcess[str]:
    environ = clean_environ() | {
        "ALY_API_KEY": "aly_x",
        "PACKHOUSE_DATA_DIR": str(data),
        "PACKHOUSE_HTTP__PORT": "0",
    }
    command = [sys.executable, "-m", "packhouse_cli", "serve"]
    return subprocess.run(command, env=environ, cwd=data, capture_output=True, text=True, timeout=180)


def _checkpointed(data: Path) -> Path:
    connection = sqlite3.connect(data / "packhouse.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return data / "packhouse.db"


def _newer(data: Path) -> None:
    with sqlite3.connect(data / "packhouse.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()


def _no_database(data: Path) -> None:
    (data / "packhouse.db").write_bytes(b"this is a shopping list, not a database" * 500)
    (data / "packhouse.db-wal").unlink()


def _a_page_of_noise(data: Path) -> None:
    """Damage the middle of the file, which a start does not read."""
    file = _checkpointed(data)
    content = bytearray(file.read_bytes())
    middle = len(content) // _PAGE // 2 * _PAGE
    content[middle : middle + _PAGE] = random.Random(1).randbytes(_PAGE)
    file.write_bytes(content)


def _cut_short(data: Path) -> None:
    file = _checkpointed(data)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // _PAGE // 2 * _PAGE])


@pytest.mark.parametrize(
    ("harm", "way_out"),
    [
        (_newer, "start that version again, or restore a backup made before the upgrade"),
        (_no_database, "restore the newest backup"),
        (_a_page_of_noise, "restore the newest backup"),
        (_cut_short, "restore the newest backup"),
    ],
)
def test_a_damaged_or_newer_ledger_is_refused_with_exit_code_11_and_what_to_do(
    tmp_path: Path, killed: Path, harm: Callable[[Path], None], way_out: str
) -> None:
    data = shutil.copytree(killed, tmp_path / "data")
    harm(data)
    before = (data / "packhouse.db").read_bytes()
    ran = _serve(data)
    assert ran.returncode == 11, ran.stdout + ran.stderr
    assert way_out in ran.stderr
    assert "Traceback" not in ran.stderr
    assert (data / "packhouse.db").read_bytes() == before


def test_a_log_truncated_anywhere_opens_with_the_beginning_of_the_journal(
    tmp_path: Path, killed: Path
) -> None:
    chance = random.Random(11)
    log = (killed / "packhouse.db-wal").read_bytes()

    def story(cut: int, torn: bytes) -> list[tuple[object, ...]]:
        data = tmp_path / str(cut)
        data.mkdir()
        shutil.copy(killed / "packhouse.db", data)
        (data / "packhouse.db-wal").write_bytes(log[:cut] + torn)
        return _journal(data / "packhouse.db")

    whole = story(len(log), b"")
    lengths = set()
    for cut in sorted(chance.sample(range(len(log)), 300)):
        # The bytes that were being written at the power cut may have any value.
        found = story(cut, torn=chance.randbytes(chance.choice((0, 512, 4096))))
        assert found == whole[: len(found)], f"cut at {cut} of {len(log)}"
        lengths.add(len(found))
    assert len(lengths) > 10


def _journal(file: Path) -> list[tuple[object, ...]]:
    """The journal, after a check that the ledger is intact."""
    connection = sqlite3.connect(file)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchall():
            return []  # the migration is in the log completely or not at all
        for promise in _BROKEN:
            assert connection.execute(promise).fetchall() == []
        return connection.execute("SELECT id, order_id, action FROM journal ORDER BY id").fetchall()
    finally:
        connection.close()


# A unit of work is on disk completely or not at all: no label without its state, no state without its entry.
_BROKEN = (
    "SELECT id FROM shipments WHERE state IN ('labeled', 'fulfilled') "
    "AND id NOT IN (SELECT shipment_id FROM labels)",
    "SELECT id FROM shipments WHERE state = 'buying' "
    "AND id NOT IN (SELECT shipment_id FROM journal WHERE action = 'buying')",
    "SELECT shipment_id FROM labels "
    "WHERE shipment_id NOT IN (SELECT shipment_id FROM journal WHERE action = 'bought')",
    "SELECT id FROM events WHERE outcome = 'accepted' AND order_id NOT IN (SELECT id FROM orders)",
)


def test_a_daemon_continues_after_a_power_cut_in_the_middle_of_a_commit(tmp_path: Path) -> None:
    with running_services(tmp_path) as services:
        daemon = services.start()
        services.place_orders(40)
        wait_for(lambda: services.query("SELECT count(*) FROM labels") > 10, "some labels")
        daemon.kill()
        _begin_a_commit(services.ledger, tmp_path / "copy")
        services.start()
        services.wait_until_processed(40)
        services.check_audit(40)


def _begin_a_commit(ledger: Path, copy: Path) -> None:
    """Leave the first half of a commit in the log, as a power cut in the middle of a write does."""
    log = ledger.with_name(f"{ledger.name}-wal")
    copy.mkdir()
    for file in (ledger, log):
        shutil.copy(file, copy)
    before = log.stat().st_size
    connection = sqlite3.connect(copy / ledger.name, isolation_level=None)
    connection.execute("UPDATE orders SET phase = 'closed', due_at = NULL, updated_at = 0")
    after = (copy / log.name).read_bytes()
    connection.close()
    assert len(after) > before
    log.write_bytes(after[: (before + len(after)) // 2])
