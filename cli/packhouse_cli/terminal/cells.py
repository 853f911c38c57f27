"""How text stands in a terminal's cells: how wide it is, cut to fit, or broken into lines."""

from __future__ import annotations

from packhouse_cli.terminal.output import JOINERS


def width_of(text: str) -> int:
    """How many cells the text takes on a terminal: East Asian wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    cells = 0
    for char in text:
        if category(char) not in ("Mn", "Me") and char not in JOINERS:
            cells += 2 if east_asian_width(char) in "WF" else 1
    return cells


def cut(text: str, width: int) -> str:
    """The text in at most `width` cells, with an ellipsis where something was left out."""
    if width_of(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    kept, cells = "", 0
    for char in text:
        cells += width_of(char)
        if cells > width - 1:
            break
        kept += char
    return kept + "…"


def wrap(text: str, width: int) -> list[str]:
    """The text on lines of at most `width` cells, broken between words; a longer word stands alone, uncut."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and width_of(line) + 1 + width_of(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    if line or not lines:
        lines.append(line)
    return lines
