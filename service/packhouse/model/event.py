"""One webhook delivery's content: a hint that an order changed, never a fact to act on."""

from __future__ import annotations

from dataclasses import dataclass

# The order events of the store (docs/reference/webhooks.md); others are recorded and ignored.
ORDER_EVENTS = frozenset(
    f"order.{what}"
    for what in (
        "created updated fulfilled partially_fulfilled refunded cancelled return_requested return_approved "
        "return_received exchange_requested exchange_approved"
    ).split()
)

# Events that our own fulfillments cause; they confirm, they are not urgent.
ECHO_EVENTS = frozenset({"order.fulfilled", "order.partially_fulfilled"})


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the signed body tells it. `order_id` is "" when the event names no order."""

    id: str
    type: str
    order_id: str
    site_slug: str
    created_at: str
    body: str

    @property
    def is_known(self) -> bool:
        """Whether it is about an order, in a way we know."""
        return self.type in ORDER_EVENTS and bool(self.order_id)
