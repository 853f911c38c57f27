"""What the rules answer."""

from __future__ import annotations

from dataclasses import dataclass

from packhouse.model.hold import HoldCode
from packhouse.model.order import Units


@dataclass(frozen=True, slots=True)
class Ship:
    """These units are ours to ship, now."""

    units: tuple[Units, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a hold: a code and the particulars, for a shopkeeper."""

    code: HoldCode
    note: str


@dataclass(frozen=True, slots=True)
class NeedsHold:
    """Somebody must look, for these reasons."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing of it is ours to ship. `shipped`: because it has been shipped."""

    why: str
    shipped: bool = False


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The order must not ship any more: what is planned is cancelled, what is bought is voided."""

    why: str


Decision = Ship | NeedsHold | Skip | Withdraw
