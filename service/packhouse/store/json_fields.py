"""One field of the store's JSON at a time: text, ids, whole numbers. Nothing is converted or guessed.

What is not what it should be is either absent (text) or refused (required ids, amounts, quantities).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from packhouse.errors import StoreUnreadable
from packhouse.model.text import decode_json, is_whole, shortened

CREATED = ("created_at", "createdAt")  # the names of an order's time
_LARGEST = 2**53  # beyond it, JSON readers disagree about a number's value
_LONGEST_NUMBER = 400  # digits
_LATEST = 250_000_000_000.0  # seconds since 1970: the year 9892
# Numbers in place of an ISO time: seconds, or thousandths, millionths, billionths of one since 1970.
_EPOCH_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1.0))
_ID = re.compile(r"(?!\.{1,2}\Z)[^\s/,]{1,255}")  # "." and ".." would change a path
LONGEST_TEXT = 1000
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), " ")


def parse_json(body: bytes) -> Any:
    """The value that `body` says in UTF-8, with text fit to keep. A byte order mark is skipped.

    Raises ValueError for what is not plain JSON, and for NaN, Infinity, numbers too long to read and nesting
    that is too deep.
    """
    return decode_json(without_mark(body))


def without_mark(body: bytes) -> str:
    """The text that `body` says in UTF-8, without a byte order mark. Raises ValueError for what is no UTF-8.

    Python's own codec for this is written in Python.
    """
    return body.decode().removeprefix("\ufeff")


def parse_listing(body: bytes) -> Any:
    """As `parse_json`, but one bad value does not hide the other rows: it is replaced.

    NaN, Infinity and endless numbers become None; what is no UTF-8 becomes U+FFFD. Only for lists, whose rows
    name orders to read again.
    """
    try:
        return parse_json(body)
    except ValueError:
        said = body.decode("utf-8-sig", errors="replace")
    return decode_json(
        said, parse_constant=lambda _: None, parse_int=_int_or_none, parse_float=_finite_or_none
    )


def _int_or_none(digits: str) -> int | None:
    return int(digits) if len(digits) < _LONGEST_NUMBER else None


def _finite_or_none(digits: str) -> float | None:
    return number if math.isfinite(number := float(digits)) else None


def text(value: Any) -> str:
    """A string without control characters and surrounding blanks; "" for anything else.

    Of a text longer than LONGEST_TEXT the beginning, which ends in "…".
    """
    if not isinstance(value, str):
        return ""
    found = shortened(value.strip(), LONGEST_TEXT)
    return found if found.isprintable() else found.translate(_CONTROLS).strip()


def camel(name: str) -> str:
    """A field's name in camel case: shippingOption for shipping_option."""
    first, *rest = name.split("_")
    return f"{first}{''.join(map(str.title, rest))}"


def first_text(source: Mapping[str, Any], names: Iterable[str]) -> str:
    """The first of these fields that holds text, or ""."""
    for name in names:
        found = text(source.get(name))
        if found:
            return found
    return ""


def created_at(source: Mapping[str, Any]) -> str:
    """An order's creation time as the store wrote it, or as an ISO 8601 time in UTC where it is a number.

    "" where there is none.
    """
    for name in CREATED:
        value = source.get(name)
        if found := text(value):
            return _epoch(float(found)) if found.isdecimal() and len(found) < 20 else found
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _epoch(float(value))
    return ""


def _epoch(value: float) -> str:
    scale = next((scale for least, scale in _EPOCH_UNITS if value >= least), 0.0)
    if not scale or value / scale > _LATEST:
        return ""
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(value / scale, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_id(value: Any) -> TypeGuard[str]:
    """Whether it can be an id of the store's: whole text without blanks, control characters, "/" or ","."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None and is_whole(value)


def optional_id(value: Any) -> str:
    """The id, or "" for what cannot be one."""
    return value if is_id(value) else ""


def required_id(value: Any, what: str) -> str:
    """The id. Raises StoreUnreadable naming `what` when it is missing or cannot be one."""
    if not is_id(value):
        raise StoreUnreadable(f"The store's response has no usable {what}: it is {shape(value)}.")
    return value


def whole(value: Any, what: str) -> int:
    """An integer. Raises StoreUnreadable for floats (also 2.0), booleans, text, absence and absurd sizes."""
    if type(value) is not int or abs(value) > _LARGEST:
        raise StoreUnreadable(
            f"The store's response has {shape(value)} where {what} should be a whole number."
        )
    return value


def quantity(value: Any, what: str) -> int:
    """A number of units, 0 or more. Raises StoreUnreadable as `whole` does, and for less than 0."""
    count = whole(value, what)
    if count < 0:
        raise StoreUnreadable(f"The store's response says that {what} is {count}, which is less than 0.")
    return count


def amount(value: Any, what: str, currency: str = "") -> int | None:
    """Minor units, from an integer or from {"amount", "currency"}; None when absent.

    Raises StoreUnreadable for what is not a whole number, or speaks of another currency than `currency`.
    """
    if isinstance(value, dict):
        theirs = text(value.get("currency")).upper()
        if theirs and currency and theirs != currency:
            raise StoreUnreadable(
                f"The store's response gives {what} in {theirs}, but the order is in {currency}."
            )
        value = value.get("amount")
    return None if value is None else whole(value, what)


def mapping(value: Any) -> Mapping[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: Any, what: str) -> list[Mapping[str, Any]]:
    """A list of objects. Raises StoreUnreadable for anything else."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise StoreUnreadable(
            f"The store's response has {shape(value)} where {what} should be a list of objects."
        )
    return value


def digital(source: Mapping[str, Any]) -> bool | None:
    """Whether it is digital, by the store's booleans; None when it does not say or contradicts itself."""
    values = {source[name] for name in ("is_digital", "digital") if isinstance(source.get(name), bool)}
    values |= {
        not source[name]
        for name in ("requires_shipping", "is_physical")
        if isinstance(source.get(name), bool)
    }
    return values.pop() if len(values) == 1 else None


def shape(value: Any) -> str:
    """What kind of thing it is, for a message; its content stays out (it may be a buyer's address)."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return "a number" if abs(value) <= _LARGEST else "a number too large"
    names = {str: "text", float: "a number with a fraction", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
