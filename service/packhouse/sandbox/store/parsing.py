"""Reads the query and the body of a call to the store; an error names the field that is wrong."""

from __future__ import annotations

import base64
import re
from typing import Any

from packhouse.sandbox.http import ApiError, Request, from_iso
from packhouse.sandbox.store.state import StoreOrder


def invalid(path: str, code: str, message: str, **bound: int) -> ApiError:
    """The documented error for a malformed request: 400, with the field."""
    return ApiError(400, "validation_failed", message, [{"path": path, "code": code, **bound}])


def read_limit(text: str) -> int:
    """The length of a page: 1 to 100, by default 20. Raises ApiError."""
    if not text:
        return 20
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise invalid("limit", "too_small", "limit is a number from 1 to 100", min=1)
    if int(text) > 100:
        raise invalid("limit", "too_big", "limit is a number from 1 to 100", max=100)
    return int(text)


def read_time(query: dict[str, str], name: str) -> float | None:
    """A time in the query as seconds since 1970, or None. Raises ApiError."""
    if not query.get(name):
        return None
    try:
        return from_iso(query[name])
    except ValueError:
        raise invalid(name, "invalid_date", f"{name} is not an ISO 8601 time") from None


def read_body(request: Request) -> dict[str, Any]:
    """The body as an object. Raises ApiError."""
    body = request.json_object()
    if body is None:
        raise invalid("", "invalid_json", "the body is not a JSON object")
    return body


def read_text(body: dict[str, Any], name: str) -> str:
    """A string in the body, "" where it is absent. Raises ApiError."""
    value = body.get(name, "")
    if not isinstance(value, str):
        raise invalid(name, "invalid_type", f"{name} is not a string")
    return value


def read_units(body: dict[str, Any], order: StoreOrder) -> list[tuple[str, int]]:
    """The units that the body names, as pairs of line and quantity. Raises ApiError."""
    items = body.get("items")
    if not isinstance(items, list) or not items:
        raise invalid("items", "invalid_type", "items is not a list of lines with quantities")
    lines = order.ordered()
    units = []
    for index, item in enumerate(items):
        line_id, quantity = (
            (item.get("line_item_id"), item.get("quantity")) if isinstance(item, dict) else (0, 0)
        )
        if not isinstance(line_id, str) or line_id not in lines:
            raise invalid(f"line_items.{index}.line_item_id", "not_found", "the order has no such line")
        if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
            raise invalid(f"line_items.{index}.quantity", "too_small", "quantity is 1 or more", min=1)
        units.append((line_id, quantity))
    return units


def write_cursor(number: int) -> bytes:
    """The cursor of the page that begins before the row of this number. Opaque to clients."""
    return base64.urlsafe_b64encode(b"before:%d" % number).rstrip(b"=")


def read_cursor(text: str) -> int:
    """The number in a cursor. Raises ApiError for a cursor that this store did not issue."""
    try:
        padded = text + "=" * (-len(text) % 4)
        return int(base64.urlsafe_b64decode(padded).removeprefix(b"before:"))
    except ValueError:
        raise invalid("cursor", "invalid_cursor", "this store did not issue this cursor") from None
