"""Which units are still to ship: ordered, minus refunded, minus shipped, minus reserved by our shipments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from packhouse.model.order import Order, Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState


def counted(units: Iterable[Units]) -> Counter[str]:
    """Units by line."""
    total: Counter[str] = Counter()
    for some in units:
        total[some.line_id] += some.quantity
    return total


def listed(total: Counter[str], order: Order) -> tuple[Units, ...]:
    """Units in the order of the order's lines, without empty ones."""
    return tuple(Units(line.id, total[line.id]) for line in order.lines if total[line.id] > 0)


def remaining(order: Order, shipments: Sequence[Shipment]) -> Counter[str]:
    """Units by line that are not shipped, refunded or reserved.

    A shipment of ours counts once: by the store's record of its tracking number, or by our own.
    """
    left = counted(Units(line.id, line.quantity) for line in order.lines)
    for record in order.fulfillments or ():
        left.subtract(counted(record.units))
    for refund in order.refunds or ():
        left.subtract(counted(refund.units))
    for shipment in shipments:
        if shipment.state.reserves_units and not _is_recorded(order, shipment):
            left.subtract(counted(shipment.units))
    return Counter({line_id: quantity for line_id, quantity in left.items() if quantity > 0})


def exceeds(order: Order, shipment: Shipment, others: Sequence[Shipment] = ()) -> bool:
    """Whether a shipment has units that the order lacks: removed, refunded, shipped elsewhere, or needed by
    the `others`.
    """
    left = counted(Units(line.id, line.quantity) for line in order.lines)
    for record in order.fulfillments or ():
        if not (shipment.label and record.is_of(shipment.label.tracking_number)):
            left.subtract(counted(record.units))
    for refund in order.refunds or ():
        left.subtract(counted(refund.units))
    for other in others:
        if not _is_recorded(order, other):
            left.subtract(counted(other.units))
    return any(quantity > left[line_id] for line_id, quantity in counted(shipment.units).items())


def _is_recorded(order: Order, shipment: Shipment) -> bool:
    return bool(
        shipment.label
        and shipment.state in (ShipmentState.LABELED, ShipmentState.FULFILLED, ShipmentState.DELIVERED)
        and any(
            record.units and record.is_of(shipment.label.tracking_number)
            for record in order.fulfillments or ()
        )
    )
