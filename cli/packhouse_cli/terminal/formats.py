"""Times as people read them, in this machine's time zone, from seconds since 1970 or ISO 8601 text."""

from __future__ import annotations

import time

# Three thousand years: a server may send any number, and no calendar takes every number.
_FARTHEST_S = 1e11


def clock_time(at: object) -> str:
    """The time of day, such as 08:12:03."""
    seconds = _seconds(at)
    return time.strftime("%H:%M:%S", time.localtime(seconds)) if seconds is not None else "?"


def day(at: object) -> str:
    """The date, such as 2026-11-23."""
    seconds = _seconds(at)
    return time.strftime("%Y-%m-%d", time.localtime(seconds)) if seconds is not None else "?"


def day_and_time(at: object) -> str:
    """Date and time, such as 2026-11-23 08:12; "" where no time is given."""
    seconds = _seconds(at)
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds is not None else ""


def span(seconds: float) -> str:
    """A duration in its two largest units: 45 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    whole = max(0, round(min(seconds, _FARTHEST_S)))
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts = []
    for name, size in units:
        if whole >= size:
            parts.append(f"{whole // size} {name}")
            whole %= size
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def _seconds(at: object) -> float | None:
    if isinstance(at, bool) or at is None or at == "":
        return None
    if isinstance(at, (int, float)):
        return float(at) if -_FARTHEST_S < at < _FARTHEST_S else None
    from datetime import datetime

    try:
        return datetime.fromisoformat(str(at)).timestamp()
    except ValueError:
        return None


def moment_in_utc(text: str, option: str = "--created-after") -> str:
    """A date or an ISO 8601 time as the store wants it: full, in UTC, ending in Z. Raises UsageError."""
    if not text:
        return ""
    from datetime import UTC, datetime

    from packhouse_cli.exit_codes import UsageError

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is not a date. Write it as 2026-11-01 or 2026-11-01T08:00:00Z."
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
