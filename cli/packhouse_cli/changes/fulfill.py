"""Units that left with a tracking number: which ones, and how the order shows it. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.model.order import Order, Units
from packhouse.store import requests
from packhouse_cli.changes import line_items
from packhouse_cli.changes.change import Act
from packhouse_cli.exit_codes import UsageError
from packhouse_cli.terminal.output import safe

FOR_GOOD = "The store cannot take a fulfillment back, and tells the buyer."


def fulfill_act(
    order: Order, carrier: str, tracking: str, named: Sequence[Units] = (), *, key: str = ""
) -> Act:
    """These units left, or (with none named) all that are left and not digital.

    Raises UsageError for what cannot have left, CommandError where none is left or the store does not say.
    """
    units = line_items.named_units(order, named)
    already = line_items.is_recorded(order, tracking, units)
    if already:
        units = units or line_items.recorded_units(order, tracking)
    elif units:
        _check(order, units)
    else:
        units = line_items.unshipped_units(order)
    chosen = key or line_items.key_for(order.id, carrier, tracking, units)
    what = ", ".join(f"{part.quantity} of {safe(part.line_id)}" for part in units) or "it"
    body = requests.fulfill_body(units, carrier, tracking) if units else b"{}"
    return Act(
        order=order,
        request=requests.fulfill(order.id, body, chosen),
        key=chosen,
        told=f"fulfill {what} of order {safe(order.id)} with {safe(carrier)} {safe(tracking)}",
        for_good=FOR_GOOD,
        shown_by=lambda now: line_items.is_recorded(now, tracking, units),
        already=already,
    )


def _check(order: Order, units: Sequence[Units]) -> None:
    for part in units:
        line = order.line(part.line_id)
        where = f"Line {safe(part.line_id)} of order {safe(order.id)}"
        if line is None:
            continue
        if line.is_digital:
            raise UsageError(f"{where} is digital: there is nothing to ship. Nothing was sent.")
        shipped = sum(
            unit.quantity
            for row in order.fulfillments or ()
            for unit in row.units
            if unit.line_id == part.line_id
        )
        if part.quantity > line.quantity - shipped:
            raise UsageError(
                f"{where} has {max(0, line.quantity - shipped)} units left to ship ({line.quantity} ordered, "
                f"{shipped} shipped), and {part.quantity} were asked for. Nothing was sent."
            )
