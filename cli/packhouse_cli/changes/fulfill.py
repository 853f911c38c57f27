"""A fulfillment: which units shipped with a tracking number, and how the order shows it. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.model.line_units import line_units
from packhouse.model.order import Order, Units, counted
from packhouse.store import requests
from packhouse.store.write_answers import shows_fulfillment
from packhouse_cli.changes import line_items
from packhouse_cli.changes.change import Change
from packhouse_cli.exit_codes import UsageError

IRREVERSIBLE_NOTE = "The store cannot undo a fulfillment, and it notifies the buyer."


def fulfill_change(
    order: Order, carrier: str, tracking: str, named: Sequence[Units] = (), *, key: str = ""
) -> Change:
    """Fulfill the named units; with none named, every unit that has not shipped and is not digital.

    Raises UsageError for units that cannot ship, and CommandError if no unit is left or if the store does not
    say which units have shipped.
    """
    units = line_items.named_units(order, named)
    already_recorded = line_items.is_recorded(order, tracking, units)
    if already_recorded:
        units = units or line_items.recorded_units(order, tracking)
    elif units:
        _check(order, units)
    else:
        units = line_items.unshipped_units(order)
    chosen = key or line_items.key_for(order.id, carrier, tracking, units)
    listed = ", ".join(f"{part.quantity} of {part.line_id}" for part in units) or "units"
    body = requests.fulfill_body(units, carrier, tracking) if units else b"{}"
    return Change(
        order=order,
        request=requests.fulfill(order.id, body, chosen),
        key=chosen,
        summary=f"fulfill {listed} of order {order.id} with {carrier} {tracking}",
        irreversible_note=IRREVERSIBLE_NOTE,
        is_visible_in=lambda now: line_items.is_recorded(now, tracking, units),
        already_recorded=already_recorded,
        is_shown_by=lambda answer: shows_fulfillment(answer, body),
        is_listed_in=lambda now: now.fulfillments is not None,
        unlisted_intent=(
            line_items.key_for(order.id, carrier, tracking, units) if order.fulfillments is None else ""
        ),
    )


def _check(order: Order, units: Sequence[Units]) -> None:
    """Raise UsageError, with the numbers, for units that cannot ship."""
    counts = line_units(order)
    for part in units:
        one = counts.get(part.line_id)
        name = f"Line {part.line_id} of order {order.id}"
        if one is None:
            continue
        if one.line.is_digital:
            raise UsageError(f"{name} is digital and cannot be shipped. Nothing was sent.")
        if part.quantity > one.most:
            refunded = f", {one.refunded} refunded" if one.refunded else ""
            raise UsageError(
                f"{name} has {counted([Units(part.line_id, one.most)])} left to ship "
                f"({one.line.quantity} ordered, {one.shipped_least} shipped{refunded}), and {part.quantity} "
                "were requested. Nothing was sent."
            )
