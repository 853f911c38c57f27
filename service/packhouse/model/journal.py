"""The append-only history of an order: each action of Packhouse or of an operator, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MACHINE = "packhouse"


@dataclass(frozen=True, slots=True)
class Entry:
    """What was done or decided, and why: a journal entry before it has an id and a time.

    `data` has details for programs: numbers, ids, states; never an address, a key or a buyer's name. `quoted`
    is text from the store, a provider or an error, which may contain such things: the journal gets it, the
    log does not.
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
    """One stored entry. `actor` is "packhouse" or an operator's name; `at` is in seconds since 1970 UTC."""

    id: int
    at: float
    order_id: str
    shipment_id: str
    actor: str
    action: str
    why: str
    data: dict[str, Any] = field(default_factory=dict, hash=False)
