"""What goes out: a table for eyes, JSON for programs. Text of a store never drives the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
# Joiners that names in some scripts need, and that move nothing on a terminal.
JOINERS = frozenset("\u200c\u200d")
_MOST_SEEN = 500


def safe(value: object) -> str:
    """Text that cannot drive a terminal: control and other invisible characters become \\xNN or \\uNNNN."""
    text = "" if value is None else str(value)
    if text.isprintable():
        return text
    return "".join(_harmless(char) for char in text)


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


class Terminal:
    """Where a command writes: results on `stdout`, everything else on `stderr`.

    `width` is the terminal's in cells, or None where nobody looks (a pipe or a file): nothing is cut there.
    `can_draw` says whether it understands control sequences, `colour` whether styles are painted.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO, environ: Mapping[str, str]) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.is_tty = stdout.isatty()
        self.can_draw = self.is_tty and environ.get("TERM", "dumb") != "dumb"
        self.colour = self.can_draw and not environ.get("NO_COLOR")
        self._columns = environ.get("COLUMNS", "")
        # What a person was shown, for completion to know its ids; nothing where no person looks.
        self.seen: list[str] = []
        self.program = "packhouse"  # the name it was called by
        self._is_watched = self.is_tty or stderr.isatty()

    @classmethod
    def of_this_process(cls) -> Terminal:
        """Standard output and error; what their encoding lacks is written as an escape, never a crash."""
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="backslashreplace")
        return cls(sys.stdout, sys.stderr, os.environ)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines of the terminal now; 80 and 24 where there is none."""
        try:
            columns, lines = os.get_terminal_size(self.stdout.fileno())
        except (OSError, ValueError):
            columns, lines = 80, 24
        if self._columns.isdigit() and int(self._columns) > 0:
            columns = int(self._columns)
        return columns or 80, lines or 24

    @property
    def width(self) -> int | None:
        """The terminal's columns, or None where nobody looks."""
        return self.size[0] if self.is_tty else None

    @property
    def speaks_unicode(self) -> bool:
        """Whether dots and rules can be drawn."""
        return "utf" in (getattr(self.stdout, "encoding", None) or "").lower()

    def paint(self, text: str, *styles: str) -> str:
        """The text in these styles, or plain where colour is not wanted."""
        if not self.colour or not styles or not text:
            return text
        return f"\x1b[{';'.join(_STYLES[style] for style in styles)}m{text}\x1b[0m"

    def line(self, text: str = "") -> None:
        """One line of the result."""
        self.stdout.write(text + "\n")
        self._see(text)

    def note(self, text: str) -> None:
        """One line beside the result, for people."""
        self.stderr.write(text + "\n")

    def json(self, value: Any) -> None:
        """The result for programs; indented where a person looks at it."""
        text = json_text(value, indent=2 if self.is_tty else None)
        self.stdout.write(text + "\n")
        self._see(text)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table that fits the terminal; every cell is made harmless.

        What people copy is never cut: where the rest cannot give way enough, each row becomes lines of its
        own. Off a terminal nothing is cut, and tabs stand between the columns.
        """
        cells = [[safe(cell) for cell in row] for row in rows]
        if self.width is None:
            for row in (headers, *cells):
                self.line("\t".join(row))
            return
        from packhouse_cli.terminal.table import lay_out

        lines = lay_out(headers, cells, self.width)
        if not lines:
            self._records(headers, cells)
            return
        self.line(self.paint(lines[0], "bold"))
        for line in lines[1:]:
            self.line(line)

    def _records(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Each row on lines of its own, one a cell, for a terminal too narrow for columns."""
        for number, row in enumerate(rows):
            if number:
                self.line()
            self.fields(zip(headers, row, strict=True))

    def _see(self, text: str) -> None:
        if self._is_watched and len(self.seen) < _MOST_SEEN:
            self.seen.append(text)

    def fields(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Names and values, one pair a line; pairs without a value are left out."""
        shown = [(name, safe(value)) for name, value in pairs if value not in (None, "")]
        widest = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            self.line(f"{self.paint(name.ljust(widest), 'bold')}  {value}")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON in readable characters, with those that could drive a terminal escaped."""
    import json

    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(
        char if char.isprintable() or char in JOINERS or char == "\n" else json.dumps(char)[1:-1]
        for char in text
    ).replace("\x7f", "\\u007f")
