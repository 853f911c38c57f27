"""Which units are still to ship: ordered, less refunded, less shipped by anybody, less promised by us."""

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
    """Units by line that nobody has shipped, refunded or promised.

    A shipment of ours counts once: either by the store's record of its tracking number, or by our own.
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


def exceeds(order: Order, shipment: Shipment, beside: Sequence[Shipment] = ()) -> bool:
    """Whether a shipment holds units that are gone from the order: removed, refunded, shipped by others, or
    needed by the shipments `beside` it.
    """
    others = counted(Units(line.id, line.quantity) for line in order.lines)
    for record in order.fulfillments or ():
        if not (shipment.label and record.tracking_number == shipment.label.tracking_number):
            others.subtract(counted(record.units))
    for refund in order.refunds or ():
        others.subtract(counted(refund.units))
    for other in beside:
        if not _is_recorded(order, other):
            others.subtract(counted(other.units))
    return any(quantity > others[line_id] for line_id, quantity in counted(shipment.units).items())


def _is_recorded(order: Order, shipment: Shipment) -> bool:
    return bool(
        shipment.label
        and shipment.state in (ShipmentState.LABELED, ShipmentState.FULFILLED, ShipmentState.DELIVERED)
        and any(
            record.tracking_number == shipment.label.tracking_number and record.units
            for record in order.fulfillments or ()
        )
    )
