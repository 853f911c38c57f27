"""What the store leaves open about the units of an order, in words for a hold or for the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from packhouse.model.line_units import LineUnits, line_units, refunds_that_count, unknown_lines
from packhouse.model.order import Order, RefundRecord, Units
from packhouse.model.status_words import Outcome
from packhouse.model.tracking_number import canonical


def shipping_doubts(
    order: Order,
    units: Sequence[Units],
    doubtful: Iterable[LineUnits],
    parcels: Collection[str],
    own_numbers: Collection[str] = (),
    *,
    is_posted: bool = False,
) -> list[str]:
    """Why it is not clear which units have shipped; empty if it is.

    `units` have not shipped, `parcels` are the ids of the lines that need a parcel. `own_numbers` are the
    caller's tracking numbers, `is_posted` says that some of its units are, or may be, posted.
    """
    uncounted = [line for line in order.lines if line.id in parcels and not line.has_counts]
    doubts = [_contradiction(one) for one in doubtful]
    for row in order.fulfillments or ():
        is_vague = not row.units and row.outcome is not Outcome.FAILED
        if is_vague and canonical(row.tracking_number) not in own_numbers and uncounted:
            doubts.append(" ".join(("fulfillment", row.tracking_number, "names no units")).replace("  ", " "))
    if missing := unknown_lines(order):
        doubts.append(f"the store names {', '.join(missing)}, and the order has no such line")
    if order.fulfillments is None and any(line.partly_shipped for line in uncounted):
        doubts.append("a line is partly fulfilled, and the store does not count its units")
    if order.status in ("fulfilled", "returned") and units:
        doubts.append(f"the order is {order.status} in the store, and {_are(order, units)} in no fulfillment")
    elif order.status == "partially_fulfilled" and not doubts and not is_posted:
        nothing_shipped = not any(one.shipped for one in line_units(order).values())
        # A line that needs no parcel may be the fulfilled part.
        is_whole = len(parcels) == len(order.lines)
        if (order.fulfillments is None and uncounted) or (nothing_shipped and is_whole):
            doubts.append("the order is partially fulfilled, and no unit is shown as shipped")
    return doubts


def refund_doubts(order: Order, units: Sequence[Units], doubtful: Iterable[LineUnits]) -> list[str]:
    """Why it is not clear which units are refunded; empty if it is. `units` have not shipped."""
    doubts = [
        f"{one.line.quantity} of {_name(one)} ordered, {one.shipped} shipped, and a refund of "
        f"{_count(one.refunded_most - one.refunded)} is pending, or may be of shipped units; {_release(one)}"
        for one in doubtful
    ]
    doubts += [_vague(refund) for refund in refunds_that_count(order) if not refund.units]
    if order.status == "refunded" and units and not doubts:
        doubts.append(f"the order is refunded in the store, and {_are(order, units)} in no refund")
    return doubts


def _contradiction(one: LineUnits) -> str:
    of_ours = f", of which {one.overlap} may be Packhouse's own" if one.overlap else ""
    return f"{one.line.quantity} of {_name(one)} ordered, {one.sources}{of_ours}; {_release(one)}"


def _release(one: LineUnits) -> str:
    return f"a release ships {_count(one.left)} of it" if one.left else "a release ships none of it"


def _vague(refund: RefundRecord) -> str:
    amount = "" if refund.amount_minor is None else f" of {refund.amount_minor} (minor units)"
    state = f" is {refund.status} and" if refund.outcome is Outcome.OPEN else ""
    return f"a refund{amount}{state} names no units"


def _name(one: LineUnits) -> str:
    return f"{one.line.name} ({one.line.id})" if one.line.name else one.line.id


def _count(number: int) -> str:
    return "1 unit" if number == 1 else f"{number} units"


def _are(order: Order, units: Sequence[Units]) -> str:
    """Units in words, with their verb: "1 unit of Mug (li_1) is"."""
    parts = []
    for some in units:
        line = order.line(some.line_id)
        name = f"{line.name} ({line.id})" if line and line.name else some.line_id
        parts.append(f"{_count(some.quantity)} of {name}")
    is_one = sum(some.quantity for some in units) == 1
    return f"{', '.join(parts)} {'is' if is_one else 'are'}"
