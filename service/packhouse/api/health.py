"""/livez, /readyz and its alias /healthz: whether the loop turns, and whether this process may be given work.

The status code carries the truth (200 or 503); the body names each check, as application/health+json does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Level(StrEnum):
    """How a check came out. WARN is worth a look but takes no work away: intake must go on."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `reason` is a sentence without secrets: anybody may read it."""

    name: str
    level: Level
    reason: str = ""


class HealthSource(Protocol):
    """Who knows how the house is."""

    async def checks(self) -> Sequence[Check]:
        """Look at everything that readiness depends on, within a second or so."""
