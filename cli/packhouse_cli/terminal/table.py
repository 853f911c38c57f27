"""Lays a table out on a terminal: which columns stay whole, which are shortened, which move to other lines.

The cells are escaped already. There are no lines where the terminal is too narrow for columns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from packhouse_cli.terminal.text import cut, padded, width_of, wrap

# Identity, time, state, money and reason. People copy ids, and act on the rest: none of them is cut.
_COPIED = {"ORDER", "SHIPMENT", "TRACKING"}
_DATED = {"AT", "CREATED", "RECEIVED", "SINCE"}
_STATE = {"STATE", "STATUS", "OUTCOME", "TYPE", "EVENT", "CODE", "ACTIVE", "UNITS", "ITEMS"}
_MONEY = {"TOTAL", "COST", "AMOUNT"}
_WHOLE = _COPIED | _DATED | _STATE | _MONEY
_PROSE = {"WHY", "WHAT", "NOTE", "CHANGE"}
# Where each row says the same, these say the least.
_REPEATED = {"SITE", "BY"}
_NARROWEST = 6
_DATE = re.compile(r"\d{4}-(\d\d-\d\d \d\d:\d\d)")


def lay_out(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """The heading and the rows in lines of at most `width` cells; empty where columns do not fit.

    The first column, ids, dates, states and sums are never cut. If the table is too wide, empty columns and
    the year of dates are removed first, then prose moves to lines below its row, never cut. Then a site or a
    person that is the same in each row leaves. Then the other columns become narrower, and leave from the
    right where that is not enough.
    """
    if _taken(_widths(headers, rows)) > width:
        headers, rows = _without_empty(headers, rows)
        rows = [[_DATE.sub(r"\1", cell) if _DATE.fullmatch(cell) else cell for cell in row] for row in rows]
    below: list[str] = []
    if len(headers) > 2 and headers[-1] in _PROSE:
        others = [row[:-1] for row in rows]
        if _taken(_widths(headers, rows)) > width:
            headers, below, rows = headers[:-1], [row[-1] for row in rows], others
    for at in reversed(range(1, len(headers))):
        is_same = len(rows) > 1 and len({row[at] for row in rows}) == 1
        if headers[at] in _REPEATED and is_same and _taken(_widths(headers, rows)) > width:
            headers, rows = _without_column(at, headers, rows)
    widths = fit(_widths(headers, rows), width, _whole(headers))
    while _taken(widths) > width:
        decoration = next((at for at in reversed(range(len(headers))) if at not in _whole(headers)), None)
        if decoration is None:
            return []
        headers, rows = _without_column(decoration, headers, rows)
        widths = fit(_widths(headers, rows), width, _whole(headers))
    lines = [_line(headers, widths)]
    for number, row in enumerate(rows):
        lines.append(_line(row, widths))
        if below and below[number]:
            lines += [f"    {part}" for part in wrap(below[number], width - 4)]
    return lines


def fit(widths: Sequence[int], total: int, kept: set[int]) -> list[int]:
    """Column widths whose sum with two spaces between is at most `total`; the widest give way first.

    The columns in `kept` stay as they are, none gets narrower than six cells: it may still be too wide.
    """
    fitted = list(widths)
    while _taken(fitted) > total:
        widest = max(
            (at for at in range(len(fitted)) if at not in kept), key=fitted.__getitem__, default=None
        )
        if widest is None or fitted[widest] <= _NARROWEST:
            break
        fitted[widest] -= 1
    return fitted


def _whole(headers: Sequence[str]) -> set[int]:
    return {column for column, header in enumerate(headers) if not column or header in _WHOLE}


def _without_column(
    column: int, headers: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    return [*headers[:column], *headers[column + 1 :]], [[*row[:column], *row[column + 1 :]] for row in rows]


def _without_empty(
    headers: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    filled = [column for column in range(len(headers)) if not column or any(row[column] for row in rows)]
    return [headers[column] for column in filled], [[row[column] for column in filled] for row in rows]


def _widths(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [
        max([width_of(header), *(width_of(row[column]) for row in rows)])
        for column, header in enumerate(headers)
    ]


def _taken(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cut(cell, width) for cell, width in zip(row, widths, strict=True))
    return "  ".join(padded(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()
