"""The states of a shipment and of an order, and the only moves between them.

This table, the diagram in docs/concepts.md and the database's CHECK constraint agree; a test compares them.
"""

from __future__ import annotations

from enum import StrEnum


class ShipmentState(StrEnum):
    """The state of a shipment. Each member's sentence is in `MEANING`."""

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
        """Whether no move leaves this state."""
        return not MOVES[self]

    @property
    def reserves_units(self) -> bool:
        """Whether the shipment reserves its units: no other shipment may take them."""
        return self not in (ShipmentState.VOIDED, ShipmentState.CANCELLED)


_S = ShipmentState

MEANING: dict[ShipmentState, str] = {
    _S.PLANNED: "The units are chosen. Nothing is spent.",
    _S.HELD: "A hold is active. The shipment continues when the hold ends.",
    _S.BUYING: "The intent to buy is written. Money may be moving.",
    _S.UNKNOWN: "It is not known whether the label was bought. Packhouse looks it up before anything else.",
    _S.LABELED: "The label is bought. The store does not have its tracking number yet.",
    _S.FULFILLED: "The store has the tracking number.",
    _S.VOIDING: "The void of the label is requested, and followed to its end.",
    _S.VOIDED: "The label is void, and its cost is credited.",
    _S.CANCELLED: "Nothing was bought, and nothing will be.",
    _S.DELIVERED: "The carrier delivered the parcel.",
}

MOVES: dict[ShipmentState, dict[ShipmentState, str]] = {
    _S.PLANNED: {
        _S.HELD: "a hold is placed",
        _S.BUYING: "the intent to buy is written",
        _S.CANCELLED: "its units no longer ship",
    },
    _S.HELD: {
        _S.PLANNED: "its holds ended",
        _S.CANCELLED: "its units no longer ship",
        _S.LABELED: "an operator adopts a label, or shipped the parcel",
        _S.VOIDING: "an operator requests the void again",
    },
    _S.BUYING: {
        _S.LABELED: "the label is bought",
        _S.PLANNED: "the label is certainly not bought",
        _S.UNKNOWN: "the outcome is not known",
    },
    _S.UNKNOWN: {
        _S.LABELED: "the provider has the label",
        _S.PLANNED: "the label is certainly not bought",
        _S.VOIDING: "the label is being voided at the provider",
        _S.VOIDED: "the label was voided at the provider",
        _S.HELD: "an operator must look it up",
    },
    _S.LABELED: {
        _S.FULFILLED: "the fulfillment is posted to the store",
        _S.VOIDING: "the label will not ship",
        _S.VOIDED: "the label was voided at the provider",
    },
    _S.FULFILLED: {_S.DELIVERED: "the tracker reports the delivery"},
    _S.VOIDING: {
        _S.VOIDED: "the label's cost is credited",
        _S.HELD: "the provider refused the void",
    },
    _S.VOIDED: {},
    _S.CANCELLED: {},
    _S.DELIVERED: {},
}


class OrderPhase(StrEnum):
    """The phase of an order in Packhouse. The store's own status is kept next to it, in the store's words."""

    OPEN = "open"
    HELD = "held"
    SHIPPED = "shipped"
    CLOSED = "closed"


PHASE_MEANING: dict[OrderPhase, str] = {
    OrderPhase.OPEN: "There is work to do, now or at the due time.",
    OrderPhase.HELD: "A hold is active. packhouse why ORDER shows what to do.",
    OrderPhase.SHIPPED: "Every unit that Packhouse had to ship is fulfilled in the store.",
    OrderPhase.CLOSED: "Nothing is left to ship: cancelled, refunded, digital, or shipped elsewhere.",
}


class LabelState(StrEnum):
    """The state of a bought label's money."""

    BOUGHT = "bought"
    VOIDING = "voiding"
    VOIDED = "voided"
    VOID_REFUSED = "void_refused"
