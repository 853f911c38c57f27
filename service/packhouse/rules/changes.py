"""Whether what was planned or bought still fits the order as it is now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from packhouse.model.order import Order, Units
from packhouse.model.shipment import Shipment
from packhouse.rules.units import exceeds


def fingerprint(order: Order, units: Sequence[Units]) -> str:
    """A short hash of what matters to the parcel of these units: the address, and which products they are."""
    kinds = {line.id: (line.product_id, line.variant_id) for line in order.lines}
    matter = {
        "address": asdict(order.address) if order.address else None,
        "units": sorted((some.line_id, some.quantity, kinds.get(some.line_id)) for some in units),
    }
    text = json.dumps(matter, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# Order statuses with which nothing ships.
STOPPED = frozenset({"cancelled", "refunded", "returned"})


def shipping_conflict(order: Order, shipment: Shipment, others: Sequence[Shipment] = ()) -> str:
    """Why the shipment must not ship as the order is now; "" if it may."""
    if order.status in STOPPED:
        return f"the order is {order.status}"
    return conflict(order, shipment, others)


def conflict(order: Order, shipment: Shipment, others: Sequence[Shipment] = ()) -> str:
    """Why the shipment no longer fits the order, after the `others` have their units; "" if it fits."""
    if order.status == "fulfilled" and order.fulfillments is None and shipment.label is None:
        return "the store reports every unit as fulfilled"
    if exceeds(order, shipment, others):
        return "the order no longer has these units to ship"
    if shipment.fingerprint != fingerprint(order, shipment.units):
        return "the address or the items changed after planning"
    return ""


def is_missing_at_store(order: Order, shipment: Shipment) -> bool:
    """Whether the store does not show a shipment that was posted to it.

    A store that lists no fulfillments shows that only by an order that is still pending. A fulfillment
    without a tracking number may be ours.
    """
    if shipment.label is None or order.status in STOPPED:
        return False
    if order.fulfillments is None:
        return order.status == "pending"
    number = shipment.label.tracking_number
    return not any(record.is_of(number) or not record.tracking_number for record in order.fulfillments)
