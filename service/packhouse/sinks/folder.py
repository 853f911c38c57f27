"""A folder of label files with readable names: ORDER-NUMBER.pdf. A printer can watch it."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from packhouse.sinks.port import Announcement

_LONGEST_NAME = 200


class FolderSink:
    """Links each label file into a folder without a copy. A file that is removed is not created again."""

    name = "folder"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def announce(self, announcement: Announcement) -> None:
        """Link the label under its readable name. Raises OSError."""
        source = announcement.label_file
        if source is None:
            return
        target = self._folder / f"{_file_name(announcement.shipment.id)}{source.suffix}"
        if not target.exists():
            try:
                os.link(source, target)
            except OSError:  # another file system, or a file system without links
                _copy(source, target)


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
        part.write_bytes(source.read_bytes())
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        raise
