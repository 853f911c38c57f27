"""The data folder is closed to other users of the machine, whatever the umask and the earlier modes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from packhouse import data_folder
from packhouse.config.settings import Settings
from packhouse.file_modes import restrict
from packhouse.ledger import kv
from packhouse.ledger.documents import DocumentFolder
from packhouse.ledger.engine import open_ledger
from packhouse.model.label import LabelDocument, LabelFormat
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.sinks.folder import FolderSink
from packhouse.sinks.port import Announcement

LABEL = LabelDocument(b"^XA^XZ", LabelFormat.ZPL)


@pytest.fixture(autouse=True)
def loose_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def settings_of(folder: Path, *, shared: bool = False) -> Settings:
    return Settings(_env_file=None, data_dir=folder, share_outbox=shared)  # type: ignore[call-arg]


async def fill(settings: Settings) -> None:
    """What a running daemon makes: the lock, the ledger with its log, a label file and its link."""
    with data_folder.lock(settings.data_dir):
        assert data_folder.prepare(settings) == []
        ledger = open_ledger(settings.ledger_url)
        await ledger.write(kv.write, 1.0, "name", "value")
        documents = DocumentFolder(settings.labels_dir)
        path = documents.path(await documents.keep(LABEL), LABEL.format)
        sink = FolderSink(data_folder.outbox_of(settings), shared=settings.share_outbox)
        shipment = Shipment("ord_1-1", "ord_1", 1, ShipmentState.FULFILLED, ())
        await sink.announce(Announcement(shipment, path))
        modes = {str(one.relative_to(settings.data_dir)): mode_of(one) for one in everything(settings)}
        assert "packhouse.db-wal" in modes
        assert "packhouse.db-shm" in modes
        check(settings, modes)
        await ledger.close()


def everything(settings: Settings) -> list[Path]:
    return [settings.data_dir, *settings.data_dir.rglob("*")]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def check(settings: Settings, modes: dict[str, int]) -> None:
    for name, mode in modes.items():
        is_folder = (settings.data_dir / name).is_dir()
        allowed = 0o700 if is_folder else 0o600
        if settings.share_outbox and name in (".", "outbox"):
            allowed = 0o710 if name == "." else 0o750
        elif settings.share_outbox and name.endswith(".zpl"):
            allowed = 0o640
        assert mode == allowed, (name, oct(mode))


@pytest.mark.parametrize("shared", [False, True])
async def test_everything_is_made_for_this_user_alone(tmp_path: Path, shared: bool) -> None:
    await fill(settings_of(tmp_path / "new" / "data", shared=shared))
    assert mode_of(tmp_path / "new") == 0o700


async def test_a_folder_of_an_earlier_version_is_closed_at_the_next_start(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "data")
    await fill(settings)
    for one in everything(settings):
        one.chmod(0o755 if one.is_dir() else 0o644)
    assert data_folder.prepare(settings) == []
    # Label files inside of a closed folder need no change.
    assert mode_of(settings.labels_dir) == mode_of(settings.data_dir) == 0o700
    assert mode_of(settings.data_dir / "packhouse.db") == 0o600


def test_a_folder_with_other_uses_stays_open_and_what_is_ours_in_it_is_closed(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    tmp_path.chmod(0o755)
    (tmp_path / "notes.txt").write_text("of somebody else")
    (tmp_path / "notes.txt").chmod(0o644)
    (tmp_path / "packhouse.db").write_bytes(b"")
    (tmp_path / "packhouse.db").chmod(0o666)
    assert data_folder.prepare(settings) == []
    assert mode_of(tmp_path) == 0o755
    assert mode_of(tmp_path / "notes.txt") == 0o644
    assert mode_of(tmp_path / "packhouse.db") == 0o600
    assert mode_of(settings.labels_dir) == mode_of(tmp_path / "outbox") == 0o700


def test_a_file_that_cannot_be_closed_is_told_with_the_command() -> None:
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        problem = restrict(Path("/etc/passwd"), 0o600)
    finally:
        if is_root:
            os.seteuid(0)
    assert problem.startswith("/etc/passwd may be read by other users of this machine, and its mode cannot")
    assert "its owner is user 0" in problem
    assert problem.endswith("Run as its owner: chmod 600 /etc/passwd")


def test_a_folder_that_all_users_share_is_never_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    assert restrict(tmp_path, 0o700) == ""
    assert mode_of(tmp_path) == 0o777 | stat.S_ISVTX


async def test_a_ledger_at_another_place_is_closed_too(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.db"
    file.touch(mode=0o644)
    ledger = open_ledger(f"sqlite:///{file}")
    await ledger.write(kv.write, 1.0, "name", "value")
    assert {mode_of(one) for one in tmp_path.glob("elsewhere.db*")} == {0o600}
    await ledger.close()
