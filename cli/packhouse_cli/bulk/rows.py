"""Parses CSV, JSON lines or a list of ids into rows, and reports every bad line with its number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packhouse.model.order import Units
from packhouse.model.text import decode_json
from packhouse.model.tracking_number import NotATrackingNumber, read_tracking_number
from packhouse.store.json_fields import is_id
from packhouse_cli.arguments.given_amount import GivenAmount, given_amount
from packhouse_cli.changes.line_items import parse_item
from packhouse_cli.exit_codes import UsageError

# The names that a column may have, and its field.
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
_PROBLEM = "\0"  # the field of a row that cannot be read, with the reason
_DELIMITERS = ",;\t|"
_SEPARATOR_LINE = re.compile(r"\s*[\"']?sep=(.)[\"']?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One requested change.

    `line` is its number in the file, 0 without a file. Fields that are not given are empty.

    `amount` is None for everything that is left.
    """

    line: int
    order_id: str
    carrier: str = ""
    tracking: str = ""
    items: tuple[Units, ...] = ()
    amount: GivenAmount | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be planned, and the reason."""

    line: int
    reason: str
    order_id: str = ""

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}" if self.line else self.reason


def decode_text(content: bytes) -> str:
    """The text of a file:

    UTF-8, or UTF-16 with a byte order mark, as spreadsheets save it. Raises UsageError.
    """
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UsageError(
            f"Line {line} of the file is not UTF-8 text. Save the file as UTF-8; in a spreadsheet, "
            "choose `CSV UTF-8`."
        ) from None


def parse_rows(text: str, action: str, defaults: Mapping[str, str]) -> tuple[list[Row], list[BadRow]]:
    """The rows of a file, and the rows that cannot be read.

    `action` is a key of COLUMNS. `defaults` fills the fields that a row leaves empty; "{order}" in the
    tracking number becomes the order's id.
    """
    lines = re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff"))
    first = next((line for line in lines if line.strip()), "")
    rows: list[Row] = []
    bad_rows: list[BadRow] = []
    json_lines = first.lstrip().startswith(("{", "["))
    parts = _json_lines(lines) if json_lines else _csv_lines(lines, first, action)
    try:
        for number, fields in parts:
            try:
                rows.append(_row(number, fields, action, defaults))
            except UsageError as error:
                bad_rows.append(BadRow(number, str(error)))
    except _UnreadableFile as error:
        bad_rows.append(error.bad_row)
    return rows, bad_rows


def rows_for(order_ids: Iterable[str], action: str, defaults: Mapping[str, str]) -> list[Row]:
    """One row for each order, with the same fields.

    Raises UsageError if `defaults` lacks a required field.
    """
    return [_row(0, {"order": order_id}, action, defaults) for order_id in order_ids]


class _UnreadableFile(Exception):
    """The rest of the file cannot be read; `line` is where it fails, 0 for the whole file."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.bad_row = BadRow(line, reason)


def _json_lines(lines: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if lines and next(line for line in lines if line.strip()).lstrip().startswith("["):
        raise _UnreadableFile(1, "is a JSON array; write one object on each line (jq -c '.[]' does it)")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = decode_json(line)
        except ValueError:
            value = None
        yield number, value if isinstance(value, dict) else {"": line}


def _csv_lines(lines: list[str], first: str, action: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    import csv

    if not first:
        raise _UnreadableFile(0, "The file has no rows.")
    delimiter = max(_DELIMITERS, key=first.count)
    if (said := _SEPARATOR_LINE.fullmatch(first)) is not None:
        # Excel writes and reads this line; it names the separator and is no row.
        delimiter = said[1]
        lines = ["" if line == first else line for line in lines]
        first = next((line for line in lines if line.strip()), "")
    headers = _headers(first, delimiter)
    if len([header for header in headers if header]) == 1 and _order_in(headers) is None:
        # Numbers writes the name of the table above its columns.
        below = next((line for line in lines[lines.index(first) + 1 :] if line.strip()), "")
        delimiter = max(_DELIMITERS, key=below.count) if below.count(delimiter) == 0 else delimiter
        if below.count(delimiter) and _order_in(_headers(below, delimiter)) is not None:
            lines = ["" if at <= lines.index(first) else line for at, line in enumerate(lines)]
            first, headers = below, _headers(below, delimiter)
    while headers and not headers[-1]:
        headers.pop()  # a spreadsheet writes empty cells for columns that were used once
    if len(headers) == 1 and headers[0] not in _NAMES:
        yield from ((number, {"order": line}) for number, line in enumerate(lines, 1) if line.strip())
        return
    if _order_in(headers) is None:
        raise _UnreadableFile(
            lines.index(first) + 1, "has no column `order`; the first line must name the columns"
        )
    # An ignored column could be an amount with a mistyped name, and then the whole order would be refunded.
    for header in headers:
        if not header:
            raise _UnreadableFile(
                lines.index(first) + 1, "has a column without a name between others; name it or remove it"
            )
        if _NAMES.get(header) not in COLUMNS[action]:
            raise _UnreadableFile(
                lines.index(first) + 1, f"has a column {header!r}: {_allowed_fields(action)}"
            )
    reader = csv.reader([line + "\n" for line in lines], delimiter=delimiter, strict=True)
    start, has_header = 1, False
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _UnreadableFile(
                start, f"cannot be read as CSV ({error}); the lines after it were not read"
            ) from None
        number, start = start, reader.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        if not has_header:
            has_header = True
        elif any(cell.strip() for cell in cells[len(headers) :]):
            extra = next(cell.strip() for cell in cells[len(headers) :] if cell.strip())
            yield number, {_PROBLEM: f"{extra[:80]!r} stands in a column without a name"}
        else:
            yield number, dict(zip(headers, cells, strict=False))


def _headers(line: str, delimiter: str) -> list[str]:
    """The names of the columns: `Tracking Number` is tracking_number."""
    import csv

    cells = next(csv.reader([line], delimiter=delimiter))
    return ["_".join(cell.lower().split()) for cell in cells]


def _order_in(headers: list[str]) -> str | None:
    """The name of the column with the order's id, if there is one."""
    return next((header for header in headers if _NAMES.get(header) == "order"), None)


def _row(number: int, fields: Mapping[str, Any], action: str, defaults: Mapping[str, str]) -> Row:
    """Raises UsageError."""
    if _PROBLEM in fields:
        raise UsageError(str(fields[_PROBLEM]))
    if "" in fields:
        raise UsageError(f"{str(fields[''])[:80]!r} is not a row")
    found: dict[str, Any] = {}
    for name, value in fields.items():
        field = _NAMES.get(name.strip().lower())
        if field not in COLUMNS[action]:
            raise UsageError(f"has a field {name!r}: {_allowed_fields(action)}")
        if field in found:
            raise UsageError(f"has the field {field} twice")
        found[field] = value
    order_id = _text(found, "order")
    if not is_id(order_id):
        raise UsageError(f"{order_id!r} is not an order id" if order_id else "has no order id")
    for name, value in defaults.items():
        if value and found.get(name) in (None, "", []):
            found[name] = value.replace("{order}", order_id) if name == "tracking" else value
    if action == "refund":
        return Row(number, order_id, amount=_amount(found), reason=_text(found, "reason"))
    if action == "return":
        return Row(number, order_id, items=_items(found), reason=_text(found, "reason"))
    carrier, tracking = _text(found, "carrier"), found.get("tracking")
    if tracking is None or isinstance(tracking, str):
        tracking = (tracking or "").strip()
    if not carrier or tracking == "":
        missing = " and ".join(n for n, v in (("carrier", carrier), ("tracking", tracking)) if v == "")
        raise UsageError(f"has no {missing} for order {order_id}")
    try:
        parcel = read_tracking_number(tracking)
    except NotATrackingNumber as error:
        raise UsageError(f"tracking {error}") from None
    return Row(number, order_id, carrier=carrier, tracking=parcel, items=_items(found))


def _allowed_fields(action: str) -> str:
    return f"the fields of {action} are {', '.join(COLUMNS[action])}"


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not value.strip().isprintable():
        raise UsageError(f"{name} {str(value)[:80]!r} is not plain text")
    return value.strip()


def _amount(found: Mapping[str, Any]) -> GivenAmount | None:
    """A JSON number with a fraction is refused: 15.0 may be a whole number that a program changed."""
    value = found.get("amount")
    if value in (None, "") and not isinstance(value, bool):
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise UsageError(f"amount {value!r} is not a whole number of minor units (1500 is 15.00 USD)")
    try:
        return given_amount(str(value))
    except UsageError as error:
        raise UsageError(f"amount {error}") from None


def _items(found: Mapping[str, Any]) -> tuple[Units, ...]:
    value = found.get("items")
    if value in (None, "", []):
        return ()
    parts = re.split(r"[\s,;]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise UsageError(f"items {str(value)[:80]!r} must be LINE:QUANTITY, separated by spaces")
    return tuple(_item(part) for part in parts if part != "")


def _item(part: Any) -> Units:
    if isinstance(part, str):
        return parse_item(part)
    if isinstance(part, dict) and set(part) == {"line_item_id", "quantity"}:
        quantity = part["quantity"]
        if isinstance(quantity, int) and not isinstance(quantity, bool):
            return parse_item(f"{part['line_item_id']}:{quantity}")
    raise UsageError(
        f"item {str(part)[:80]!r} must be LINE:QUANTITY or an object with line_item_id and quantity"
    )
