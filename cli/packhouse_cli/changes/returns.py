"""Goods on their way back: which units may come, each step, and how the order shows it. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from packhouse.model.order import Order, Units, counted
from packhouse.model.returns import Return
from packhouse.store import returns as wire
from packhouse_cli.changes.change import Act, intent_key, key_of_another
from packhouse_cli.changes.line_items import named_units
from packhouse_cli.exit_codes import UsageError
from packhouse_cli.terminal.output import safe

# What a return has come to, furthest last. A step whose end is reached or passed is not asked for again.
_REACHED = {
    "approve": ("approved", "received"),
    "receive": ("received",),
    "reject": ("rejected",),
}
_FOR_GOOD = {
    "approve": "",
    "receive": "A return that was received cannot be opened again.",
    "reject": "A return that was rejected cannot be opened again.",
}


def return_act(
    order: Order,
    named: Sequence[Units],
    reason: str,
    *,
    digital: Collection[str] = (),
    key: str = "",
    again: bool = False,
) -> Act:
    """Ask for these units back. An equal return (units and reason) is not asked for twice, unless `again`.

    `digital` are the lines known to be files. Raises UsageError for what cannot come back.
    """
    units = named_units(order, named)
    rows = wire.returns_of(order)
    equal = _equal(rows, units, reason)
    already = bool(equal) and not again
    if not already:
        _check(order, units, digital)
    before = {row.id for row in rows or ()}
    intent = (order.id, "return", _pairs(units), reason)
    another = key_of_another(None if rows is None else len(equal), *intent) if again else ""
    chosen = key or another or intent_key(*intent)
    return Act(
        order=order,
        request=wire.create_return(order.id, wire.return_body(units, reason), chosen),
        key=chosen,
        told=f"return {_listed(units)} of order {safe(order.id)}",
        for_good="",
        shown_by=lambda now: any(row.id not in before for row in _equal(wire.returns_of(now), units, reason)),
        already=already,
    )


def exchange_act(
    order: Order,
    named: Sequence[Units],
    new_variant_id: str,
    reason: str,
    *,
    digital: Collection[str] = (),
    key: str = "",
    again: bool = False,
) -> Act:
    """Ask for these units back for the same number of another variant. As `return_act`."""
    units = named_units(order, named)

    def equal(shown: Order) -> list[str]:
        rows = _equal(wire.exchanges_of(shown), units, reason)
        return [row.id for row in rows if row.raw.get("new_variant_id") in (None, new_variant_id)]

    before = set(equal(order))
    already = bool(before) and not again
    if not already:
        _check(order, units, digital)
    intent = (order.id, "exchange", _pairs(units), new_variant_id, reason)
    shown_now = None if wire.exchanges_of(order) is None else len(before)
    another = key_of_another(shown_now, *intent) if again else ""
    chosen = key or another or intent_key(*intent)
    body = wire.exchange_body(units, new_variant_id, reason)
    return Act(
        order=order,
        request=wire.create_exchange(order.id, body, chosen),
        key=chosen,
        told=f"exchange {_listed(units)} of order {safe(order.id)} for {safe(new_variant_id)}",
        for_good="The store has no call that takes an exchange back.",
        shown_by=lambda now: bool(set(equal(now)) - before),
        already=already,
    )


def step_act(order: Order, return_id: str, verb: str, reason: str = "", *, key: str = "") -> Act:
    """One step of a return: approve, receive or reject. Whether its state allows it is the store's to say."""
    chosen = key or intent_key(order.id, "return", return_id, verb, reason)
    request = {
        "approve": lambda: wire.approve_return(order.id, return_id, chosen),
        "receive": lambda: wire.receive_return(order.id, return_id, chosen),
        "reject": lambda: wire.reject_return(order.id, return_id, reason, chosen),
    }[verb]()

    def reached(shown: Order) -> bool:
        row = found_return(shown, return_id)
        return row is not None and row.status in _REACHED[verb]

    return Act(
        order=order,
        request=request,
        key=chosen,
        told=f"{verb} return {safe(return_id)} of order {safe(order.id)}",
        for_good=_FOR_GOOD[verb],
        shown_by=reached,
        already=reached(order),
    )


def found_return(order: Order, return_id: str) -> Return | None:
    """The return with this id, if the order shows it."""
    return next((row for row in wire.returns_of(order) or () if row.id == return_id), None)


def newest_equal(rows: Sequence[Return] | None, units: Sequence[Units], reason: str) -> Return | None:
    """The last of the returns or exchanges that ask for exactly this."""
    return next(reversed(_equal(rows, units, reason)), None)


def _check(order: Order, units: Sequence[Units], digital: Collection[str]) -> None:
    """Raise UsageError, with the numbers, for units that cannot come back."""
    for part in units:
        line = order.line(part.line_id)
        ordered = line.quantity if line else 0
        where = f"Line {safe(part.line_id)} of order {safe(order.id)}"
        if part.line_id in digital or (line is not None and line.is_digital):
            raise UsageError(f"{where} is digital: there is nothing to send back. Nothing was sent.")
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
                f"{where} has {left} units that can come back ({ordered} ordered{went}, {coming} in returns "
                f"and exchanges), and {part.quantity} were asked for. Nothing was sent."
            )


def _shipped(order: Order, line_id: str) -> int | None:
    """Units of the line that shipped; None where the store does not say."""
    if order.fulfillments is None or any(not row.units for row in order.fulfillments):
        return None
    return sum(unit.quantity for row in order.fulfillments for unit in row.units if unit.line_id == line_id)


def _equal(rows: Sequence[Return] | None, units: Sequence[Units], reason: str) -> list[Return]:
    """Those that may be of these units and this reason: one that tells no reason may."""
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
    return f"{counted(units)} ({', '.join(f'{part.quantity} of {safe(part.line_id)}' for part in units)})"
