"""Returns and exchanges: the requests to the store, and how to read them in a response or an order.

Documented are the paths to create, approve and receive a return. Inferred, from the store's own command line:
the path to reject one, the path of exchanges, and the names in the bodies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Order, Units
from packhouse.model.returns import Exchange, Return
from packhouse.store.json_fields import first_text, mapping, optional_id, required_id, rows, text
from packhouse.store.requests import StoreRequest, change, items_json, segment
from packhouse.store.responses import StoreResponse, json_of

_RMA = ("rma", "rma_number", "rma_id")


def return_body(units: Sequence[Units], reason: str) -> bytes:
    """The bytes that ask for these units to come back. Same input, same bytes; ASCII only.

    Raises ValueError when nothing, less than one unit, or a line twice is named.
    """
    content: dict[str, object] = {"items": items_json(units)}
    if reason:
        content["reason"] = reason
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def exchange_body(units: Sequence[Units], new_variant_id: str, reason: str) -> bytes:
    """The bytes that ask for these units to come back for units of another variant. As `return_body`."""
    if not new_variant_id:
        raise ValueError("an exchange names the variant that is sent instead")
    content: dict[str, object] = {"items": items_json(units), "new_variant_id": new_variant_id}
    if reason:
        content["reason"] = reason
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def create_return(order_id: str, body: bytes, key: str) -> StoreRequest:
    """POST /merchant/orders/{id}/returns with a body of `return_body`."""
    path = f"/merchant/orders/{segment(order_id)}/returns"
    return change(
        "POST", path, body, key, call="returns.create", action=f"create a return of order {order_id}"
    )


def approve_return(order_id: str, return_id: str, key: str) -> StoreRequest:
    """POST …/returns/{returnId}/approve: the store issues an RMA."""
    return _step(order_id, return_id, "approve", None, key)


def receive_return(order_id: str, return_id: str, key: str) -> StoreRequest:
    """POST …/returns/{returnId}/receive: the goods are here."""
    return _step(order_id, return_id, "receive", None, key)


def reject_return(order_id: str, return_id: str, reason: str, key: str) -> StoreRequest:
    """POST …/returns/{returnId}/reject with a reason (the path is inferred)."""
    body = json.dumps({"reason": reason}, separators=(",", ":")).encode("ascii") if reason else None
    return _step(order_id, return_id, "reject", body, key)


def create_exchange(order_id: str, body: bytes, key: str) -> StoreRequest:
    """POST /merchant/orders/{id}/exchanges with a body of `exchange_body` (the path is inferred)."""
    path = f"/merchant/orders/{segment(order_id)}/exchanges"
    return change(
        "POST", path, body, key, call="exchanges.create", action=f"create an exchange of order {order_id}"
    )


def _step(order_id: str, return_id: str, verb: str, body: bytes | None, key: str) -> StoreRequest:
    path = f"/merchant/orders/{segment(order_id)}/returns/{segment(return_id)}/{verb}"
    action = f"{verb} return {return_id} of order {order_id}"
    return change("POST", path, body, key, call=f"returns.{verb}", action=action)


def read_return(answer: StoreResponse, order_id: str) -> Return | None:
    """The return in an answer, bare or under "return" or "data"; None for no body, and for the order.

    Raises StoreUnreadable for a response that is not JSON.
    """
    found = _created(answer, "return", order_id)
    return None if found is None else _return(found)


def read_exchange(answer: StoreResponse, order_id: str) -> Exchange | None:
    """The exchange in an answer, as `read_return`."""
    found = _created(answer, "exchange", order_id)
    return None if found is None else _exchange(found)


def returns_of(order: Order) -> tuple[Return, ...] | None:
    """The returns that the order shows; None when it does not show any such list. Raises StoreUnreadable."""
    found = order.raw.get("returns")
    return None if found is None else tuple(map(_return, rows(found, f"the returns of order {order.id}")))


def exchanges_of(order: Order) -> tuple[Exchange, ...] | None:
    """The exchanges that the order shows, as `returns_of`."""
    found = order.raw.get("exchanges")
    return None if found is None else tuple(map(_exchange, rows(found, f"the exchanges of order {order.id}")))


def _created(answer: StoreResponse, name: str, order_id: str) -> Mapping[str, Any] | None:
    if not answer.body.strip():
        return None
    value = json_of(answer, f"reading a {name}")
    inner = [mapping(value)[key] for key in (name, "data") if isinstance(mapping(value).get(key), dict)]
    found = mapping(inner[0] if inner else value)
    if not optional_id(found.get("id")) or found["id"] == order_id:
        return None
    return found


def _return(raw: Mapping[str, Any]) -> Return:
    return Return(
        id=required_id(raw.get("id"), "return id"),
        status=text(raw.get("status")),
        rma=_rma(raw),
        reason=text(raw.get("reason")),
        units=tuple(_units(raw)),
        raw=dict(raw),
    )


def _exchange(raw: Mapping[str, Any]) -> Exchange:
    return Exchange(
        id=required_id(raw.get("id"), "exchange id"),
        status=text(raw.get("status")),
        rma=_rma(raw),
        reason=text(raw.get("reason")),
        units=tuple(_units(raw)),
        raw=dict(raw),
        new_variant_id=optional_id(raw.get("new_variant_id")),
    )


def _rma(raw: Mapping[str, Any]) -> str:
    """The RMA's number: text under one of its likely names, or the number or id inside an object there."""
    for name in _RMA:
        value = raw.get(name)
        found = first_text(value, ("number", "id")) if isinstance(value, dict) else text(value)
        if found:
            return found
    return ""


def _units(raw: Mapping[str, Any]) -> Iterator[Units]:
    """The units it names; a row that cannot be read is refused, since a sum without it would be wrong."""
    items: Any = next((raw[name] for name in ("items", "line_items") if raw.get(name) is not None), [])
    for item in rows(items, "the lines of a return"):
        line_id, quantity = item.get("line_item_id", item.get("id")), item.get("quantity")
        if type(quantity) is not int or quantity < 0:
            raise StoreUnreadable("The store's response has a return whose quantity is not a whole number.")
        if quantity:
            yield Units(required_id(line_id, "line id in a return"), quantity)
