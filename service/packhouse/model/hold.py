"""Reasons why a shipment or an order may not go on, in a shopkeeper's words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class HoldCode(StrEnum):
    """Why something is held. `SENTENCE` says what it means and what to do."""

    ADDRESS_INCOMPLETE = "address_incomplete"
    DIGITAL_UNKNOWN = "digital_unknown"
    WEIGHT_MISSING = "weight_missing"
    TOO_HEAVY = "too_heavy"
    STATUS_UNKNOWN = "status_unknown"
    PARTLY_FULFILLED_UNCLEAR = "partly_fulfilled_unclear"
    REFUND_UNCLEAR = "refund_unclear"
    ORDER_UNREADABLE = "order_unreadable"
    STORE_FORBIDS = "store_forbids"
    STORE_REFUSED = "store_refused"
    NO_RATE = "no_rate"
    PROVIDER_REFUSED = "provider_refused"
    PURCHASE_UNKNOWN = "purchase_unknown"
    CAP_REACHED = "cap_reached"
    PRICE_DRIFT = "price_drift"
    ORDER_CHANGED = "order_changed"
    VOID_REFUSED = "void_refused"
    REPEATED_FAILURE = "repeated_failure"
    MANUAL = "manual"
    VOID_REQUESTED = "void_requested"
    EXTERNAL_POSTING = "external_posting"
    TAKEN_OVER = "taken_over"
    VOID_PENDING = "void_pending"
    FULFILLMENT_MISSING = "fulfillment_missing"


SENTENCE: dict[HoldCode, str] = {
    HoldCode.ADDRESS_INCOMPLETE: "The delivery address is incomplete; correct it in the store.",
    HoldCode.DIGITAL_UNKNOWN: "It is not known whether a product is digital; mark it in the catalogue.",
    HoldCode.WEIGHT_MISSING: "The weight of a product is not known; set it in packhouse.toml.",
    HoldCode.TOO_HEAVY: "A single unit is heavier than the heaviest parcel allowed.",
    HoldCode.STATUS_UNKNOWN: "The store reports a status that is not known here; look at the order there.",
    HoldCode.PARTLY_FULFILLED_UNCLEAR: "Somebody shipped a part, and the store does not say which units.",
    HoldCode.REFUND_UNCLEAR: "Money was refunded, and the store does not say for which units.",
    HoldCode.ORDER_UNREADABLE: "The store's answer for this order cannot be read safely.",
    HoldCode.STORE_FORBIDS: "The store does not let this API key read or fulfill this order.",
    HoldCode.STORE_REFUSED: "The label is bought, but the store refuses the fulfillment; look there.",
    HoldCode.NO_RATE: "The carrier offers no service for this parcel and address.",
    HoldCode.PROVIDER_REFUSED: "The carrier refuses to sell this label; its reason is in the note.",
    HoldCode.PURCHASE_UNKNOWN: "Nobody can tell whether the label was bought; look at the carrier's account.",
    HoldCode.CAP_REACHED: "Buying this label would go over a spending cap.",
    HoldCode.PRICE_DRIFT: "The price is not the one that was first offered.",
    HoldCode.ORDER_CHANGED: "The order changed after its parcel was posted; stop it or tell the buyer.",
    HoldCode.VOID_REFUSED: "The carrier refuses to take the label back; ask its support for the money.",
    HoldCode.REPEATED_FAILURE: "This order has failed many times in a row; the last error is in the note.",
    HoldCode.MANUAL: "A person placed this hold.",
    HoldCode.VOID_REQUESTED: "A person wants this label's money back; it is asked for as soon as that is safe.",
    HoldCode.EXTERNAL_POSTING: "A person or a program posts this label; release it and Packhouse does.",
    HoldCode.TAKEN_OVER: "A person has this order in hand; Packhouse waits until that is done.",
    HoldCode.VOID_PENDING: "The money of a label is not back yet; release this to buy anew.",
    HoldCode.FULFILLMENT_MISSING: "The store took the fulfillment and does not show it; look there.",
}

# Holds that the machine checks again at each look, and lifts itself when their cause has gone. Of the others
# it lifts CARRIER_REFUSED and NO_RATE when the order was changed, CAP_REACHED when there is room again,
# NOT_RECORDED when it is, and each with its shipment's end; the rest wait for a person.
RECHECKED = frozenset(
    {
        HoldCode.ADDRESS_INCOMPLETE,
        HoldCode.DIGITAL_UNKNOWN,
        HoldCode.WEIGHT_MISSING,
        HoldCode.TOO_HEAVY,
        HoldCode.STATUS_UNKNOWN,
        HoldCode.PARTLY_FULFILLED_UNCLEAR,
        HoldCode.REFUND_UNCLEAR,
        HoldCode.ORDER_UNREADABLE,
        HoldCode.STORE_FORBIDS,
    }
)

# The machine's reasons that a person may set aside and say "ship it": a release of these makes it go on.
MAY_BE_WAIVED = frozenset(
    {
        HoldCode.ADDRESS_INCOMPLETE,
        HoldCode.DIGITAL_UNKNOWN,
        HoldCode.STATUS_UNKNOWN,
        HoldCode.PARTLY_FULFILLED_UNCLEAR,
        HoldCode.REFUND_UNCLEAR,
        HoldCode.STORE_REFUSED,
        HoldCode.NO_RATE,
        HoldCode.PROVIDER_REFUSED,
        HoldCode.PRICE_DRIFT,
        HoldCode.REPEATED_FAILURE,
    }
)

# What a person asked for, and can take back by releasing it.
ASKED_BY_PERSON = frozenset(
    {HoldCode.MANUAL, HoldCode.VOID_REQUESTED, HoldCode.EXTERNAL_POSTING, HoldCode.TAKEN_OVER}
)

UNTIL_CHANGED = frozenset({HoldCode.PROVIDER_REFUSED, HoldCode.NO_RATE})


@dataclass(frozen=True, slots=True)
class Hold:
    """One standing or released reason. `shipment_id` is "" when it stands on the whole order.

    `fingerprint` is that of the facts it rests on (rules/causes.py), as they were when it was placed. Times
    are seconds since 1970 UTC.
    """

    id: int
    order_id: str
    shipment_id: str
    code: HoldCode
    note: str
    fingerprint: str
    placed_by: str
    placed_at: float
    released_by: str = ""
    released_at: float | None = None
    release_reason: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it still blocks."""
        return self.released_at is None

    @property
    def sentence(self) -> str:
        """What it means, for a shopkeeper, with the particulars."""
        return f"{SENTENCE[self.code]} {self.note}".strip()
