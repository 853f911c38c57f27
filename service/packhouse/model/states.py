"""The states of a shipment and of an order, and the only moves between them.

The table here, the diagram in docs/concepts.md and the database's CHECK constraint are one truth; a test
holds them together.
"""

from __future__ import annotations

from enum import StrEnum


class ShipmentState(StrEnum):
    """Where a shipment stands. Each member's sentence is in `MEANING`."""

    PLANNED = "planned"
    HELD = "held"
    BUYING = "buying"
    UNKNOWN = "unknown"
    LABELED = "labeled"
    FULFILLED = "fulfilled"
    VOIDING = "voiding"
    VOIDED = "voided"
    CANCELLED = "cancelled"
    DELIVERED = "delivered"

    @property
    def is_final(self) -> bool:
        """Nothing leaves this state."""
        return not MOVES[self]

    @property
    def reserves_units(self) -> bool:
        """The shipment's units are spoken for: no other shipment may take them."""
        return self not in (ShipmentState.VOIDED, ShipmentState.CANCELLED)


_S = ShipmentState

MEANING: dict[ShipmentState, str] = {
    _S.PLANNED: "Units are chosen, nothing is spent.",
    _S.HELD: "One or more holds stand; a person or a clock lets it go on.",
    _S.BUYING: "The intent to buy is written; money may be moving.",
    _S.UNKNOWN: "We cannot tell whether the label was bought; it is looked up before anything else happens.",
    _S.LABELED: "The label is bought and kept; the store does not know yet.",
    _S.FULFILLED: "The store has the tracking number.",
    _S.VOIDING: "We asked for the money back and follow that to its end.",
    _S.VOIDED: "The label is void and the money is back.",
    _S.CANCELLED: "Nothing was bought and nothing will be.",
    _S.DELIVERED: "The carrier says it has arrived.",
}

MOVES: dict[ShipmentState, dict[ShipmentState, str]] = {
    _S.PLANNED: {
        _S.HELD: "a rule, the carrier or a person placed a hold",
        _S.BUYING: "intent written",
        _S.CANCELLED: "nothing left to ship",
    },
    _S.HELD: {
        _S.PLANNED: "holds released",
        _S.CANCELLED: "nothing left to ship",
        _S.LABELED: "a person adopts a label, or has sent it off",
        _S.VOIDING: "a person asks for the money again",
    },
    _S.BUYING: {
        _S.LABELED: "bought",
        _S.PLANNED: "known not bought",
        _S.UNKNOWN: "no clear answer",
    },
    _S.UNKNOWN: {
        _S.LABELED: "found at the carrier",
        _S.PLANNED: "known not bought",
        _S.HELD: "a person decides",
    },
    _S.LABELED: {
        _S.FULFILLED: "posted to the store",
        _S.VOIDING: "must not ship",
    },
    _S.FULFILLED: {_S.DELIVERED: "tracker says delivered"},
    _S.VOIDING: {
        _S.VOIDED: "money is back",
        _S.HELD: "void refused: a person decides",
    },
    _S.VOIDED: {},
    _S.CANCELLED: {},
    _S.DELIVERED: {},
}


class OrderPhase(StrEnum):
    """Where an order stands with us; the store's own status is kept beside it, in the store's words."""

    OPEN = "open"
    HELD = "held"
    SHIPPED = "shipped"
    CLOSED = "closed"


PHASE_MEANING: dict[OrderPhase, str] = {
    OrderPhase.OPEN: "There is work to do, now or at its due time.",
    OrderPhase.HELD: "A hold stands; a person can see why and release it.",
    OrderPhase.SHIPPED: "Every unit that was ours to ship is fulfilled at the store.",
    OrderPhase.CLOSED: "Left alone, with the reason: cancelled, refunded, digital, shipped by somebody else.",
}


class LabelState(StrEnum):
    """Where a bought label's money stands."""

    BOUGHT = "bought"
    VOIDING = "voiding"
    VOIDED = "voided"
    VOID_REFUSED = "void_refused"
