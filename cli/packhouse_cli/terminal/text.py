"""Text on its way to a terminal: escaped, styled, measured in cells, cut to fit, broken into lines."""

from __future__ import annotations

from collections.abc import Iterable

# Joiners that names in some scripts need, and that move nothing on a terminal.
JOINERS = frozenset("\u200c\u200d")


class Styled:
    """Text in styles such as "bold" or "red", which are shown where colour is wanted."""

    __slots__ = ("styles", "text")

    def __init__(self, text: str, styles: tuple[str, ...] = ()) -> None:
        self.text = text
        self.styles = styles

    def __str__(self) -> str:
        return self.text


# What a line is made of. The output layer escapes each piece before it adds the styles.
Piece = str | Styled
Line = tuple[Piece, ...]


def styled(text: object, *styles: str) -> Styled:
    """The text in these styles."""
    return Styled(escaped(text), styles)


def escaped(value: object) -> str:
    """Text that cannot drive a terminal: control and other invisible characters become \\xNN or \\uNNNN.

    None becomes "". Text that is escaped already stays as it is.
    """
    text = "" if value is None else str(value)
    if text.isprintable():
        return text
    return "".join(_harmless(char) for char in text)


def plain(line: Iterable[Piece]) -> str:
    """The line without its styles."""
    return "".join(str(piece) for piece in line)


def _harmless(char: str) -> str:
    if char.isprintable() or char in JOINERS:
        return char
    if char == "\u00a0":
        return " "
    number = ord(char)
    if char in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


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
    """The text on lines of at most `width` cells, broken between words; a longer word is not cut."""
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
