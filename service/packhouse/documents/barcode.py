"""Code 128 and GS1-128: bars for PDF and PNG (by zxing-cpp), and the field data that a ZPL printer encodes.

A bar's module is a whole number of printer dots, three or more at 203 dpi if they fit: narrower or
fractional modules do not scan when the print head is worn.
"""

from __future__ import annotations

import re
from typing import Any

import zxingcpp

QUIET_MODULES = 10
FNC1 = "\x1d"

# A character takes half a symbol at least; no label has room for so many.
_LONGEST = 200
_ELEMENT = re.compile(r"\((\d{2,4})\)([^()]+)")
_PRINTABLE = re.compile(r"[ -~]+")
# Application identifiers of fixed length, by their first two digits: no separator follows them (GS1 General
# Specifications, element strings with predefined length).
_FIXED_LENGTH = {f"{first:02}" for first in (*range(5), *range(11, 21), *range(31, 37), 41)}
# In ZPL field data for ^BC these characters of subset B are written by invocation codes.
_ZPL_INVOKED = {">": ">0", "^": "><", "~": ">="}


def bars(data: str, *, gs1: bool = False) -> list[tuple[int, int]]:
    """The black bars as (start, width) in modules, without quiet zones. Raises ValueError."""
    _check_length(data)
    if not _PRINTABLE.fullmatch(data):
        raise ValueError(f"{data!r} cannot be a Code 128 barcode: use printable ASCII characters")
    if gs1:
        element_string(data)
    symbol = zxingcpp.create_barcode(data, zxingcpp.BarcodeFormat.Code128, gs1=gs1)
    image: Any = zxingcpp.write_barcode_to_image(symbol, scale=1, add_quiet_zones=False, add_hrt=False)
    row = bytes(memoryview(image))[: image.shape[1]]
    return [(run.start(), run.end() - run.start()) for run in re.finditer(rb"\x00+", row)]


def element_string(bracketed: str) -> str:
    """ "(420)90277(98)0012" as a scanner sends it: FNC1 first, and after each element of variable length."""
    elements = _ELEMENT.findall(bracketed)
    if not elements or "".join(f"({ai}){value}" for ai, value in elements) != bracketed:
        raise ValueError(f"{bracketed!r} is not GS1 data: write it as (420)90277(98)0012345678")
    parts = [FNC1]
    for number, (ai, value) in enumerate(elements, 1):
        parts.append(ai + value)
        if number < len(elements) and ai[:2] not in _FIXED_LENGTH:
            parts.append(FNC1)
    return "".join(parts)


def zpl_field(data: str) -> tuple[str, int]:
    """Field data for ^BC in mode N, and the symbol's width in modules. FNC1 in `data` is kept.

    Runs of four or more digits use subset C, two digits a symbol; the rest uses subset B. Raises ValueError
    for characters outside printable ASCII.
    """
    _check_length(data)
    if not _PRINTABLE.fullmatch(data.replace(FNC1, "")):
        raise ValueError(f"{data!r} cannot be a Code 128 barcode: use printable ASCII characters")
    out: list[str] = []
    symbols, subset, at = 1, "", 0  # the start symbol is written with the first switch
    while at < len(data):
        if data[at] == FNC1 and subset:
            out.append(">8")
            at += 1
            symbols += 1
            continue
        first = at + (data[at] == FNC1)
        digits = _digits_from(data, first)
        wanted = "C" if digits >= (2 if subset == "C" else 4) and (subset != "B" or digits % 2 == 0) else "B"
        if wanted != subset:
            out.append({"": {"B": ">:", "C": ">;"}, "B": {"C": ">5"}, "C": {"B": ">6"}}[subset][wanted])
            symbols += bool(subset)
            subset = wanted
            continue
        size = 2 if subset == "C" else 1
        out.append("".join(_ZPL_INVOKED.get(char, char) for char in data[at : at + size]))
        at += size
        symbols += 1
    return "".join(out), symbols * 11 + 11 + 13  # checksum and stop


def _check_length(data: str) -> None:
    if len(data) > _LONGEST:
        raise ValueError(
            f"a barcode of {len(data)} characters does not fit on a 4 inch label: shorten its data"
        )


def _digits_from(data: str, start: int) -> int:
    end = start
    while end < len(data) and data[end] in "0123456789":
        end += 1
    return end - start


def module_size(modules: int, room: int, sizes: tuple[int, ...]) -> int:
    """The first of `sizes` (dots a module) with which the symbol and its quiet zones fit into `room` dots."""
    for size in sizes:
        if (modules + 2 * QUIET_MODULES) * size <= room:
            return size
    raise ValueError(f"a barcode of {modules} modules does not fit on a 4 inch label: shorten its data")
