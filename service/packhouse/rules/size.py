"""Whether an order is of a size that ships without a person. A slip must not buy a thousand labels."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.config.guard import GuardSettings
from packhouse.model.order import Order, Units

_SHOWN = 5


def too_many_lines(order: Order, limits: GuardSettings) -> str:
    """Why the order has too many lines; "" if it has not."""
    if len(order.lines) <= limits.max_lines:
        return ""
    return f"it has {len(order.lines)} lines, and guard.max_lines is {limits.max_lines}"


def too_many_units(order: Order, units: Sequence[Units], limits: GuardSettings) -> str:
    """Which lines have too many units to ship; "" if none has."""
    large = [some for some in units if some.quantity > limits.max_line_units]
    if not large:
        return ""
    names = {line.id: line.name for line in order.lines}
    said = [f"{some.quantity} units of {names.get(some.line_id) or some.line_id}" for some in large[:_SHOWN]]
    more = f" and {len(large) - _SHOWN} other lines" if len(large) > _SHOWN else ""
    return f"{', '.join(said)}{more} to ship, and guard.max_line_units is {limits.max_line_units}"
