"""The progress of a long run: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TextIO

from packhouse.model.printable import escaped
from packhouse_cli.terminal.formats import span

_BAR = 24  # cells
_BETWEEN_LINES_S = 5.0
_BETWEEN_DRAWINGS_S = 0.1


class Progress:
    """Draws on `stream`. `can_draw` says whether a line can be overwritten; `width` is in cells."""

    def __init__(
        self,
        stream: TextIO,
        *,
        can_draw: bool,
        width: int = 80,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._can_draw = can_draw
        self._width = width
        self._monotonic = monotonic
        self._label, self._total = "", 0
        self._began = self._shown = 0.0
        self._drawn = False
        self._lock = threading.RLock()  # a signal handler may run while this thread draws

    def begin(self, label: str, total: int) -> None:
        """Start work of `total` parts; `label` names the work ("Reading")."""
        self._label, self._total = label, total
        self._began = self._monotonic()
        # The bar is drawn at once. Elsewhere, short work prints no line.
        self._shown = float("-inf") if self._can_draw else self._began

    def show(self, done: int, note: str = "") -> None:
        """Report that `done` parts are done. It may be called often; the display is updated seldom."""
        now = self._monotonic()
        if now - self._shown < (_BETWEEN_DRAWINGS_S if self._can_draw else _BETWEEN_LINES_S):
            return
        self._shown = now
        text = self._text(done, now - self._began, note)
        with self._lock:
            if self._can_draw:
                self._stream.write(f"\r{text[: self._width - 1]}\x1b[K")
                self._drawn = True
            else:
                self._stream.write(text + "\n")
            self._stream.flush()

    def print(self, text: str) -> None:
        """Print a line above the bar. Any thread may call it."""
        with self._lock:
            self._clear()
            self._stream.write(escaped(text) + "\n")
            self._stream.flush()

    def end(self) -> None:
        """Remove the bar."""
        with self._lock:
            self._clear()
            self._stream.flush()

    def _clear(self) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._drawn = False

    def _text(self, done: int, elapsed_s: float, note: str) -> str:
        total = max(self._total, 1)
        rate = done / elapsed_s if elapsed_s > 0 else 0.0
        parts = [f"{self._label} {done:,} of {self._total:,}"]
        if self._can_draw:
            full = _BAR * done // total
            parts[0] = f"[{'#' * full}{'.' * (_BAR - full)}] {parts[0]}"
        if note:
            parts.append(note)
        if rate and done < total:
            parts.append(f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
            parts.append(f"{span((total - done) / rate)} left")
        return ", ".join(parts)
