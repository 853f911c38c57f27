"""Shows the demo: a screen that is redrawn on a terminal, or log lines elsewhere."""

from __future__ import annotations

from typing import Protocol

from packhouse_cli.demo.snapshot import Snapshot
from packhouse_cli.demo.view import ASCII, UNICODE, Caption, frame, progress
from packhouse_cli.terminal.output import Terminal

_LOG_EVERY_S = 2.0


class Watch(Protocol):
    """Shows snapshots."""

    def show(self, snapshot: Snapshot, caption: Caption) -> None:
        """Show this snapshot."""

    def close(self) -> None:
        """Restore the terminal."""


class Screen:
    """Draws on the alternate screen of the terminal, so that the previous content comes back."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._signs = UNICODE if terminal.speaks_unicode else ASCII
        self._open = False

    def show(self, snapshot: Snapshot, caption: Caption) -> None:
        """Draw a frame over the last one, in one write."""
        columns, lines = self._terminal.size
        picture = frame(
            snapshot, caption, columns=columns, lines=lines, paint=self._terminal.paint, symbols=self._signs
        )
        start = "" if self._open else "\x1b[?1049h\x1b[?25l"
        self._open = True
        self._terminal.stdout.write(start + "\x1b[H" + "\x1b[K\r\n".join(picture) + "\x1b[K\x1b[J")
        self._terminal.stdout.flush()

    def close(self) -> None:
        """Show the cursor and return to the main screen."""
        if self._open:
            self._open = False
            self._terminal.stdout.write("\x1b[?25h\x1b[?1049l")
            self._terminal.stdout.flush()


class Log:
    """Prints a line when the state has changed, every two seconds at most."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._last = ""
        self._last_at = float("-inf")

    def show(self, snapshot: Snapshot, caption: Caption) -> None:
        """Print a progress line if the state has changed."""
        line = progress(snapshot, caption.elapsed_s)
        news = line.lstrip().partition("  ")[2]
        due = caption.elapsed_s - self._last_at >= _LOG_EVERY_S or snapshot.processed
        if due and news != self._last:
            self._last, self._last_at = news, caption.elapsed_s
            self._terminal.line(line)
            self._terminal.stdout.flush()

    def close(self) -> None:
        """Nothing to restore."""


def watch_for(terminal: Terminal, *, plain: bool) -> Watch:
    """A screen if the terminal can be drawn on, otherwise a log."""
    return Screen(terminal) if terminal.can_draw and not plain else Log(terminal)
