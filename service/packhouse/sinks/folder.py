"""A folder of labels under names that people read: ORDER-NUMBER.pdf. Printers can watch it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from packhouse.sinks.port import Announcement


class FolderSink:
    """Links each label into a folder; the bytes are not copied. A file taken away does not come back."""

    name = "folder"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def announce(self, announcement: Announcement) -> None:
        """Make the label's readable name. Raises OSError."""
        source = announcement.label_file
        if source is None:
            return
        # An order id is the store's text: nothing of it may leave the folder.
        name = re.sub(r"[^A-Za-z0-9._-]", "_", announcement.shipment.id).lstrip(".")
        target = self._folder / f"{name}{source.suffix}"
        if not target.exists():
            try:
                os.link(source, target)
            except OSError:  # another file system, or one without links
                _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    """Under another name first: whoever watches the folder must never print half a label."""
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(source.read_bytes())
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        raise
