"""The font of a text: Helvetica for Latin-1, DejaVu (in this folder) for other characters.

DejaVu covers Latin, Greek, Cyrillic, Armenian and Georgian. Other scripts print as "?": Packhouse ships no
font for them, and a wrong letter on a label is worse than a missing one.
"""

from __future__ import annotations

import bisect
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

# No line of a label has room for more characters, however narrow.
LONGEST = 500
_FONTS = Path(__file__).parent


@cache
def _dejavu(bold: bool) -> TTFont:
    file = "DejaVuSansCondensed-Bold" if bold else "DejaVuSansCondensed"
    font = TTFont(file, str(_FONTS / f"{file}.ttf"))
    pdfmetrics.registerFont(font)
    return font


def setting(text: str, *, bold: bool) -> tuple[str, str]:
    """The font's name, and the text with "?" for characters that the font lacks."""
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        font = _dejavu(bold)
        return font.fontName, "".join(char if ord(char) in font.face.charToGlyph else "?" for char in text)
    return ("Helvetica-Bold" if bold else "Helvetica"), text


def fitted(text: str, size: float, room: float, *, bold: bool, min_size: float) -> tuple[str, str, float]:
    """Font, text and size so that the text is at most `room` points wide.

    The size shrinks to `min_size` first; a text that is still too wide ends in an ellipsis.
    """
    text = text[:LONGEST]
    font, text = setting(text, bold=bold)
    width = pdfmetrics.stringWidth(text, font, size)
    if width <= room:
        return font, text, size
    size = max(min_size, size * room / width)
    if pdfmetrics.stringWidth(text, font, size) <= room + 0.01:
        return font, text, size
    fits = bisect.bisect_right(
        range(len(text)), room + 0.01, key=lambda end: pdfmetrics.stringWidth(_cut(text, end), font, size)
    )
    return font, _cut(text, max(0, fits - 1)), size


def _cut(text: str, end: int) -> str:
    return text[:end].rstrip() + "…"
