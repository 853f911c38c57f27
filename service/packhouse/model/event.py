"""The content of one webhook delivery. It says that an order changed; nothing is decided from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Where the store's webhooks come from: an event's id is unique within its source.
STORE: Final = "store"

# The order events of the store (docs/reference/webhooks.md); others are recorded and ignored.
ORDER_EVENTS = frozenset(
    {
        "order.created",
        "order.updated",
        "order.fulfilled",
        "order.partially_fulfilled",
        "order.refunded",
        "order.cancelled",
        "order.return_requested",
        "order.return_approved",
        "order.return_received",
        "order.exchange_requested",
        "order.exchange_approved",
    }
)

# Events that our own fulfillments cause. They confirm a fulfillment and are not urgent.
ECHO_EVENTS = frozenset({"order.fulfilled", "order.partially_fulfilled"})


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the signed body states it: its `id` is the sender's, unique within its `source`.

    `order_id` is "" when the event names no order.
    """

    id: str
    type: str
    order_id: str
    site_slug: str
    body: str
    source: str = STORE

    @property
    def is_known(self) -> bool:
        """Whether the event names an order and is of a known type."""
        return self.type in ORDER_EVENTS and bool(self.order_id)


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event as the inbox keeps it, without its body. Times are seconds since 1970 UTC.

    `outcome` is "accepted" (its order was woken), "ignored" (another type, or without an order) or
    "unreadable" (signed correctly, but the body could not be read).
    """

    id: str
    type: str
    order_id: str
    site_slug: str
    received_at: float
    outcome: str
    note: str = ""
