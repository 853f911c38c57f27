"""Settings under an old name: each is refused with the new name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packhouse.config.fields import FieldPath, variable

# Old path to new path. What is below a path keeps its name.
RENAMED: dict[FieldPath, FieldPath] = {
    ("carrier",): ("provider",),
    ("carriers",): ("providers",),
    ("carrier_timeout_s",): ("provider_timeout_s",),
    ("carrier_settle_s",): ("provider_settle_s",),
    ("disk_floor_mb",): ("min_free_disk_mb",),
    ("keep_days",): ("event_retention_days",),
    ("poll", "relook_s"): ("poll", "recheck_s"),
    ("poll", "sweep_s"): ("poll", "full_poll_s"),
    ("poll", "track_s"): ("poll", "track_interval_s"),
    ("store", "max_per_s"): ("store", "rate_limit_per_s"),
    ("guard", "rest_after"): ("guard", "breaker_threshold"),
    ("guard", "rest_s"): ("guard", "breaker_cooldown_s"),
}


def new_path(path: Sequence[str]) -> FieldPath | None:
    """The new path of a setting under its old path; None if it was not renamed."""
    for length in (1, 2):
        if new := RENAMED.get(tuple(path[:length])):
            return (*new, *path[length:])
    return None


def refused_variable(path: FieldPath, origin: str) -> str:
    """The error for an environment variable or a secret file under an old name; "" for any other name."""
    new = new_path(path)
    return f"{origin} was renamed: use {variable(new)}." if new else ""


def take_renamed(tables: dict[str, Any], file: str) -> Iterator[str]:
    """Remove old names from the tables of a TOML file, and give an error for each."""
    for old, new in RENAMED.items():
        table: Any = tables
        for part in old[:-1]:
            table = table.get(part)
            if not isinstance(table, dict):
                break
        else:
            if old[-1] in table:
                value = table.pop(old[-1])
                for was, now in _names(old, new, value):
                    yield f"{was} in {file} was renamed: use {now}."


def _names(old: FieldPath, new: FieldPath, value: Any) -> Iterator[tuple[str, str]]:
    """A section for each account, or the name of the value."""
    was, now = ".".join(old), ".".join(new)
    sections = (
        [name for name, part in value.items() if isinstance(part, Mapping)] if isinstance(value, dict) else []
    )
    for name in sections:
        yield f"[{was}.{name}]", f"[{now}.{name}]"
    if not sections:
        yield was, now
