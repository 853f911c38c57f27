"""Whether what was planned or bought still fits the order as it is now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from packhouse.model.line_units import CANCELLED, ENDED, end_of, is_fulfilled_by_status, says_nothing_of_units
from packhouse.model.order import Order, Units
from packhouse.model.shipment import Shipment
from packhouse.model.status_words import Outcome
from packhouse.rules.units import counted, exceeds


def fingerprint(order: Order, units: Sequence[Units]) -> str:
    """A short hash of what matters to the parcel of these units: the address, and which products they are."""
    kinds = {line.id: (line.product_id, line.variant_id) for line in order.lines}
    matter = {
        "address": order.address.parts() if order.address else None,
        "units": sorted((some.line_id, some.quantity, kinds.get(some.line_id)) for some in units),
    }
    text = json.dumps(matter, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def shipping_conflict(order: Order, shipment: Shipment, others: Sequence[Shipment] = ()) -> str:
    """Why the shipment must not ship as the order is now; "" if it may."""
    if end := end_of(order):
        return f"the order is {end}"
    return conflict(order, shipment, others)


def conflict(order: Order, shipment: Shipment, others: Sequence[Shipment] = ()) -> str:
    """Why the shipment no longer fits the order, after the `others` have their units; "" if it fits."""
    if is_fulfilled_by_status(order) and shipment.label is None:
        return "the store reports every unit as fulfilled"
    if exceeds(order, shipment, others):
        return "the order no longer has these units to ship"
    if shipment.fingerprint != fingerprint(order, shipment.units):
        return "the address or the items changed after planning"
    return ""


def is_missing_at_store(order: Order, shipment: Shipment) -> bool:
    """Whether the store does not show a shipment that was posted to it, or shows it as cancelled.

    A store that lists no fulfillments shows that by the counts of its lines, or else only by an order that is
    still pending. A fulfillment without a tracking number may be ours.
    """
    if shipment.label is None or order.status == CANCELLED or order.status in ENDED:
        return False
    if order.fulfillments is None:
        if says_nothing_of_units(order):
            return order.status == "pending"
        return any(
            line.shipped_counts and max(line.shipped_counts) < counted(shipment.units)[line.id]
            for line in order.lines
        )
    number = shipment.label.tracking_number
    return not any(
        row.outcome is not Outcome.FAILED and (row.is_of(number) or not row.tracking_number)
        for row in order.fulfillments
    )
