"""What happened, in order: the simulation's own record, independent of the ledger and the sandbox."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable


class Trace:
    """Records, each with its virtual second.

    `at_record` has interventions for when so many records were added, `at_call` for when so many calls were
    about to change something at the store or the provider.
    """

    def __init__(self) -> None:
        self.records: list[tuple[float, str, str, str]] = []
        self.at_record: dict[int, Callable[[], None]] = {}
        self.at_call: dict[int, Callable[[], None]] = {}
        self._calls = 0

    def add(self, who: str, what: str, *particulars: str) -> None:
        """Add a record, and run the interventions that are planned for this moment."""
        self.records.append((asyncio.get_running_loop().time(), who, what, " ".join(particulars)))
        if what == "sends" and particulars[0] == "POST":
            self._calls += 1
            if intervention := self.at_call.pop(self._calls, None):
                intervention()
        if self.at_record and (intervention := self.at_record.pop(len(self.records), None)):
            intervention()

    def digest(self) -> str:
        """The same for two runs with the same records at the same times."""
        return hashlib.sha256(repr(self.records).encode()).hexdigest()[:16]
