"""The embedded ledger's file: who may read it, and what opening a damaged or unknown one leaves behind."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from structlog.testing import capture_logs

from packhouse.errors import LedgerUnusable
from packhouse.ledger import migrate
from packhouse.ledger.sqlite import SqliteLedger


@pytest.fixture
def open_umask() -> Iterator[None]:
    """New files are readable by all users, unless who makes them says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_and_close(url: str) -> tuple[str | None, str]:
    ledger = SqliteLedger(url)
    migrated = ledger.migrated
    asyncio.run(ledger.close())
    return migrated


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("open_umask")
def test_no_other_user_may_read_a_new_ledger(tmp_path: Path) -> None:
    ledger = SqliteLedger(f"sqlite:///{tmp_path / 'l.db'}")
    modes = {path.name: mode(path) for path in tmp_path.iterdir()}
    assert modes == {"l.db": 0o600, "l.db-wal": 0o600, "l.db-shm": 0o600}
    asyncio.run(ledger.close())


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path, suffix: str) -> None:
    open_and_close(f"sqlite:///{tmp_path / 'l.db'}")
    file = tmp_path / f"l.db{suffix}"
    file.touch()
    file.chmod(0o777)
    with capture_logs() as said:
        ledger = SqliteLedger(f"sqlite:///{tmp_path / 'l.db'}")
    assert mode(file) & 0o077 == 0
    assert said == []
    asyncio.run(ledger.close())


def test_a_mode_that_cannot_be_changed_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    file = tmp_path / "l.db"
    file.touch()
    file.chmod(0o644)
    monkeypatch.setattr(Path, "chmod", refuse)
    with capture_logs() as said:
        open_and_close(f"sqlite:///{file}")
    assert [entry["event"] for entry in said] == ["readable_by_others"]
    assert str(file) in said[0]["problem"]


@pytest.mark.parametrize(
    ("url", "files"),
    [("sqlite://", []), ("sqlite:///:memory:", []), ("sqlite:///file:l.db?uri=true", ["l.db"])],
)
def test_an_address_that_is_no_path_makes_no_file_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, files: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_and_close(url) == (None, migrate.head())
    assert [path.name for path in tmp_path.iterdir()] == files


def test_a_damaged_page_is_found_before_anything_is_migrated(tmp_path: Path) -> None:
    file = tmp_path / "l.db"
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        migrate.migrate(connection, "4")
        page = connection.exec_driver_sql("SELECT rootpage FROM sqlite_master WHERE name = 'dead_letters'")
        number = page.scalar_one()
    engine.dispose()
    with file.open("r+b") as opened:
        opened.seek((number - 1) * 4096)
        opened.write(b"\xff" * 4096)
    with pytest.raises(LedgerUnusable, match="file is damaged"):
        SqliteLedger(f"sqlite:///{file}")
    with engine.connect() as connection:
        assert migrate.current(connection) == "4"
    engine.dispose()


def test_a_ledger_that_is_refused_is_not_kept_locked(tmp_path: Path) -> None:
    file = tmp_path / "l.db"
    open_and_close(f"sqlite:///{file}")
    other = sqlite3.connect(file, timeout=0)
    other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.commit()
    with pytest.raises(LedgerUnusable, match="9999") as refused:
        SqliteLedger(f"sqlite:///{file}")
    other.execute("UPDATE alembic_version SET version_num = '9998'")
    other.commit()
    other.close()
    assert refused.value.__traceback__ is not None, "whoever shows the error still has the connection"
