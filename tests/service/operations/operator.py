"""What an operator and the command do to an order, for the tests of operations."""

from __future__ import annotations

from packhouse.model.order import Units
from packhouse.sandbox.store.state import EXTERNAL, StoreOrder
from packhouse.store.protocol import fulfill_body
from tests.service.harness import Harness

BY = {"reason": "shipped by the operator", "actor": "ada"}


async def fulfill_at_store(harness: Harness, order: StoreOrder, tracking: str, carrier: str = "USPS") -> None:
    """Fulfill every physical line of the order at the store, as the command does."""
    shown = await harness.store.order(order.id)
    units = tuple(Units(line.id, line.quantity) for line in shown.lines if not line.is_digital)
    if tracking.startswith(("1Z", "HAND")):
        pairs = [(each.line_id, each.quantity) for each in units]
        harness.sandbox.store.fulfill(order, pairs, carrier, tracking, recorded_by=EXTERNAL)
    else:
        await harness.store.fulfill(order.id, fulfill_body(units, carrier, tracking), f"hand-{tracking}")
