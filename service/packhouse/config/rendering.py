"""The settings as `packhouse config check` prints them: TOML with masked secrets and origins."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Any

from packhouse.config.fields import FieldPath, fields
from packhouse.config.secrets import masked
from packhouse.config.settings import Settings

# Fields whose values are tables, each printed as a section of its own.
_TABLES = ("products", "providers")


def effective(settings: Settings) -> str:
    """Every setting with its value. A comment names the origin of each value that is not a default."""
    lines: list[str] = []
    section: FieldPath = ()
    tables: list[str] = []
    # Fields outside of any section come first, as TOML requires.
    for path, _ in sorted(fields(), key=lambda each: len(each[0]) > 1):
        value: Any = settings
        for part in path:
            value = getattr(value, part)
        if path[0] in _TABLES:
            tables += _tables(settings, path, value)
            continue
        if path[:-1] != section:
            section = path[:-1]
            lines += ["", f"[{'.'.join(section)}]"]
        lines.append(_line(settings, path, value))
    return "\n".join([*lines, *tables]) + "\n"


def _line(settings: Settings, path: FieldPath, value: Any) -> str:
    origin = _origin(settings, path)
    comment = f"  # {origin}" if origin else ""
    if value is None:
        return f"# {_key(path[-1])} is not set{comment}"
    return f"{_key(path[-1])} = {_toml(masked(path, value))}{comment}"


def _tables(settings: Settings, path: FieldPath, value: dict[str, Any] | tuple[Any, ...]) -> list[str]:
    """The sections of provider accounts, or the entries of products: they come last, as TOML requires."""
    lines: list[str] = []
    if isinstance(value, dict):
        for name, options in value.items():
            lines += ["", f"[{path[0]}.{_key(name)}]"]
            lines += [_line(settings, (*path, name, option), part) for option, part in options.items()]
        return lines
    origin = _origin(settings, path)
    for entry in value:
        lines += ["", f"[[{path[0]}]]" + (f"  # {origin}" if origin else "")]
        lines += [f"{name} = {_toml(part)}" for name, part in entry.model_dump(exclude_defaults=True).items()]
    return lines


def _origin(settings: Settings, path: FieldPath) -> str:
    """The origins of the value and of its parts."""
    origins = settings._origins
    found = {
        origin for leaf, origin in origins.items() if leaf[: len(path)] == path or path[: len(leaf)] == leaf
    }
    return ", ".join(sorted(found))


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{_key(str(name))} = {_toml(part)}" for name, part in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, Enum):
        value = value.value
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False).replace(
        "\x7f", "\\u007f"
    )


def _key(name: str) -> str:
    bare = name.replace("_", "").replace("-", "")
    return name if bare.isascii() and bare.isalnum() else json.dumps(name)
