"""A folder of label files with readable names: ORDER-NUMBER.pdf. A printer can watch it.

A paper that travels with the parcel is next to its label: ORDER-NUMBER-commercial_invoice.pdf.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from packhouse.blocking import call_in_time
from packhouse.file_modes import make_folder
from packhouse.sinks.port import Announcement

_LONGEST_NAME = 200
_MOST_S = 10.0


class FolderSink:
    """Links each label file into a folder without a copy. A file that is removed is not created again."""

    name = "folder"

    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        """`shared`: the folder's group may read the files."""
        self._folder = folder
        self._mode = 0o640 if shared else 0o600
        make_folder(folder)

    async def announce(self, announcement: Announcement) -> None:
        """Link the label and its papers under their readable names. Raises OSError.

        In a thread: the folder may be one of another machine, which does not answer.
        """
        await call_in_time(_MOST_S, lambda: self._link_all(announcement), f"writing to {self._folder}")

    def _link_all(self, announcement: Announcement) -> None:
        name = announcement.shipment.id
        if announcement.label_file:
            self._link(announcement.label_file, name)
        for number, paper in enumerate(announcement.papers):
            earlier = sum(one.kind == paper.kind for one in announcement.papers[:number])
            self._link(paper.file, f"{name}-{paper.kind}" + (f"-{earlier + 1}" if earlier else ""))

    def _link(self, source: Path, name: str) -> None:
        target = self._folder / f"{_file_name(name)}{source.suffix}"
        if not target.exists():
            try:
                os.link(source, target)
            except OSError:  # another file system, or a file system without links
                _copy(source, target)
            # The label file has the same mode then, in a folder that stays closed.
            target.chmod(self._mode)


def _file_name(shipment_id: str) -> str:
    """A readable file name. The store chooses the order's id: it must not lead out of the folder, be too long
    for a file, or have the name of another order's file.
    """
    name = re.sub(r"[^A-Za-z0-9._-]", "_", shipment_id).lstrip(".")[:_LONGEST_NAME]
    if name == shipment_id:
        return name
    return f"{name}-{hashlib.sha256(shipment_id.encode()).hexdigest()[:8]}"


def _copy(source: Path, target: Path) -> None:
    """Write under another name first: a printer that watches the folder must not print half a label."""
    part = target.with_name(f".{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        # Never through what someone else put there: a link leads elsewhere, a pipe has no end.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
            file.write(source.read_bytes())
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        raise
