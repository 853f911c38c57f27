"""The append-only story of an order: every act of the machine or of a person, with its why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MACHINE = "packhouse"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One act. `actor` is "packhouse" or a person's name; `why` a sentence; `at` seconds since 1970 UTC."""

    id: int
    at: float
    order_id: str
    shipment_id: str
    actor: str
    action: str
    why: str
    data: dict[str, Any] = field(default_factory=dict, hash=False)
