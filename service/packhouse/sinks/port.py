"""What an announcement is, and what a sink does with it. A sink never blocks a shipment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from packhouse.model.shipment import Shipment


@dataclass(frozen=True, slots=True)
class Announcement:
    """A shipment has been posted to the store; `label_file` is its label, None where there is no file."""

    shipment: Shipment
    label_file: Path | None


class Sink(Protocol):
    """Somewhere to announce to."""

    name: str

    async def announce(self, announcement: Announcement) -> None:
        """Pass it on. May raise anything: the caller logs it and goes on."""
