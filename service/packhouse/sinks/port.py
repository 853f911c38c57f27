"""The port of sinks, and the announcement they receive. A sink never blocks a shipment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from packhouse.model.shipment import Shipment


@dataclass(frozen=True, slots=True)
class PaperFile:
    """A paper to print with the label: its kind, such as "commercial_invoice", and its file."""

    kind: str
    file: Path


@dataclass(frozen=True, slots=True)
class Announcement:
    """A shipment that was posted to the store; `label_file` is None if there is no file.

    A paper that could only be fetched later follows in an announcement of its own, without the label's file.
    """

    shipment: Shipment
    label_file: Path | None
    papers: tuple[PaperFile, ...] = ()


class Sink(Protocol):
    """A receiver of announcements."""

    name: str

    async def announce(self, announcement: Announcement) -> None:
        """Pass the announcement on. May raise any error: the caller logs it and continues."""
