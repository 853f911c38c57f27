"""Which units are still to ship: what the store leaves (model/line_units.py), without those we reserve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from packhouse.model.line_units import LineUnits, OwnUnits, line_units
from packhouse.model.order import Fulfillment, Order, Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.model.status_words import Outcome
from packhouse.model.tracking_number import canonical

_S = ShipmentState
_POSTED = frozenset({_S.FULFILLED, _S.DELIVERED})
_HAS_NUMBER = frozenset({_S.LABELED, _S.FULFILLED, _S.DELIVERED})


def counted(units: Iterable[Units]) -> Counter[str]:
    """Units by line."""
    total: Counter[str] = Counter()
    for some in units:
        total[some.line_id] += some.quantity
    return total


def listed(total: Counter[str], order: Order) -> tuple[Units, ...]:
    """Units in the order of the order's lines, without empty ones."""
    return tuple(Units(line.id, total[line.id]) for line in order.lines if total[line.id] > 0)


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of an order for new shipments.

    `left` are the units by line that ship if nothing is in doubt, `unshipped` these and the ones that our
    unposted shipments reserve. The others are the lines of which it is not known how many units have shipped,
    or how many of the unshipped ones are refunded.
    """

    left: Counter[str]
    unshipped: Counter[str]
    doubtful_shipping: tuple[LineUnits, ...]
    doubtful_refunds: tuple[LineUnits, ...]


def remaining(order: Order, shipments: Sequence[Shipment]) -> Counter[str]:
    """Units by line that are not shipped, refunded or reserved.

    A shipment of ours counts once: by the store's record of its tracking number, or by our own.
    """
    return remaining_units(order, shipments).left


def remaining_units(order: Order, shipments: Sequence[Shipment]) -> Remaining:
    """As `remaining`, with the lines for which the store leaves it open."""
    order = with_own_units(order, shipments)
    reserved = counted(
        some
        for shipment in shipments
        if shipment.state.reserves_units and shipment.state not in _POSTED and not _is_listed(order, shipment)
        for some in shipment.units
    )
    left: Counter[str] = Counter()
    unshipped: Counter[str] = Counter()
    doubtful_shipping: list[LineUnits] = []
    doubtful_refunds: list[LineUnits] = []
    for line_id, one in line_units(order, own_units(order, shipments)).items():
        ours = reserved[line_id]
        unshipped[line_id] = one.left
        if one.left > ours:
            left[line_id] = one.left - ours
        if one.is_contradicted or (one.overlap and one.left > ours):
            doubtful_shipping.append(one)
        if not one.is_refund_clear:
            doubtful_refunds.append(one)
    return Remaining(left, unshipped, tuple(doubtful_shipping), tuple(doubtful_refunds))


def exceeds(order: Order, shipment: Shipment, others: Sequence[Shipment] = ()) -> bool:
    """Whether a shipment has units that the order lacks: removed, refunded, shipped elsewhere, or needed by
    the `others`. Without a label it may have no unit in doubt; a label is given up only for certain.
    """
    order = _without_number_of(order, shipment)
    order = with_own_units(order, others)
    own = own_units(order, others)
    reserved = counted(
        some
        for other in others
        if other.state not in _POSTED and not _is_listed(order, other)
        for some in other.units
    )
    units = line_units(order, own)
    left = {line_id: one.most if shipment.label else one.left for line_id, one in units.items()}
    return any(
        quantity > left.get(line_id, 0) - reserved[line_id]
        for line_id, quantity in counted(shipment.units).items()
    )


def own_units(order: Order, shipments: Iterable[Shipment]) -> OwnUnits:
    """The units that Packhouse has posted to the store, and those of them that the store does not list."""
    posted: Counter[str] = Counter()
    unlisted: Counter[str] = Counter()
    smallest: dict[str, int] = {}
    for shipment in shipments:
        is_listed = _is_listed(order, shipment)
        if shipment.state in _POSTED or is_listed:
            posted.update(counted(shipment.units))
        if shipment.state in _POSTED and not is_listed:
            units = counted(shipment.units)
            unlisted.update(units)
            smallest |= {line: min(count, smallest.get(line, count)) for line, count in units.items()}
    return OwnUnits(posted, unlisted, smallest)


def with_own_units(order: Order, shipments: Iterable[Shipment]) -> Order:
    """The order with our units in each fulfillment of our own that names none."""
    ours = {
        canonical(one.label.tracking_number): one.units
        for one in shipments
        if one.label and one.state in _HAS_NUMBER
    }
    if not order.fulfillments or not ours:
        return order
    rows = tuple(
        row if row.units else replace(row, units=ours.get(canonical(row.tracking_number), ()))
        for row in order.fulfillments
    )
    return replace(order, fulfillments=rows)


def _without_number_of(order: Order, shipment: Shipment) -> Order:
    """The order as it would be without this shipment: a count on a line may include a post of it."""
    rows = order.fulfillments
    if rows is not None and shipment.label:
        number = shipment.label.tracking_number
        gone = counted(some for row in rows if row.is_of(number) for some in row.units)
        rows = tuple(row for row in rows if not row.is_of(number))
    else:
        gone = Counter()
    if rows is None and shipment.label and (shipment.post_body or shipment.state in _POSTED):
        gone = counted(shipment.units)
    lines = tuple(
        replace(
            line,
            shipped_counts=tuple(sorted({max(0, count - gone[line.id]) for count in line.shipped_counts})),
            open_counts=tuple(sorted({count + gone[line.id] for count in line.open_counts})),
        )
        if gone[line.id] and line.has_counts
        else line
        for line in order.lines
    )
    return replace(order, fulfillments=rows, lines=lines)


def _is_listed(order: Order, shipment: Shipment) -> bool:
    return bool(
        shipment.label
        and shipment.state in _HAS_NUMBER
        and any(
            row.is_of(shipment.label.tracking_number) and row.units and _counts(row)
            for row in order.fulfillments or ()
        )
    )


def _counts(row: Fulfillment) -> bool:
    return row.outcome is not Outcome.FAILED
