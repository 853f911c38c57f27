"""Reads the store's JSON as an Order, in each of the undocumented shapes that it may have.

A shape that could be read in two ways is refused: an order that cannot be read is seen by a person, an order
that is read wrongly is a lost parcel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Address, Line, Order, OrderPage
from packhouse.model.status_words import word
from packhouse.store import unit_records
from packhouse.store.address import ORDER_PHONES, PHONES, address_from_json
from packhouse.store.json_fields import (
    amount,
    created_at,
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
from packhouse.store.responses import (
    TOO_LARGE,
    StoreResponse,
    is_compressed,
    json_of,
    listing_of,
    one_object,
    read_list,
    read_listing,
)
from packhouse.store.shipping_options import shipping_options_from_json

_CANCELLED_AT = ("cancelled_at", "canceled_at", "cancelledAt", "canceledAt")

# An order of more rows is not read: each line's units are counted in each row.
LARGEST_ORDER = 5000
_MOST_TO_COUNT = 200_000
_RECORDS = ("fulfillments", "fulfilments", "refunds", "returns", "exchanges")
_AMOUNTS = ("subtotal", "shipping", "tax", "discount", "total")


def read_order(answer: StoreResponse, expected_id: str, before: Order | None = None) -> Order:
    """The order of a GET: bare or under "order". Raises StoreUnreadable, also when it is another order.

    `before` is the order as it was read a moment ago: equal bytes are not parsed again.
    """
    is_same = before is not None and before.id == expected_id and b"" != before.body == answer.body
    if before and is_same and not is_compressed(answer):
        return before
    value = json_of(answer, f"reading order {expected_id}")
    order = order_from_json(one_object(value, "order", expected_id))
    object.__setattr__(order, "body", answer.body)
    return order


def read_order_page(answer: StoreResponse, query: OrdersQuery | None = None) -> OrderPage:
    """One page of a list. Raises StoreUnreadable when it is no list, or a row in it has no id.

    A row that has an id but cannot be read otherwise is given as an Order with id, site, time and raw (no
    status, so nothing ships): a list only names orders to fetch, and one bad row must not hide the others.
    """
    found = read_list(json_of(answer, "listing orders"), "orders", query.limit if query else None)
    return OrderPage(tuple(_row(row) for row in found.rows), found.next_cursor, found.truncated)


def read_order_listing(answer: StoreResponse, query: OrdersQuery) -> OrderPage:
    """As `read_order_page`, but a row without a usable id is counted in `unreadable` and left out."""
    found = read_listing(listing_of(answer, "listing orders"), "orders", query.limit)
    named = [row for row in found.rows if _names_an_order(row)]
    return OrderPage(
        tuple(_row(row) for row in named),
        found.next_cursor,
        found.truncated,
        is_bare=found.is_bare,
        unreadable=len(found.rows) - len(named),
    )


def _names_an_order(row: Any) -> bool:
    return isinstance(row, dict) and bool(optional_id(row.get("id")))


def order_from_json(raw: Mapping[str, Any]) -> Order:
    """Read one bare order object, from the store or from a snapshot.

    Raises StoreUnreadable when it has no id or no lines at all, or an amount or quantity that is not whole.
    """
    return _order(raw, needs_lines=True)


def _row(raw: Mapping[str, Any]) -> Order:
    try:
        return _order(raw, needs_lines=False)
    except StoreUnreadable:
        return Order(
            id=required_id(raw.get("id"), "order id in its list"),
            site_slug=text(raw.get("site_slug")),
            created_at=created_at(raw),
            raw=dict(raw),
        )


def _order(raw: Mapping[str, Any], *, needs_lines: bool) -> Order:
    order_id = required_id(raw.get("id"), "order id")
    _check_size(raw, order_id)
    currency = text(raw.get("currency")).upper()
    buyer = mapping(raw.get("buyer")) or mapping(raw.get("customer"))
    lines = _lines(raw, order_id, currency, needed=needs_lines)
    return Order(
        id=order_id,
        status=_status(raw),
        currency=currency,
        site_slug=text(raw.get("site_slug")),
        customer_id=optional_id(raw.get("customer_id"))
        or optional_id(mapping(raw.get("customer")).get("id")),
        created_at=created_at(raw),
        buyer_email=text(buyer.get("email")),
        buyer_name=text(buyer.get("name")),
        total_minor=_total(raw, order_id, currency),
        shipping_options=shipping_options_from_json(raw),
        lines=lines,
        address=_address(raw, buyer),
        fulfillments=unit_records.fulfillments(raw, order_id, lines),
        refunds=unit_records.refunds(raw, order_id, currency, lines),
        returned=unit_records.returned(raw, order_id, lines),
        raw=raw if isinstance(raw, dict) else dict(raw),
    )


def _check_size(raw: Mapping[str, Any], order_id: str) -> None:
    """Raise StoreUnreadable, with the code TOO_LARGE, for an order whose units take too long to count."""
    lines = max(_rows_in(raw.get(name)) for name in ("items", "line_items"))
    records = sum(_rows_in(raw.get(name)) for name in _RECORDS)
    if lines > LARGEST_ORDER or records > LARGEST_ORDER or lines * records > _MOST_TO_COUNT:
        raise StoreUnreadable(
            f"Order {order_id} has {lines} lines and {records} rows of fulfillments, refunds and returns, "
            f"more than can be counted. Ship it yourself, or split it in the store.",
            code=TOO_LARGE,
        )


def _rows_in(value: Any) -> int:
    """The rows of a list, and the rows in them."""
    listed = value if isinstance(value, list) else ()
    inner = (part for row in listed for part in mapping(row).values() if isinstance(part, list))
    return len(listed) + sum(map(len, inner))


def _status(raw: Mapping[str, Any]) -> str:
    """The store's own word; "cancelled" for an order with a time of cancellation, whatever its word is."""
    return "cancelled" if first_text(raw, _CANCELLED_AT) else word(text(raw.get("status")))


def _address(raw: Mapping[str, Any], buyer: Mapping[str, Any]) -> Address | None:
    """The delivery address, with the buyer's phone if it has none: some carriers require one abroad."""
    address = address_from_json(raw.get("shipping_address"))
    if address is None or address.phone:
        return address
    return replace(address, phone=first_text(buyer, PHONES) or first_text(raw, ORDER_PHONES))


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
    ordered = quantity(row.get("quantity"), f"the quantity of line {line_id}")
    return Line(
        id=line_id,
        product_id=optional_id(row.get("product_id")),
        variant_id=optional_id(row.get("variant_id")),
        name=first_text(row, ("name", "title")),
        quantity=ordered,
        unit_price_minor=amount(row.get("unit_price"), f"the unit price of line {line_id}", currency),
        sku=text(row.get("sku")),
        is_digital=digital(row),
        **unit_records.line_counts(row, ordered),
    )
