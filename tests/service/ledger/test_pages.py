"""Damaged pages: of a small file they are found before the start, of a large one while the daemon runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from packhouse.errors import LedgerUnusable
from packhouse.ledger import kv, pages, queries
from packhouse.ledger.pages import BackgroundCheck
from packhouse.ledger.sqlite import SqliteLedger
from packhouse.ledger.tables import dead_letters
from packhouse.ledger.tx import Tx

_PATIENCE_S = 60.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A sound ledger with a few pages of bodies."""
    path = tmp_path / "l.db"

    def fill(tx: Tx) -> None:
        row = {"received_at": 1.0, "reason": "r", "body": b"x" * 2000}
        tx.connection.execute(dead_letters.insert(), [row] * 50)

    async def make() -> None:
        ledger = SqliteLedger(f"sqlite:///{path}")
        await ledger.write(fill, 1.0)
        await ledger.close()

    asyncio.run(make())
    return path


def damage(file: Path) -> None:
    """Overwrite the last page."""
    with file.open("r+b") as opened:
        opened.seek(-4096, 2)
        opened.write(b"\xff" * 4096)


def checked(file: Path) -> list[str]:
    found: list[LedgerUnusable] = []
    assert BackgroundCheck(file, found.append).wait(_PATIENCE_S)
    return [str(one) for one in found]


def test_a_sound_file_is_read_to_its_end_without_a_finding(file: Path) -> None:
    assert checked(file) == []


def test_a_damaged_page_is_found_in_the_background(file: Path) -> None:
    damage(file)
    (said,) = checked(file)
    assert said.startswith("the ledger's file is damaged (")


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / "l.db"
    file.write_bytes(b"no database " * 1000)
    (said,) = checked(file)
    assert "not a database" in said


def test_a_check_that_cannot_be_made_is_a_warning(tmp_path: Path) -> None:
    with capture_logs() as said:
        assert checked(tmp_path / "not there.db") == []
    assert [entry["event"] for entry in said] == ["pages_not_checked"]


def test_a_check_can_be_stopped(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_STEPS", 1)
    monkeypatch.setattr(pages, "_LONGEST_PAUSE_S", 30.0)
    check = BackgroundCheck(file, lambda damage: None)
    check.stop()
    assert check.wait(_PATIENCE_S)


def test_a_small_damaged_file_is_refused_at_the_start(file: Path) -> None:
    damage(file)
    with pytest.raises(LedgerUnusable, match="file is damaged"):
        SqliteLedger(f"sqlite:///{file}")


async def test_a_large_ledger_accepts_no_write_once_a_damaged_page_is_found(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(file)
    monkeypatch.setattr(pages, "SMALL_BYTES", 0)
    with capture_logs() as said:
        ledger = SqliteLedger(f"sqlite:///{file}")
        assert ledger._pages is not None
        assert await asyncio.to_thread(ledger._pages.wait, _PATIENCE_S)
    assert [entry["event"] for entry in said] == ["ledger_damaged"]
    with pytest.raises(LedgerUnusable, match="Move it aside"):
        await ledger.write(queries.probe, 1.0)
    assert await ledger.read(kv.read, "ledger_id") is None
    await ledger.close()


async def test_a_large_sound_ledger_is_written_while_it_is_checked(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SMALL_BYTES", 0)
    ledger = SqliteLedger(f"sqlite:///{file}")
    assert ledger._pages is not None
    await ledger.write(queries.probe, 1.0)
    assert await asyncio.to_thread(ledger._pages.wait, _PATIENCE_S)
    await ledger.write(queries.probe, 2.0)
    await ledger.close()


def test_a_large_ledger_of_an_older_version_is_checked_before_it_is_migrated(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def older() -> None:
        ledger = SqliteLedger(f"sqlite:///{file}")
        await ledger.write(
            lambda tx: tx.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '8'"), 1.0
        )
        await ledger.close()

    asyncio.run(older())
    damage(file)
    monkeypatch.setattr(pages, "SMALL_BYTES", 0)
    with pytest.raises(LedgerUnusable, match="file is damaged"):
        SqliteLedger(f"sqlite:///{file}")
