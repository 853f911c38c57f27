"""The data folder: locked for one process, and closed to other users of the machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from packhouse.config.settings import Settings
from packhouse.errors import FolderInUse, SettingsError
from packhouse.file_modes import make_folder, restrict, share

LOCK, LEDGER = "packhouse.lock", "packhouse.db"
_FILES = (LOCK, LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm", f"{LEDGER}-journal")
_OURS = {*_FILES, "labels", "outbox", "backups", "rates"}
_FOLDER, _FILE = 0o700, 0o600
# With share_outbox: the group may pass through the data folder, and read the outbox.
_PASSAGE, _READABLE = 0o710, 0o750


def outbox_of(settings: Settings) -> Path:
    """The folder of label files under readable names."""
    return settings.data_dir / "outbox"


def prepare(settings: Settings) -> list[str]:
    """Make the folders, and take from other users what they may not read. Returns what stays open to them.

    The data folder itself is closed only where everything in it is ours: it may be one with other uses. What
    is ours in it is closed in any case. Raises SettingsError where a folder cannot be written.
    """
    shared, folder, outbox = settings.share_outbox, settings.data_dir, outbox_of(settings)
    for one in (folder, settings.labels_dir, outbox):
        make(one)
    open_to_others = [restrict(settings.labels_dir, _FOLDER)]
    open_to_others += [restrict(folder / name, _FILE) for name in _FILES]
    open_to_others.append(restrict(outbox, _READABLE if shared else _FOLDER))
    if is_only_ours(folder):
        open_to_others.append(restrict(folder, _PASSAGE if shared else _FOLDER))
    if shared:
        try:
            share(folder, _PASSAGE)
            share(outbox, _READABLE)
        except OSError as error:
            raise SettingsError(
                f"The outbox {outbox.resolve()} cannot be shared with its group: {error.strerror}. "
                "Correct the owner of the data folder, or set PACKHOUSE_SHARE_OUTBOX=false."
            ) from error
    return [problem for problem in open_to_others if problem]


def is_only_ours(folder: Path) -> bool:
    """Whether a folder has nothing in it but what Packhouse writes."""
    return {one.name for one in folder.iterdir()} <= _OURS


def make(folder: Path) -> None:
    """Make a folder for this user alone. Raises SettingsError, with the fix."""
    try:
        make_folder(folder, _FOLDER)
    except OSError as error:
        raise _cannot_write(folder, error) from error


@contextlib.contextmanager
def lock(data_dir: Path) -> Iterator[None]:
    """Lock the data folder for this process. Raises FolderInUse, or SettingsError if it cannot be written."""
    make(data_dir)
    try:
        handle = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT, _FILE)
    except OSError as error:
        raise _cannot_write(data_dir, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise FolderInUse(
            f"Another Packhouse process is using {data_dir.resolve()}. Stop it, or set PACKHOUSE_DATA_DIR to "
            "another folder. Several replicas need PACKHOUSE_LEDGER__URL=postgresql+psycopg://..."
        ) from error
    try:
        yield
    finally:
        os.close(handle)


def _cannot_write(folder: Path, error: OSError) -> SettingsError:
    if isinstance(error, FileExistsError | NotADirectoryError):
        place = next(place for place in (folder, *folder.parents) if place.exists())
        return SettingsError(
            f"Cannot write to {folder.resolve()}: {place.resolve()} is a file, not a folder. Move the file "
            "away, or set PACKHOUSE_DATA_DIR to another folder."
        )
    return SettingsError(
        f"Cannot write to {folder.resolve()}: {error.strerror}. Set PACKHOUSE_DATA_DIR to a folder that this "
        "user may write to, on a disk with free space."
    )
