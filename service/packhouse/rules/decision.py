"""What the rules decide about an order."""

from __future__ import annotations

from dataclasses import dataclass

from packhouse.model.hold import HoldCode
from packhouse.model.order import Units
from packhouse.model.text import shortened


@dataclass(frozen=True, slots=True)
class Ship:
    """These units may ship now."""

    units: tuple[Units, ...]


# Of a longer detail people read the beginning.
_LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a hold: its kind and the detail, which has a bounded length."""

    code: HoldCode
    note: str

    def __post_init__(self) -> None:
        """Shorten the detail."""
        object.__setattr__(self, "note", shortened(self.note, _LONGEST_NOTE))


@dataclass(frozen=True, slots=True)
class NeedsHold:
    """The order waits, for these reasons."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """No unit is left for Packhouse to ship. `shipped`: because every unit has shipped."""

    why: str
    shipped: bool = False


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The order must not ship: what is planned is cancelled, what is bought is voided."""

    why: str


Decision = Ship | NeedsHold | Skip | Withdraw
