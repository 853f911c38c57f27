"""What a person hands in: CSV, JSON lines or bare ids become rows; every bad line is told with its number."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packhouse.model.order import Units
from packhouse.store.json_fields import is_id
from packhouse_cli.changes.line_items import read_item
from packhouse_cli.exit_codes import UsageError
from packhouse_cli.terminal.output import safe

# What a column may be called -> the field it is.
_NAMES = {
    "order": "order",
    "order_id": "order",
    "id": "order",
    "carrier": "carrier",
    "tracking": "tracking",
    "tracking_number": "tracking",
    "item": "items",
    "items": "items",
    "amount": "amount",
    "reason": "reason",
}
COLUMNS: dict[str, tuple[str, ...]] = {
    "fulfill": ("order", "carrier", "tracking", "items"),
    "refund": ("order", "amount", "reason"),
    "return": ("order", "items", "reason"),
}
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d+")
_DELIMITERS = ",;\t|"
_LARGEST_AMOUNT = 2**53


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to do. `line` is its number in the file, 0 where there is none; empty fields were not given.

    `amount_minor` counts minor units of the order's own currency; None asks for all that is left.
    """

    line: int
    order_id: str
    carrier: str = ""
    tracking: str = ""
    items: tuple[Units, ...] = ()
    amount_minor: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be planned."""

    line: int
    why: str
    order_id: str = ""

    def __str__(self) -> str:
        return f"line {self.line}: {self.why}" if self.line else self.why


def decoded(content: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 with its mark, as spreadsheets save it. Raises UsageError."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UsageError(
            f"Line {line} of the rows is not UTF-8 text. Save the file as UTF-8, for example as "
            "`CSV UTF-8` in a spreadsheet."
        ) from None


def read_rows(text: str, action: str, given: Mapping[str, str]) -> tuple[list[Row], list[Fault]]:
    """The rows of a file and what is wrong with the others.

    `action` is a name of COLUMNS; `given` fills fields that a row leaves empty ("{order}" becomes its id).
    """
    lines = re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff"))
    first = next((line for line in lines if line.strip()), "")
    rows: list[Row] = []
    faults: list[Fault] = []
    json_lines = first.lstrip().startswith(("{", "["))
    parts = _json_lines(lines) if json_lines else _csv_lines(lines, first, action)
    try:
        for number, fields in parts:
            try:
                rows.append(_row(number, fields, action, given))
            except UsageError as error:
                faults.append(Fault(number, str(error)))
    except _Unreadable as error:
        faults.append(error.fault)
    return rows, faults


def rows_for(order_ids: Iterable[str], action: str, given: Mapping[str, str]) -> list[Row]:
    """One row an order, all alike. Raises UsageError where `given` does not suffice."""
    return [_row(0, {"order": order_id}, action, given) for order_id in order_ids]


class _Unreadable(Exception):
    """Nothing of the file can be used."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.fault = Fault(line, why)


def _json_lines(lines: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if lines and next(line for line in lines if line.strip()).lstrip().startswith("["):
        raise _Unreadable(1, "is a JSON array; one object a line is wanted (jq -c '.[]' makes them)")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        yield number, value if isinstance(value, dict) else {"": line}


def _csv_lines(lines: list[str], first: str, action: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    import csv

    if not first:
        raise _Unreadable(0, "There are no rows.")
    delimiter = max(_DELIMITERS, key=first.count)
    heads = [head.strip().lower() for head in next(csv.reader([first], delimiter=delimiter))]
    if len(heads) == 1 and heads[0] not in _NAMES:
        yield from ((number, {"order": line}) for number, line in enumerate(lines, 1) if line.strip())
        return
    if "order" not in {_NAMES.get(head) for head in heads}:
        raise _Unreadable(
            lines.index(first) + 1, "names no column `order`; the first line must name the columns"
        )
    # A column left unread could be an amount with its name mistyped: all of the money would go back.
    for head in heads:
        if _NAMES.get(head) not in COLUMNS[action]:
            raise _Unreadable(lines.index(first) + 1, f"has a column {safe(head)!r}: {_wanted(action)}")
    reader = csv.reader([line + "\n" for line in lines], delimiter=delimiter, strict=True)
    began, headed = 1, False
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _Unreadable(began, f"cannot be read as CSV ({error}); nothing after it was read") from None
        number, began = began, reader.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        if not headed:
            headed = True
        elif len(cells) > len(heads):
            yield number, {"": f"{len(cells)} cells under {len(heads)} columns"}
        else:
            yield number, dict(zip(heads, cells, strict=False))


def _row(number: int, fields: Mapping[str, Any], action: str, given: Mapping[str, str]) -> Row:
    """Raises UsageError."""
    if "" in fields:
        raise UsageError(f"{safe(fields[''])[:80]!r} is no row")
    found: dict[str, Any] = {}
    for name, value in fields.items():
        field = _NAMES.get(name.strip().lower())
        if field not in COLUMNS[action]:
            raise UsageError(f"has a field {safe(name)!r}: {_wanted(action)}")
        if field in found:
            raise UsageError(f"says {field} twice")
        found[field] = value
    order_id = _text(found, "order")
    if not is_id(order_id):
        raise UsageError(f"{safe(order_id)!r} cannot be an order's id" if order_id else "names no order")
    for name, value in given.items():
        if value and found.get(name) in (None, "", []):
            found[name] = value.replace("{order}", order_id) if name == "tracking" else value
    if action == "refund":
        return Row(number, order_id, amount_minor=_amount(found), reason=_text(found, "reason"))
    if action == "return":
        return Row(number, order_id, items=_items(found), reason=_text(found, "reason"))
    carrier, tracking = _text(found, "carrier"), _text(found, "tracking")
    if not carrier or not tracking:
        missing = " and ".join(n for n, v in (("carrier", carrier), ("tracking", tracking)) if not v)
        raise UsageError(f"has no {missing} for order {safe(order_id)}")
    if _ROUNDED.fullmatch(tracking):
        raise UsageError(
            f"tracking {tracking!r} was rounded by a spreadsheet; make that column text and paste it again"
        )
    return Row(number, order_id, carrier=carrier, tracking=tracking, items=_items(found))


def _wanted(action: str) -> str:
    return f"a row of {action} has {', '.join(COLUMNS[action])} and nothing else"


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and name == "tracking":
        value = str(value)
    if not isinstance(value, str) or not value.strip().isprintable():
        raise UsageError(f"{name} {safe(value)[:80]!r} is not a plain text")
    return value.strip()


def _amount(found: Mapping[str, Any]) -> int | None:
    value = found.get("amount")
    if value in (None, "") and not isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,16}\s*", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _LARGEST_AMOUNT:
        raise UsageError(f"amount {safe(value)!r} is not a whole number of minor units (1500 is 15.00 USD)")
    return value


def _items(found: Mapping[str, Any]) -> tuple[Units, ...]:
    value = found.get("items")
    if value in (None, "", []):
        return ()
    parts = re.split(r"[\s,;]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise UsageError(f"items {safe(value)[:80]!r} must be LINE:QUANTITY, several with a blank between")
    return tuple(_item(part) for part in parts if part != "")


def _item(part: Any) -> Units:
    if isinstance(part, str):
        return read_item(part)
    if isinstance(part, dict) and set(part) == {"line_item_id", "quantity"}:
        quantity = part["quantity"]
        if isinstance(quantity, int) and not isinstance(quantity, bool):
            return read_item(f"{part['line_item_id']}:{quantity}")
    raise UsageError(f"item {safe(part)[:80]!r} must be LINE:QUANTITY or have line_item_id and quantity")
