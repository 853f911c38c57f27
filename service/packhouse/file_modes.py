"""Files and folders that only this user may read: made so, and corrected where they are not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_folder(folder: Path, mode: int = 0o700) -> None:
    """Make a folder, with those above it, for this user alone. One that exists stays as it is.

    Raises OSError.
    """
    for above in (*reversed(folder.parents), folder):
        if not above.exists():
            above.mkdir(mode=mode, exist_ok=True)


def make_file(file: Path) -> None:
    """Make an empty file for this user alone, unless it exists. Raises OSError."""
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def restrict(path: Path, mode: int) -> str:
    """Take away what `mode` does not allow to others. Returns why it could not; "" if all is well.

    Of a folder with the sticky bit, which all users share (such as /tmp), nothing is changed.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return ""
    present = stat.S_IMODE(found.st_mode)
    if not present & _OTHERS & ~mode or present & stat.S_ISVTX:
        return ""
    try:
        path.chmod(present & ~(_OTHERS & ~mode))
    except OSError as error:
        return (
            f"{path} may be read by other users of this machine, and its mode cannot be changed "
            f"({error.strerror}; its owner is user {found.st_uid}, this process is user {os.geteuid()}). "
            f"Run as its owner: chmod {mode:o} {path}"
        )
    return ""


def share(path: Path, mode: int) -> None:
    """Let the group do what `mode` allows. Raises OSError."""
    path.chmod(stat.S_IMODE(path.stat().st_mode) | mode)
