"""The port of sinks, and the announcement they receive. A sink never blocks a shipment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from packhouse.model.shipment import Shipment


@dataclass(frozen=True, slots=True)
class Announcement:
    """A shipment that was posted to the store; `label_file` is None if there is no file."""

    shipment: Shipment
    label_file: Path | None


class Sink(Protocol):
    """A receiver of announcements."""

    name: str

    async def announce(self, announcement: Announcement) -> None:
        """Pass the announcement on. May raise any error: the caller logs it and continues."""
