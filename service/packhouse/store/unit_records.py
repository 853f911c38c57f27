"""Reads what the store says became of an order's units: fulfillments, refunds, returns and counts of a line.

The documentation leaves each of these shapes open. A row that leaves its units open is read as one without
units: an operator then decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Fulfillment, Line, RefundRecord, ReturnRecord, Units
from packhouse.model.status_words import Outcome, fulfillment_outcome, refund_outcome, word
from packhouse.model.tracking_number import canonical
from packhouse.store.json_fields import (
    CREATED,
    amount,
    camel,
    first_text,
    mapping,
    optional_id,
    quantity,
    rows,
    text,
)

_REFUNDED = ("refunded", "refunded_amount", "amount_refunded")
_ITEMS = ("items", "line_items", "fulfillment_line_items", "refund_line_items", "lines")
_LINE_ID = ("line_item_id", "line_id", "order_line_id", "lineItemId")
_STATUS = ("status", "state", "fulfillment_status")
_ENDED_AT = ("cancelled_at", "canceled_at", "voided_at", "failed_at", "deleted_at")
_ENDED = ("cancelled", "canceled", "voided", "is_cancelled", "is_voided", "failed")
_FOR_SHIPPING = ("shipping", "shipping_refund", "shipping_only")


def _names(*words: str) -> tuple[str, ...]:
    """Every usual name of a count: fulfilled_quantity, quantity_fulfilled, fulfilledQuantity, ..."""
    return tuple(
        writing
        for one in words
        for what in ("quantity", "qty", "count", "units")
        for name in (f"{one}_{what}", f"{what}_{one}")
        for writing in (name, camel(name))
    )


_SHIPPED_COUNTS = _names("fulfilled", "shipped", "fulfillment", "fulfilment", "delivered")
_OPEN_COUNTS = _names(
    "unfulfilled", "unshipped", "remaining", "fulfillable", "outstanding", "to_ship", "to_fulfill"
)
_COUNT = re.compile(r"[0-9]{1,15}(\.0+)?", re.ASCII)
_REFUNDED_COUNTS = _names("refunded")
_RETURNED_COUNTS = _names("returned")
# A value that is a number of units, or an object that holds one.
_SHIPPED_VALUES = ("fulfilled", "shipped", "fulfillment", "fulfilment", "shipment")
_NESTED_COUNTS = ("quantity", "qty", "count", "units", *_SHIPPED_COUNTS)
_WORDS = ("fulfillment_status", "fulfilment_status", "fulfillmentStatus", "shipping_status", "shipped_status")
_NOT_SHIPPED = frozenset(
    [
        "unfulfilled",
        "unshipped",
        "not_fulfilled",
        "not_shipped",
        "none",
        "pending",
        "open",
        "processing",
        "on_hold",
        "scheduled",
    ]
)
_ALL_SHIPPED = frozenset(["fulfilled", "shipped", "delivered", "complete", "completed", "in_transit"])


def line_counts(row: Mapping[str, Any], ordered: int) -> dict[str, Any]:
    """The counts of one line as fields of a `Line`. A value that is no count is passed over."""
    shipped = _counts_in(row, _SHIPPED_COUNTS)
    still_open = _counts_in(row, _OPEN_COUNTS)
    words = [text(row[name]) for name in _WORDS if name in row]
    for name in _SHIPPED_VALUES:
        value = row.get(name)
        if value is True:
            shipped.add(ordered)
        elif isinstance(value, dict):
            shipped |= _counts_in(value, _NESTED_COUNTS)
            still_open |= _counts_in(value, _OPEN_COUNTS)
            words.append(text(value.get("status")))
        elif (number := _count(value)) is not None:
            shipped.add(number)
    partly = False
    for said in map(word, words):
        if said in _ALL_SHIPPED:
            shipped.add(ordered)
        elif said in _NOT_SHIPPED:
            shipped.add(0)
        elif said.startswith("partial"):
            partly = True
    return {
        "shipped_counts": tuple(sorted(shipped)),
        "open_counts": tuple(sorted(still_open)),
        "partly_shipped": partly and not shipped and not still_open,
    }


def fulfillments(
    raw: Mapping[str, Any], order_id: str, lines: tuple[Line, ...]
) -> tuple[Fulfillment, ...] | None:
    """What the store says has shipped; None when it does not say.

    Rows of one tracking number and one status are one. Raises StoreUnreadable.
    """
    listed = _fulfillment_rows(raw, order_id)
    if listed is None:
        return None
    found: dict[tuple[str | int, str], Fulfillment] = {}
    vague: set[tuple[str | int, str]] = set()
    for place, row in enumerate(listed):
        number, status = first_text(row, ("tracking_number", "tracking")), _status(row)
        # Rows of one parcel may differ in words that mean the same.
        key = (canonical(number) or number or place, fulfillment_outcome(status).value)
        at = first_text(row, CREATED)
        stated = _stated_units(row, order_id, lines)
        before = found.get(key)
        if before is None:
            before = Fulfillment(number, text(row.get("carrier")), (), status, at)
        if stated is None:
            vague.add(key)
        found[key] = Fulfillment(
            before.tracking_number,
            before.carrier or text(row.get("carrier")),
            () if key in vague else _added(before.units, stated or ()),
            before.status,
            min(filter(None, (before.created_at, at)), default=""),
        )
    return tuple(found.values())


def _fulfillment_rows(raw: Mapping[str, Any], order_id: str) -> list[Mapping[str, Any]] | None:
    """The order's rows, or those under each of its lines."""
    for name in ("fulfillments", "fulfilments"):
        if raw.get(name) is not None:
            return rows(raw[name], f"the fulfillments of order {order_id}")
    found: list[Mapping[str, Any]] | None = None
    for line in raw.get("items") or raw.get("line_items") or ():
        nested = mapping(line).get("fulfillments")
        if isinstance(nested, list) and all(isinstance(row, dict) for row in nested):
            found = found or []
            line_id = line.get("id") or line.get("line_item_id")
            found += [{"line_item_id": line_id, **row} for row in nested]
    return found


def _added(units: tuple[Units, ...], more: tuple[Units, ...]) -> tuple[Units, ...]:
    total: dict[str, int] = {}
    for some in (*units, *more):
        total[some.line_id] = total.get(some.line_id, 0) + some.quantity
    return tuple(Units(line_id, count) for line_id, count in total.items())


def refunds(
    raw: Mapping[str, Any], order_id: str, currency: str, lines: tuple[Line, ...]
) -> tuple[RefundRecord, ...] | None:
    """Refunds to the buyer; None when not stated. A refunded sum without rows is one refund.

    Units that only the lines count as refunded belong to the one refund that names none.
    """
    found = _refund_rows(raw, order_id, currency, lines)
    counted = _counted_units(raw, _REFUNDED_COUNTS)
    if not counted:
        return found
    if not found:
        return (RefundRecord(units=counted),)
    made = [refund for refund in found if refund.outcome is not Outcome.FAILED]
    if len(made) == 1 and not made[0].units:
        (only,) = made
        return tuple(
            replace(one, units=counted, is_for_shipping=False) if one is only else one for one in found
        )
    return found


def _refund_rows(
    raw: Mapping[str, Any], order_id: str, currency: str, lines: tuple[Line, ...]
) -> tuple[RefundRecord, ...] | None:
    if raw.get("refunds") is not None:
        listed = rows(raw["refunds"], f"the refunds of order {order_id}")
        return tuple(_refund(row, order_id, currency, lines) for row in listed)
    for source in (raw, mapping(raw.get("totals"))):
        for name in _REFUNDED:
            if isinstance(source.get(name), bool):
                continue  # a flag; the status speaks for it
            total = amount(source.get(name), f"the refunded sum of order {order_id}", currency)
            if total:
                return (RefundRecord(amount_minor=total),)
    return None


def _refund(row: Mapping[str, Any], order_id: str, currency: str, lines: tuple[Line, ...]) -> RefundRecord:
    units = _stated_units(row, order_id, lines) or ()
    whole = first_text(row, ("restock_type", "restock"))
    items = next((row[name] for name in _ITEMS if row.get(name) is not None), ())
    said = [first_text(item, ("restock_type", "restock")) for item in items if item.get("quantity") != 0]
    restock = tuple(word(one or whole) for one in said) if len(said) == len(units) else ()
    kind = word(first_text(row, ("type", "kind", "scope", "target")))
    return RefundRecord(
        amount_minor=amount(row.get("amount"), f"a refund of order {order_id}", currency),
        units=units,
        id=optional_id(row.get("id")),
        reason=text(row["reason"]) if isinstance(row.get("reason"), str) else None,
        status=_status(row),
        created_at=first_text(row, CREATED),
        restock=restock or (word(whole),) * len(units),
        return_id=optional_id(row.get("return_id")) or optional_id(mapping(row.get("return")).get("id")),
        is_for_shipping=kind in _FOR_SHIPPING and not units,
    )


def returned(raw: Mapping[str, Any], order_id: str, lines: tuple[Line, ...]) -> tuple[ReturnRecord, ...]:
    """The returns and exchanges. A row that cannot be read names no units."""
    found = []
    for name in ("returns", "exchanges"):
        listed = raw.get(name)
        for row in listed if isinstance(listed, list) else ():
            row = mapping(row)
            try:
                units = _stated_units(row, order_id, lines) or ()
            except StoreUnreadable:
                units = ()
            found.append(ReturnRecord(optional_id(row.get("id")), _status(row), units))
    if not found and (counted := _counted_units(raw, _RETURNED_COUNTS)):
        found.append(ReturnRecord(status="received", units=counted))
    return tuple(found)


def _counted_units(raw: Mapping[str, Any], names: Iterable[str]) -> tuple[Units, ...]:
    """What a count of this name on each line says; the largest where a line has several."""
    found = []
    listed = raw.get("items") if raw.get("items") is not None else raw.get("line_items")
    for row in listed if isinstance(listed, list) else ():
        if counts := _counts_in(mapping(row), names) - {0}:
            line_id = optional_id(row.get("id")) or optional_id(row.get("line_item_id"))
            found.append(Units(line_id, max(counts)))
    return tuple(found)


def _stated_units(row: Mapping[str, Any], order_id: str, lines: tuple[Line, ...]) -> tuple[Units, ...] | None:
    """The units that a fulfillment's or refund's row speaks of; None when it leaves any of them open."""
    inner = next((row[name] for name in _ITEMS if row.get(name) is not None), None)
    if inner is None:
        pairs: list[tuple[Any, Any]] = [(_line_id(row), row.get("quantity"))]
    else:
        known = {line.id for line in lines}
        pairs = []
        for item in rows(inner, f"the lines of a shipment of order {order_id}"):
            # A bare "id" may be the row's own; it is the line's only if the order has such a line.
            own_id = item.get("id") if optional_id(item.get("id")) in known else None
            pairs.append((_line_id(item) or own_id, item.get("quantity")))
    stated = []
    for line_id, count in pairs:
        units = None if count is None else quantity(count, f"a shipped quantity of order {order_id}")
        if not optional_id(line_id) or units is None:
            return None
        if units:
            stated.append(Units(optional_id(line_id), units))
    return tuple(stated)


def _line_id(row: Mapping[str, Any]) -> str:
    direct: Iterator[str] = (found for name in _LINE_ID if (found := optional_id(row.get(name))))
    return next(direct, "") or optional_id(mapping(row.get("line_item")).get("id"))


def _status(row: Mapping[str, Any]) -> str:
    """The row's status; "cancelled" if a time or a flag of its own says so."""
    if any(text(row.get(name)) for name in _ENDED_AT) or any(row.get(name) is True for name in _ENDED):
        status = first_text(row, _STATUS)
        failed = Outcome.FAILED
        return status if failed in (fulfillment_outcome(status), refund_outcome(status)) else "cancelled"
    return first_text(row, _STATUS)


def _counts_in(source: Mapping[str, Any], names: Iterable[str]) -> set[int]:
    return {value for name in names if name in source and (value := _count(source[name])) is not None}


def _count(value: Any) -> int | None:
    """A number of units, also as text ("1") or with a fraction of zero (1.0); None for anything else."""
    if isinstance(value, str) and _COUNT.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < 2**53 else None
