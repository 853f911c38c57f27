"""Text on its way to a terminal: escaped, styled, measured in cells, cut to fit, broken into lines."""

from __future__ import annotations

from collections.abc import Iterable

from packhouse.model.printable import escaped

# Characters without a cell of their own: joiners, and the vowels and ends of Korean syllables.
_WITHOUT_CELL = frozenset("\u200c\u200d") | frozenset(map(chr, range(0x1160, 0x1200)))


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


def plain(line: Iterable[Piece]) -> str:
    """The line without its styles."""
    return "".join(str(piece) for piece in line)


def width_of(text: str) -> int:
    """How many cells the text takes on a terminal: East Asian wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    cells = 0
    for char in text:
        if category(char) not in ("Mn", "Me") and char not in _WITHOUT_CELL:
            cells += 2 if east_asian_width(char) in "WF" else 1
    return cells


def padded(text: str, width: int) -> str:
    """The text with blanks behind it, so that it takes `width` cells; a wider text stays as it is."""
    return text + " " * (width - width_of(text))


def cut(text: str, width: int, end: str = "…") -> str:
    """The text in at most `width` cells, with `end` where something was left out."""
    if width_of(text) <= width:
        return text
    if width <= len(end):
        return end[:width]
    kept, cells = "", len(end)
    for char in text:
        cells += width_of(char)
        if cells > width:
            break
        kept += char
    return kept + end


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
