"""The units that a command names, and the key that makes a repeated command harmless. No I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from packhouse.model.line_units import LineUnits, line_units, says_nothing_of_units
from packhouse.model.order import Fulfillment, Line, Order, Units, counted
from packhouse.model.status_words import Outcome
from packhouse.model.tracking_number import canonical
from packhouse.model.unit_doubts import refund_doubts, shipping_doubts
from packhouse_cli.exit_codes import CommandError, Exit, UsageError


def parse_item(text: str) -> Units:
    """Parse `li_1:2` as two units of line li_1. Raises UsageError."""
    line_id, colon, number = text.rpartition(":")
    if not colon or not line_id or not number.isascii() or not number.isdigit() or int(number) < 1:
        raise UsageError(
            f"--item {text!r} must be LINE:QUANTITY with a quantity of 1 or more, such as li_1:2."
        )
    return Units(line_id, int(number))


def named_units(order: Order, named: Sequence[Units]) -> tuple[Units, ...]:
    """The units that an operator named, with one entry for each line, in the order of the lines.

    Raises UsageError for a line that the order does not have, and for more units than were ordered.
    """
    wanted: dict[str, int] = {}
    for units in named:
        wanted[units.line_id] = wanted.get(units.line_id, 0) + units.quantity
    for line_id, quantity in wanted.items():
        line = order.line(line_id)
        if line is None:
            lines = ", ".join(known.id for known in order.lines) or "none"
            raise UsageError(f"Order {order.id} has no line {line_id!r}. Its lines are: {lines}.")
        if quantity > line.quantity:
            raise UsageError(
                f"Line {line_id} has {counted([Units(line.id, line.quantity)])}, "
                f"and {quantity} were requested."
            )
    return tuple(Units(line.id, wanted[line.id]) for line in order.lines if line.id in wanted)


def unshipped_units(order: Order) -> tuple[Units, ...]:
    """Every unit that is left to ship, as the daemon counts it, without the lines that are digital.

    Raises CommandError if the store does not say which units have shipped or are refunded, or if no unit is
    left.
    """
    counts = {one: units for one, units in line_units(order).items() if not units.line.is_digital}
    units = tuple(Units(line_id, one.left) for line_id, one in counts.items() if one.left)
    doubts = _doubts(order, units, list(counts.values()))
    if doubts:
        raise CommandError(
            f"The store does not say which units of order {order.id} ({order.status}) are left to ship: "
            f"{'; '.join(doubts)}. Name the units of this parcel with --item LINE:QUANTITY.",
            Exit.CONFLICT,
            "unclear",
        )
    if not units:
        raise CommandError(
            f"Order {order.id} ({order.status}) has no unit left to ship.",
            Exit.CONFLICT,
            "nothing_left",
        )
    return units


def _doubts(order: Order, units: Sequence[Units], counts: Sequence[LineUnits]) -> list[str]:
    if says_nothing_of_units(order) and order.status not in ("pending", ""):
        return ["it shows neither fulfillments nor counts"]
    contradicted = [one for one in counts if one.is_contradicted]
    if not units and not contradicted:
        return []
    doubts = shipping_doubts(order, units, contradicted, [one.line.id for one in counts])
    # What was in doubt is named as a release of a hold would ship it; the command has no hold.
    doubts += refund_doubts(order, units, [one for one in counts if not one.is_refund_clear])
    return [doubt.partition("; a release")[0] for doubt in doubts]


def digital_lines(order: Order) -> tuple[Line, ...]:
    """The lines that the order calls digital."""
    return tuple(line for line in order.lines if line.is_digital)


def is_recorded(order: Order, tracking_number: str, units: Sequence[Units]) -> bool:
    """Whether the store has this tracking number with at least these units.

    Without `units`, or if the store does not say which units its fulfillments cover, the number is enough.
    """
    rows = _rows(order, tracking_number)
    if not rows or not units:
        return bool(rows)
    if any(not row.units for row in rows):
        return True
    recorded: dict[str, int] = {}
    for part in recorded_units(order, tracking_number):
        recorded[part.line_id] = recorded.get(part.line_id, 0) + part.quantity
    return all(recorded.get(part.line_id, 0) >= part.quantity for part in units)


def recorded_units(order: Order, tracking_number: str) -> tuple[Units, ...]:
    """The units that the store records under this tracking number; empty if it does not say."""
    return tuple(part for row in _rows(order, tracking_number) for part in row.units)


def _rows(order: Order, tracking_number: str) -> list[Fulfillment]:
    """The fulfillments of this number, without those that were cancelled or failed."""
    return [
        row
        for row in order.fulfillments or ()
        if row.is_of(tracking_number) and row.outcome is not Outcome.FAILED
    ]


def key_for(order_id: str, carrier: str, tracking_number: str, units: Sequence[Units]) -> str:
    """The idempotency key of a fulfillment. Equal fulfillments have equal keys in every writing."""
    number = canonical(tracking_number) or tracking_number
    intent = [order_id, carrier, number, sorted([part.line_id, part.quantity] for part in units)]
    digest = hashlib.sha256(json.dumps(intent, separators=(",", ":")).encode()).hexdigest()
    return f"packhouse-cli-{digest[:32]}"
