"""The append-only story of an order: every act of the machine or of a person, with its why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MACHINE = "packhouse"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something done, or decided, and why: what a journal entry says before it has an id and a time.

    `data` holds particulars for programs: numbers, ids, states. Never an address, a key or a buyer's name.
    `quoted` are somebody else's words, which may hold such things: they go to the journal, never to the log.
    """

    order_id: str
    action: str
    why: str = ""
    shipment_id: str = ""
    actor: str = MACHINE
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)
    quoted: str = ""


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
