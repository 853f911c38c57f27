"""Where the demonstration is watched: a screen drawn again and again, or a log with a line now and then."""

from __future__ import annotations

from typing import Protocol

from packhouse_cli.demo.snapshot import Look
from packhouse_cli.demo.view import ASCII, UNICODE, Caption, frame, progress
from packhouse_cli.terminal.output import Terminal

_LOG_EVERY_S = 2.0


class Watch(Protocol):
    """Shows looks as they come."""

    def show(self, look: Look, caption: Caption) -> None:
        """Show this moment."""

    def close(self) -> None:
        """Leave the terminal as it was found."""


class Screen:
    """The whole terminal, on its alternate screen, so that what stood there before comes back."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._signs = UNICODE if terminal.speaks_unicode else ASCII
        self._open = False

    def show(self, look: Look, caption: Caption) -> None:
        """Draw a frame in one write, over the last one."""
        columns, lines = self._terminal.size
        picture = frame(
            look, caption, columns=columns, lines=lines, paint=self._terminal.paint, signs=self._signs
        )
        start = "" if self._open else "\x1b[?1049h\x1b[?25l"
        self._open = True
        self._terminal.stdout.write(start + "\x1b[H" + "\x1b[K\r\n".join(picture) + "\x1b[K\x1b[J")
        self._terminal.stdout.flush()

    def close(self) -> None:
        """Show the cursor and go back to the first screen."""
        if self._open:
            self._open = False
            self._terminal.stdout.write("\x1b[?25h\x1b[?1049l")
            self._terminal.stdout.flush()


class Log:
    """Plain lines, when something changed and some seconds have passed."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._last = ""
        self._last_at = float("-inf")

    def show(self, look: Look, caption: Caption) -> None:
        """Print a line of progress, if there is something new to say."""
        line = progress(look, caption.elapsed_s)
        news = line.lstrip().partition("  ")[2]
        due = caption.elapsed_s - self._last_at >= _LOG_EVERY_S or look.settled
        if due and news != self._last:
            self._last, self._last_at = news, caption.elapsed_s
            self._terminal.line(line)
            self._terminal.stdout.flush()

    def close(self) -> None:
        """Nothing to give back."""


def watch_for(terminal: Terminal, *, plain: bool) -> Watch:
    """A screen on a terminal that can be drawn on, a log elsewhere."""
    return Screen(terminal) if terminal.can_draw and not plain else Log(terminal)
