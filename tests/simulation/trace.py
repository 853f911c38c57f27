"""What happened, in order: the simulation's own record, apart from the ledger and the world's books."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable


class Trace:
    """Notes, each with its virtual second.

    `at_note` holds acts to be done when so many notes were made, `at_post` when so many calls were about to
    change something upstream.
    """

    def __init__(self) -> None:
        self.notes: list[tuple[float, str, str, str]] = []
        self.at_note: dict[int, Callable[[], None]] = {}
        self.at_post: dict[int, Callable[[], None]] = {}
        self._posts = 0

    def add(self, who: str, what: str, *particulars: str) -> None:
        """Note it, and let happen what was planned for this very moment."""
        self.notes.append((asyncio.get_running_loop().time(), who, what, " ".join(particulars)))
        if what == "asks" and particulars[0] == "POST":
            self._posts += 1
            if act := self.at_post.pop(self._posts, None):
                act()
        if self.at_note and (act := self.at_note.pop(len(self.notes), None)):
            act()

    def digest(self) -> str:
        """The same for two runs in which the same things happened at the same times."""
        return hashlib.sha256(repr(self.notes).encode()).hexdigest()[:16]
