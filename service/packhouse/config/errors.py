"""Error messages for settings: where the value is, what was expected, and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from packhouse.config.fields import FieldPath, find, shape, suggestion, variable
from packhouse.config.secrets import is_secret, masked
from packhouse.config.sources import Origin

Origins = Mapping[FieldPath, Origin]

_MAX_SHOWN = 60


def written_as(path: FieldPath, origins: Origins) -> str:
    """The field as the user wrote it: its variable or secret file, or its dotted name and the TOML file.

    A field that is not set is named by its variable.
    """
    origin = _origin(path, origins)
    if origin is None:
        return variable(path)
    if not origin.sets:
        return f"{_dotted(path)} in {origin.source}"
    rest = path[len(origin.sets) :]
    return f"{origin.source} ({_dotted(rest)})" if rest else origin.source


def sentences(error: ValidationError, origins: Origins) -> list[str]:
    """One sentence for each error of pydantic, without secrets."""
    return [_sentence(detail, origins) for detail in error.errors(include_url=False)]


def _sentence(detail: ErrorDetails, origins: Origins) -> str:
    path = tuple(str(part) for part in detail["loc"])
    where = written_as(path, origins)
    if detail["type"] == "extra_forbidden":
        return f"{where} is not a setting. {_suggestion(path, origins)}"
    field = find(path)
    if field is None:
        return f"{where}: {detail['msg']}."
    subject = f"{where}{_shown(path, detail['input'])}"
    if detail["type"] == "value_error":
        return f"{subject}: {detail['msg'].removeprefix('Value error, ')}. {_fix(field)}"
    return f"{subject}: it must be {shape(field)}. {_fix(field)}"


def _suggestion(path: FieldPath, origins: Origins) -> str:
    origin = _origin(path, origins)
    in_toml = origin is not None and not origin.sets
    return suggestion(path, _dotted if in_toml else variable)


def _shown(path: FieldPath, value: Any) -> str:
    """The value itself, if it is short and not a secret."""
    if (
        is_secret(path)
        or path[0] == "providers"
        or path == ("ledger", "url")
        or not isinstance(value, str | int | float)
    ):
        return ""
    text = str(masked(path, value))
    return f" is {text!r}" if len(text) <= _MAX_SHOWN else ""


def _fix(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    meaning = f"{field.description} " if field.description else ""
    if value in (None, "", (), {}) or isinstance(value, SecretStr):
        return f"{meaning}Correct or remove it."
    return f"{meaning}Correct it, or remove it to use {_default(value)}."


def _default(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _origin(path: FieldPath, origins: Origins) -> Origin | None:
    """The origin of the value at this path, of a table that contains it, or of a part of it."""
    for length in range(len(path), 0, -1):
        if origin := origins.get(path[:length]):
            return origin
    return next((origin for leaf, origin in origins.items() if leaf[: len(path)] == path), None)


def _dotted(path: FieldPath) -> str:
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in path).removeprefix(".")
