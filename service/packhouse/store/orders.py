"""Reads the store's JSON as an Order, in each of the undocumented shapes that it may have.

A shape that could be read in two ways is refused: an order that cannot be read is seen by a person, an order
that is read wrongly is a lost parcel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Fulfillment, Line, Order, OrderPage, RefundRecord, Units
from packhouse.store.address import address_from_json
from packhouse.store.json_fields import (
    CREATED,
    amount,
    digital,
    first_text,
    mapping,
    optional_id,
    quantity,
    required_id,
    rows,
    text,
)
from packhouse.store.requests import OrdersQuery
from packhouse.store.responses import StoreResponse, json_of, one_object, read_list
from packhouse.store.shipping_options import shipping_options_from_json

_AMOUNTS = ("subtotal", "shipping", "tax", "discount", "total")
_REFUNDED = ("refunded", "refunded_amount", "amount_refunded")


def read_order(answer: StoreResponse, expected_id: str) -> Order:
    """The order of a GET: bare or under "order". Raises StoreUnreadable, also when it is another order."""
    value = json_of(answer, f"reading order {expected_id}")
    return order_from_json(one_object(value, "order", expected_id))


def read_order_page(answer: StoreResponse, query: OrdersQuery | None = None) -> OrderPage:
    """One page of a list. Raises StoreUnreadable when it is no list, or a row in it has no id.

    A row that has an id but cannot be read otherwise is given as an Order with nothing but id and raw (no
    status, so nothing ships): a list only names orders to fetch, and one bad row must not hide the others.
    """
    found = read_list(json_of(answer, "listing orders"), "orders", query.limit if query else None)
    return OrderPage(tuple(_row(row) for row in found.rows), found.next_cursor, found.truncated)


def order_from_json(raw: Mapping[str, Any]) -> Order:
    """Read one bare order object, from the store or from a snapshot.

    Raises StoreUnreadable when it has no id or no lines at all, or an amount or quantity that is not whole.
    """
    return _order(raw, needs_lines=True)


def _row(raw: Mapping[str, Any]) -> Order:
    try:
        return _order(raw, needs_lines=False)
    except StoreUnreadable:
        return Order(id=required_id(raw.get("id"), "order id in its list"), raw=dict(raw))


def _order(raw: Mapping[str, Any], *, needs_lines: bool) -> Order:
    order_id = required_id(raw.get("id"), "order id")
    currency = text(raw.get("currency")).upper()
    buyer = mapping(raw.get("buyer")) or mapping(raw.get("customer"))
    lines = _lines(raw, order_id, currency, needed=needs_lines)
    return Order(
        id=order_id,
        status=text(raw.get("status")),
        currency=currency,
        site_slug=text(raw.get("site_slug")),
        customer_id=optional_id(raw.get("customer_id"))
        or optional_id(mapping(raw.get("customer")).get("id")),
        created_at=first_text(raw, CREATED),
        buyer_email=text(buyer.get("email")),
        buyer_name=text(buyer.get("name")),
        total_minor=_total(raw, order_id, currency),
        shipping_options=shipping_options_from_json(raw),
        lines=lines,
        address=address_from_json(raw.get("shipping_address")),
        fulfillments=_fulfillments(raw, order_id, lines),
        refunds=_refunds(raw, order_id, currency, lines),
        raw=raw if isinstance(raw, dict) else dict(raw),
    )


def _total(raw: Mapping[str, Any], order_id: str, currency: str) -> int | None:
    """The total. The other amounts are checked too: a 42.5 anywhere means that none is in minor units."""
    totals = mapping(raw.get("totals"))
    read = {name: amount(totals.get(name), f"the {name} of order {order_id}", currency) for name in _AMOUNTS}
    return read["total"]


def _lines(raw: Mapping[str, Any], order_id: str, currency: str, *, needed: bool) -> tuple[Line, ...]:
    listed = [raw[name] for name in ("items", "line_items") if raw.get(name) is not None]
    if len(listed) == 2 and listed[0] != listed[1]:
        raise StoreUnreadable(f"Order {order_id} has both items and line_items, and they differ.")
    if not listed:
        if needed:
            raise StoreUnreadable(
                f"Order {order_id} came without its lines; nothing can be shipped from that."
            )
        return ()
    lines = tuple(_line(row, order_id, currency) for row in rows(listed[0], f"the lines of order {order_id}"))
    if len({line.id for line in lines}) != len(lines):
        raise StoreUnreadable(
            f"Order {order_id} has the same line id twice; its units cannot be listed apart."
        )
    return lines


def _line(row: Mapping[str, Any], order_id: str, currency: str) -> Line:
    ids = {row[name] for name in ("id", "line_item_id") if isinstance(row.get(name), str)}
    if len(ids) > 1:
        raise StoreUnreadable(f"A line of order {order_id} has two different ids.")
    line_id = required_id(ids.pop() if ids else None, f"line id in order {order_id}")
    return Line(
        id=line_id,
        product_id=optional_id(row.get("product_id")),
        variant_id=optional_id(row.get("variant_id")),
        name=first_text(row, ("name", "title")),
        quantity=quantity(row.get("quantity"), f"the quantity of line {line_id}"),
        unit_price_minor=amount(row.get("unit_price"), f"the unit price of line {line_id}", currency),
        sku=text(row.get("sku")),
        is_digital=digital(row),
    )


def _fulfillments(
    raw: Mapping[str, Any], order_id: str, lines: tuple[Line, ...]
) -> tuple[Fulfillment, ...] | None:
    """What the store says has shipped; None when it does not say. Rows of one tracking number are one."""
    if raw.get("fulfillments") is None:
        return None
    # tracking number (or the row's place, when it has none) -> carrier, counted units or None when not stated
    found: dict[str | int, tuple[str, dict[str, int] | None]] = {}
    for place, row in enumerate(rows(raw["fulfillments"], f"the fulfillments of order {order_id}")):
        key = first_text(row, ("tracking_number", "tracking")) or place
        carrier, counted = found.get(key, ("", {}))
        stated = _stated_units(row, order_id, lines)
        if counted is None or stated is None:
            counted = None
        else:
            for unit in stated:
                counted[unit.line_id] = counted.get(unit.line_id, 0) + unit.quantity
        found[key] = (carrier or text(row.get("carrier")), counted)
    return tuple(
        Fulfillment(
            tracking_number=key if isinstance(key, str) else "",
            carrier=carrier,
            units=tuple(Units(line_id, count) for line_id, count in (counted or {}).items()),
        )
        for key, (carrier, counted) in found.items()
    )


def _refunds(
    raw: Mapping[str, Any], order_id: str, currency: str, lines: tuple[Line, ...]
) -> tuple[RefundRecord, ...] | None:
    """Refunds to the buyer; None when not stated. A refunded sum without rows is one refund."""
    if raw.get("refunds") is not None:
        return tuple(
            RefundRecord(
                amount_minor=amount(row.get("amount"), f"a refund of order {order_id}", currency),
                units=_stated_units(row, order_id, lines) or (),
                id=optional_id(row.get("id")),
                reason=text(row["reason"]) if isinstance(row.get("reason"), str) else None,
                status=text(row.get("status")),
            )
            for row in rows(raw["refunds"], f"the refunds of order {order_id}")
        )
    for source in (raw, mapping(raw.get("totals"))):
        for name in _REFUNDED:
            if isinstance(source.get(name), bool):
                continue  # a flag; the status speaks for it
            total = amount(source.get(name), f"the refunded sum of order {order_id}", currency)
            if total:
                return (RefundRecord(amount_minor=total),)
    return None


def _stated_units(row: Mapping[str, Any], order_id: str, lines: tuple[Line, ...]) -> tuple[Units, ...] | None:
    """The units that a fulfillment's or refund's row speaks of; None when it leaves any of them open."""
    inner = next((row[name] for name in ("items", "line_items") if row.get(name) is not None), None)
    if inner is None:
        pairs = [(row.get("line_item_id"), row.get("quantity"))]
    else:
        known = {line.id for line in lines}
        pairs = []
        for item in rows(inner, f"the lines of a shipment of order {order_id}"):
            # A bare "id" may be the row's own; it is the line's only if the order has such a line.
            own_id = item.get("id") if optional_id(item.get("id")) in known else None
            pairs.append((item.get("line_item_id", own_id), item.get("quantity")))
    stated = []
    for line_id, count in pairs:
        units = None if count is None else quantity(count, f"a shipped quantity of order {order_id}")
        if not optional_id(line_id) or units is None:
            return None
        if units:
            stated.append(Units(optional_id(line_id), units))
    return tuple(stated)
