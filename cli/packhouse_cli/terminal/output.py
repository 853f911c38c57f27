"""Everything a command prints: lines and tables for people, JSON for programs.

All text is escaped here, so that no order, error or argument can send control characters to a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from packhouse.model.printable import escaped, is_harmless
from packhouse_cli.terminal.text import Piece, Styled, plain, styled, width_of, wrap

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
_MOST_SEEN = 500


class Terminal:
    """Where a command writes: results to `stdout`, everything else to `stderr`.

    `width` is in cells, and None for a pipe or a file, where nothing is cut. `can_draw` says whether the
    terminal understands control sequences, `colour` whether styles are shown.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO, environ: Mapping[str, str]) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.is_tty = stdout.isatty()
        self.can_draw = self.is_tty and environ.get("TERM", "dumb") != "dumb"
        self.colour = self.can_draw and not environ.get("NO_COLOR")
        self._columns = environ.get("COLUMNS", "")
        # What was shown on a terminal: completion offers its ids later.
        self.seen: list[str] = []
        self._is_watched = self.is_tty or stderr.isatty()

    @classmethod
    def of_this_process(cls) -> Terminal:
        """Standard output and error; a character that their encoding lacks is written as an escape."""
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
        """The terminal's columns; None for a pipe or a file."""
        return self.size[0] if self.is_tty else None

    @property
    def speaks_unicode(self) -> bool:
        """Whether dots and rules can be drawn."""
        return "utf" in (getattr(self.stdout, "encoding", None) or "").lower()

    def rendered(self, *pieces: Piece) -> str:
        """The pieces in one string: escaped, and styled where colour is wanted."""
        return "".join(map(self._rendered, pieces))

    def paint(self, text: object, *styles: str) -> str:
        """One piece, rendered; only for what draws on the terminal by itself."""
        return self._rendered(Styled(str(text), styles))

    def _rendered(self, piece: Piece) -> str:
        text = escaped(piece)
        if not self.colour or not isinstance(piece, Styled) or not piece.styles or not text:
            return text
        return f"\x1b[{';'.join(_STYLES[style] for style in piece.styles)}m{text}\x1b[0m"

    def line(self, *pieces: Piece) -> None:
        """Print one line of the result."""
        self.stdout.write(self.rendered(*pieces) + "\n")
        self._see(plain(pieces))

    def drawn(self, text: str) -> None:
        """Print one line that was rendered before."""
        self.stdout.write(text + "\n")

    def tabbed(self, cells: Iterable[object]) -> None:
        """Print one line for a program, with tabs between the cells."""
        self.drawn("\t".join(map(escaped, cells)))

    def block(self, text: str) -> None:
        """Print text of several lines as it is laid out."""
        for line in text.splitlines():
            self.line(line)

    def note(self, text: str) -> None:
        """Print one line for people on standard error."""
        self.stderr.write(escaped(text) + "\n")

    def question(self, text: str) -> None:
        """Print a question on standard error; the answer is typed behind it."""
        self.stderr.write(f"{escaped(text)} ")
        self.stderr.flush()

    def json(self, value: Any) -> None:
        """Print the result for programs; indented on a terminal."""
        text = json_text(value, indent=2 if self.is_tty else None)
        self.stdout.write(text + "\n")
        self._see(text)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table that fits the terminal.

        Ids are never cut: where the other columns cannot be narrow enough, each row becomes lines of its own.
        In a pipe or a file nothing is cut, and tabs separate the columns.
        """
        cells = [[escaped(cell) for cell in row] for row in rows]
        if self.width is None:
            for row in (headers, *cells):
                self.tabbed(row)
                self._see(" ".join(row))
            return
        from packhouse_cli.terminal.table import lay_out

        lines = lay_out(headers, cells, self.width)
        if not lines:
            self._records(headers, cells)
            return
        self.line(styled(lines[0], "bold"))
        for line in lines[1:]:
            self.line(line)

    def _records(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print each cell on a line of its own, for a terminal that is too narrow for columns."""
        for number, row in enumerate(rows):
            if number:
                self.line()
            self.fields(zip(headers, row, strict=True))

    def _see(self, text: str) -> None:
        if self._is_watched and len(self.seen) < _MOST_SEEN:
            self.seen.append(text)

    def fields(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Print names and values; pairs without a value are left out. A value too wide for its line is broken
        between words.
        """
        shown = [(name, escaped(value)) for name, value in pairs if value not in (None, "")]
        widest = max((len(name) for name, _ in shown), default=0)
        room = max((self.width or 10_000) - widest - 2, 30)
        for name, value in shown:
            first, *rest = wrap(value, room) if width_of(value) > room else [value]
            self.line(styled(name.ljust(widest), "bold"), f"  {first}")
            for line in rest:
                self.line(f"{'':{widest}}  {line}")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON in readable characters; control characters are escaped."""
    import json

    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(
        char if char == "\n" or is_harmless(text, at) else json.dumps(char)[1:-1]
        for at, char in enumerate(text)
    ).replace("\x7f", "\\u007f")
