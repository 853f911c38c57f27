"""Text on its way out, to a terminal or a log: it moves no cursor, hides no letter, begins no line.

Control and other invisible characters become \\xNN or \\uNNNN. Outside text passes here whenever it is shown.
"""

from __future__ import annotations

import shlex

# Joiners that names in some scripts and emoji need; between other letters they only hide a difference.
_JOINERS = frozenset("\u200c\u200d")
# Letters without a shape, which Unicode counts as printable.
_BLANK_LETTERS = frozenset(map(chr, (0x115F, 0x1160, 0x3164, 0xFFA0)))
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\u00a0": " "}


def escaped(value: object) -> str:
    """The text in one line; None becomes "". Text that is escaped already stays as it is."""
    text = "" if value is None else str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if is_harmless(text, at) else _SHORT.get(char) or _escape(char) for at, char in enumerate(text)
    )


def escaped_lines(text: str) -> str:
    """The text with its line breaks and tabs, and everything else escaped."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in "\n\t" or is_harmless(text, at) else _escape(char) for at, char in enumerate(text)
    )


def shell_word(value: object) -> str:
    """An outside value in a command line that people copy: one word to a shell, and never an option.

    What could be neither becomes "...", which runs nothing.
    """
    text = "" if value is None else str(value)
    if not text or text.startswith("-") or escaped(text) != text:
        return "..."
    return shlex.quote(text)


def is_harmless(text: str, at: int) -> bool:
    """Whether the character at this place may be shown as it is."""
    char = text[at]
    if char in _JOINERS:
        return _is_joined(text[at - 1 : at]) and _is_joined(text[at + 1 : at + 2])
    return char.isprintable() and char not in _BLANK_LETTERS


def _is_joined(char: str) -> bool:
    return bool(char) and not char.isascii() and char.isprintable() and char not in _BLANK_LETTERS


def _escape(char: str) -> str:
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
