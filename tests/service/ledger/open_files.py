"""Which files this process has open: what is closed must be closed at once, not when memory is tidied up."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def open_files_in(folder: Path) -> list[str]:
    """The names of the open files of this process in a folder."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            target = link.readlink()
            if target.is_relative_to(folder):
                found.append(target.name)
    return sorted(found)


def lowest_free_descriptor() -> int:
    """The number that the next file or connection gets: the same as before if all since then are closed."""
    handle = os.open(os.devnull, os.O_RDONLY)
    os.close(handle)
    return handle
