"""What the store's words for the state of a fulfillment, a refund or a return mean. Each is an open set."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of the matter that a row records.

    `OPEN`: it may still succeed or fail, or its word is not known.
    """

    DONE = "done"
    OPEN = "open"
    FAILED = "failed"


_FAILED = frozenset(
    [
        "cancelled",
        "cancel",
        "failed",
        "failure",
        "fail",
        "error",
        "errored",
        "void",
        "voided",
        "rejected",
        "refused",
        "declined",
        "denied",
        "deleted",
        "removed",
        "reversed",
        "expired",
        "aborted",
        "undone",
        "not_fulfilled",
        "unfulfilled",
        "not_shipped",
        "unshipped",
    ]
)
# The units of a parcel that has a label already are not shipped a second time.
_SHIPPED = frozenset(
    [
        "success",
        "succeeded",
        "successful",
        "fulfilled",
        "shipped",
        "complete",
        "completed",
        "done",
        "delivered",
        "in_transit",
        "transit",
        "out_for_delivery",
        "sent",
        "dispatched",
        "posted",
        "picked_up",
        "collected",
        "ready_for_pickup",
        "attempted_delivery",
        "packed",
        "label_created",
        "label_printed",
        "label_purchased",
        "pre_transit",
        "ready_to_ship",
        "returned",
        "closed",
        "confirmed",
        "active",
        "partially_fulfilled",
        "partial",
        "created",
        "recorded",
    ]
)
_REFUNDED = frozenset(
    [
        "success",
        "succeeded",
        "successful",
        "refunded",
        "complete",
        "completed",
        "done",
        "processed",
        "paid",
        "settled",
        "closed",
        "captured",
        "partial",
        "partially_refunded",
        "issued",
    ]
)
_RECEIVED = frozenset(
    [
        "received",
        "complete",
        "completed",
        "done",
        "restocked",
        "refunded",
        "inspected",
        "processed",
        "closed",
        "returned",
    ]
)


def word(status: str) -> str:
    """A status as one word in lower case, with one spelling: "Partially-Shipped", "canceled"."""
    plain = "_".join(status.replace("-", " ").replace("_", " ").lower().split())
    return plain.replace("canceled", "cancelled").replace("fulfilment", "fulfillment")


def fulfillment_outcome(status: str) -> Outcome:
    """Whether a fulfillment's units have shipped. A row without a status has."""
    return _outcome(status, _SHIPPED)


def refund_outcome(status: str) -> Outcome:
    """Whether a refund was made. A row without a status was."""
    return _outcome(status, _REFUNDED)


def return_outcome(status: str) -> Outcome:
    """Whether the units of a return or an exchange came back. One without a status is still open."""
    return _outcome(status, _RECEIVED) if word(status) else Outcome.OPEN


def _outcome(status: str, done: frozenset[str]) -> Outcome:
    plain = word(status)
    if not plain or plain in done:
        return Outcome.DONE
    return Outcome.FAILED if plain in _FAILED else Outcome.OPEN
