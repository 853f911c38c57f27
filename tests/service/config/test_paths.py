"""The data folder's path is a path, never a URL: the ledger is the file in that folder, whatever its name."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from packhouse.errors import LedgerUnusable
from packhouse.ledger.check import check_ledger
from packhouse.ledger.engine import open_ledger
from packhouse.ledger.port import translated
from tests.service.config.reading import read, refused

FOLDERS = [
    "feature%2Fship",
    "100%",
    "a%zz",
    "a?b=c",
    "a#b",
    "a b",
    "B\u00fccher \u65e5\u672c",
    ":memory:",
    "file:x",
    "file:x?mode=memory&uri=true",
    "sqlite:",
    "user:password@host",
    "with/slash/",
    "link",
    "L" * 200,
]


@pytest.mark.parametrize("name", FOLDERS)
def test_the_ledger_is_in_the_folder_that_is_named(name: str, empty_folder: Path) -> None:
    (empty_folder / "real").mkdir()
    (empty_folder / "link").symlink_to("real")
    settings = read(PACKHOUSE_DATA_DIR=name)
    folder = empty_folder / name
    folder.mkdir(parents=True, exist_ok=True)
    before = set(empty_folder.iterdir())
    assert check_ledger(settings.ledger_url).endswith(str(settings.data_dir / "packhouse.db"))

    async def open_and_close() -> None:
        await open_ledger(settings.ledger_url).close()

    asyncio.run(open_and_close())
    assert (folder / "packhouse.db").stat().st_size > 0
    assert "undamaged, version" in check_ledger(settings.ledger_url)
    assert set(empty_folder.iterdir()) == before, "a file appeared elsewhere"


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert read(PACKHOUSE_DATA_DIR="~/packhouse").data_dir == tmp_path / "home" / "packhouse"
    assert read(PACKHOUSE_DATA_DIR="data/~x").data_dir == Path("data/~x")


def test_a_path_that_sqlite_cannot_open_is_refused_before_the_start() -> None:
    (line,) = refused(PACKHOUSE_DATA_DIR="/srv/" + "/".join(["d" * 100] * 6))
    assert "is too long" in line
    assert "SQLite opens 500 at most" in line


def test_an_option_that_the_driver_does_not_know_is_an_error_with_a_fix() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(LedgerUnusable, match="has the option 'hots', which PostgreSQL's driver does not"):
        check_ledger("postgresql://ph:Ab1cd2@127.0.0.1:1/db?hots=Ab1")
    assert translated(ValueError("x")).args == ("x",)
