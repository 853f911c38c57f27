"""Does what was planned or bought still fit the order as it stands now?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from packhouse.model.order import Order, Units
from packhouse.model.shipment import Shipment
from packhouse.rules.units import exceeds


def fingerprint(order: Order, units: Sequence[Units]) -> str:
    """A short hash of what matters to these units' parcel: the address, and what the units are."""
    kinds = {line.id: (line.product_id, line.variant_id) for line in order.lines}
    matter = {
        "address": asdict(order.address) if order.address else None,
        "units": sorted((some.line_id, some.quantity, kinds.get(some.line_id)) for some in units),
    }
    text = json.dumps(matter, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# With these nothing ships any more.
STOPPED = frozenset({"cancelled", "refunded", "returned"})


def shipping_conflict(order: Order, shipment: Shipment, beside: Sequence[Shipment] = ()) -> str:
    """Why the shipment must not leave any more, as the order stands now; "" if it may."""
    if order.status in STOPPED:
        return f"the order is {order.status}"
    return conflict(order, shipment, beside)


def conflict(order: Order, shipment: Shipment, beside: Sequence[Shipment] = ()) -> str:
    """Why the shipment no longer fits the order, beside those that come first; "" if it does."""
    if order.status == "fulfilled" and order.fulfillments is None and shipment.label is None:
        return "the store says that everything is fulfilled"
    if exceeds(order, shipment, beside):
        return "the order no longer has these units to ship"
    if shipment.fingerprint != fingerprint(order, shipment.units):
        return "the delivery address or the articles changed"
    return ""


def is_missing_at_store(order: Order, shipment: Shipment) -> bool:
    """Whether the store shows nothing of a shipment that it was told of. One that lists no fulfillments only
    shows that by an order that is still pending; a record without a number may be ours.
    """
    if shipment.label is None or order.status in STOPPED:
        return False
    if order.fulfillments is None:
        return order.status == "pending"
    numbers = {record.tracking_number for record in order.fulfillments}
    return shipment.label.tracking_number not in numbers and "" not in numbers
