"""The result of a health check, as readiness, `packhouse doctor` and the health routes share it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a check came out. WARN needs attention and takes no work away: webhooks are still accepted."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked. `reason` is a sentence without secrets: health routes need no token."""

    name: str
    level: Level
    reason: str = ""
