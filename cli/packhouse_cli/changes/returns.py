"""Returns and exchanges: which units can be returned, each step, and how the order shows it. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from packhouse.model.order import Order, Units, counted
from packhouse.model.returns import Return
from packhouse.store import returns as wire
from packhouse_cli.changes.change import Change, intent_key, key_for_repeat
from packhouse_cli.changes.line_items import named_units
from packhouse_cli.exit_codes import UsageError

# The statuses of a return that show that a step is done. A step that is done is not requested again.
_DONE_STATUSES = {
    "approve": ("approved", "received"),
    "receive": ("received",),
    "reject": ("rejected",),
}
_IRREVERSIBLE_NOTES = {
    "approve": "",
    "receive": "A received return cannot be reopened.",
    "reject": "A rejected return cannot be reopened.",
}


def return_change(
    order: Order,
    named: Sequence[Units],
    reason: str,
    *,
    digital: Collection[str] = (),
    key: str = "",
    again: bool = False,
) -> Change:
    """Create a return of these units.

    If the order already shows a return of the same units and reason, nothing is requested, unless `again`.
    `digital` holds the ids of digital lines. Raises UsageError for units that cannot be returned.
    """
    units = named_units(order, named)
    rows = wire.returns_of(order)
    equal = _matching(rows, units, reason)
    already_recorded = bool(equal) and not again
    if not already_recorded:
        _check(order, units, digital)
    before = {row.id for row in rows or ()}
    intent = (order.id, "return", _pairs(units), reason)
    another = key_for_repeat(None if rows is None else len(equal), *intent) if again else ""
    chosen = key or another or intent_key(*intent)
    return Change(
        order=order,
        request=wire.create_return(order.id, wire.return_body(units, reason), chosen),
        key=chosen,
        summary=f"return {_listed(units)} of order {order.id}",
        irreversible_note="",
        is_visible_in=lambda now: any(
            row.id not in before for row in _matching(wire.returns_of(now), units, reason)
        ),
        already_recorded=already_recorded,
        unlisted_intent=intent_key(*intent) if rows is None and not again else "",
    )


def exchange_change(
    order: Order,
    named: Sequence[Units],
    new_variant_id: str,
    reason: str,
    *,
    digital: Collection[str] = (),
    key: str = "",
    again: bool = False,
) -> Change:
    """Create an exchange of these units for the same number of another variant. See `return_change`."""
    units = named_units(order, named)

    def equal(shown: Order) -> list[str]:
        rows = _matching(wire.exchanges_of(shown), units, reason)
        return [row.id for row in rows if row.raw.get("new_variant_id") in (None, new_variant_id)]

    before = set(equal(order))
    already_recorded = bool(before) and not again
    if not already_recorded:
        _check(order, units, digital)
    intent = (order.id, "exchange", _pairs(units), new_variant_id, reason)
    shown_now = None if wire.exchanges_of(order) is None else len(before)
    another = key_for_repeat(shown_now, *intent) if again else ""
    chosen = key or another or intent_key(*intent)
    body = wire.exchange_body(units, new_variant_id, reason)
    return Change(
        order=order,
        request=wire.create_exchange(order.id, body, chosen),
        key=chosen,
        summary=f"exchange {_listed(units)} of order {order.id} for {new_variant_id}",
        irreversible_note="The store has no call to cancel an exchange.",
        is_visible_in=lambda now: bool(set(equal(now)) - before),
        already_recorded=already_recorded,
        unlisted_intent=intent_key(*intent) if shown_now is None and not again else "",
    )


def return_step_change(order: Order, return_id: str, verb: str, reason: str = "", *, key: str = "") -> Change:
    """One step of a return: approve, receive or reject.

    The store decides whether its status allows the step.
    """
    chosen = key or intent_key(order.id, "return", return_id, verb, reason)
    request = {
        "approve": lambda: wire.approve_return(order.id, return_id, chosen),
        "receive": lambda: wire.receive_return(order.id, return_id, chosen),
        "reject": lambda: wire.reject_return(order.id, return_id, reason, chosen),
    }[verb]()

    def reached(shown: Order) -> bool:
        row = find_return(shown, return_id)
        return row is not None and row.status in _DONE_STATUSES[verb]

    return Change(
        order=order,
        request=request,
        key=chosen,
        summary=f"{verb} return {return_id} of order {order.id}",
        irreversible_note=_IRREVERSIBLE_NOTES[verb],
        is_visible_in=reached,
        already_recorded=reached(order),
    )


def find_return(order: Order, return_id: str) -> Return | None:
    """The return with this id; None if the order does not show it."""
    return next((row for row in wire.returns_of(order) or () if row.id == return_id), None)


def newest_match(rows: Sequence[Return] | None, units: Sequence[Units], reason: str) -> Return | None:
    """The newest of the returns or exchanges with these units and this reason; None if there is none."""
    return next(reversed(_matching(rows, units, reason)), None)


def _check(order: Order, units: Sequence[Units], digital: Collection[str]) -> None:
    """Raise UsageError, with the numbers, for units that cannot be returned."""
    for part in units:
        line = order.line(part.line_id)
        ordered = line.quantity if line else 0
        name = f"Line {part.line_id} of order {order.id}"
        if part.line_id in digital or (line is not None and line.is_digital):
            raise UsageError(f"{name} is digital and cannot be returned. Nothing was sent.")
        shipped = _shipped(order, part.line_id)
        coming = sum(
            unit.quantity
            for row in (*(wire.returns_of(order) or ()), *(wire.exchanges_of(order) or ()))
            for unit in row.units
            if row.counts and unit.line_id == part.line_id
        )
        left = max(0, (ordered if shipped is None else shipped) - coming)
        if part.quantity > left:
            went = "" if shipped is None else f", {shipped} shipped"
            raise UsageError(
                f"{name} has {counted([Units(part.line_id, left)])} that can be returned "
                f"({ordered} ordered{went}, {coming} in returns and exchanges), and {part.quantity} were "
                "requested. Nothing was sent."
            )


def _shipped(order: Order, line_id: str) -> int | None:
    """Units of the line that shipped; None if the store does not say."""
    if order.fulfillments is None or any(not row.units for row in order.fulfillments):
        return None
    return sum(unit.quantity for row in order.fulfillments for unit in row.units if unit.line_id == line_id)


def _matching(rows: Sequence[Return] | None, units: Sequence[Units], reason: str) -> list[Return]:
    """The rows with these units and this reason. A row without a reason may be one of them."""
    wanted = _pairs(units)
    return [
        row
        for row in rows or ()
        if row.counts
        and _pairs(row.units) == wanted
        and (row.raw.get("reason") is None or row.reason == reason.strip())
    ]


def _pairs(units: Sequence[Units]) -> list[list[object]]:
    return sorted([part.line_id, part.quantity] for part in units)


def _listed(units: Sequence[Units]) -> str:
    return f"{counted(units)} ({', '.join(f'{part.quantity} of {part.line_id}' for part in units)})"
