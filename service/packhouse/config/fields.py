"""The tree of settings as data: all paths, the shape of each value and its environment variable."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from packhouse.config.settings import Settings

FieldPath = tuple[str, ...]

PREFIX = "PACKHOUSE_"

_WORDS: dict[Any, str] = {
    str: "text",
    SecretStr: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    Any: "a value",
}
# What the patterns of fields mean.
_PATTERNS = {
    "^[A-Z]{3}$": "three capital letters, such as USD",
    "^([A-Z]{2})?$": "two capital letters, such as US",
}
_SIGNS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


def fields() -> Iterator[tuple[FieldPath, FieldInfo]]:
    """Every field that holds a value, in the order of the settings, without sections."""
    for name, field in Settings.model_fields.items():
        section = _section(field.annotation)
        if section is None:
            yield (name,), field
        else:
            for inner, inner_field in section.model_fields.items():
                yield (name, inner), inner_field


def find(path: Sequence[str]) -> FieldInfo | None:
    """The field at this path, or the field whose table or list contains it; None if there is none.

    A path may end at a section. A number in a path is the position in a list.
    """
    model: type[BaseModel] = Settings
    field = None
    for part in path:
        if part.isdigit():
            continue
        field = model.model_fields.get(part)
        inside = field and (_section(field.annotation) or _entry(field.annotation))
        if field is None or inside is None:
            break
        model = inside
    return field


def variable(path: Sequence[str]) -> str:
    """The environment name of a field."""
    return PREFIX + "__".join(path).upper()


def shape(field: FieldInfo) -> str:
    """The shape of a value, such as "a number above 0, at most 120"."""
    bounds = [
        f"{sign} {getattr(rule, name):g}"
        for rule in field.metadata
        for name, sign in _SIGNS.items()
        if getattr(rule, name, None) is not None
    ]
    pattern = next((rule.pattern for rule in field.metadata if getattr(rule, "pattern", None)), "")
    return " ".join([_PATTERNS.get(pattern) or _shape(field.annotation), ", ".join(bounds)]).strip()


def closest(path: Sequence[str], known: Iterable[FieldPath]) -> FieldPath:
    """The known path that is most similar to `path`, or (). A single underscore is the most common error."""
    squeezed = {_squeeze(each): each for each in known}
    found = difflib.get_close_matches(_squeeze(path), squeezed, n=1, cutoff=0.65)
    return squeezed[found[0]] if found else ()


def suggestion(path: Sequence[str], spelled: Callable[[FieldPath], str]) -> str:
    """What may have been meant by a name that is no setting: the closest, or the others of its section."""
    known = [one for one, _ in fields()]
    siblings = [one for one in known if len(path) > 1 and len(one) > 1 and one[0] == path[0]]
    sections = [(name,) for name in Settings.model_fields] if len(path) == 1 else []
    if siblings:
        if meant := closest(path[1:], [one[1:] for one in siblings]):
            return f"Did you mean {spelled((path[0], *meant))}?"
        return f"[{path[0]}] has {', '.join(one[-1] for one in siblings)}."
    if meant := closest(path, [*known, *sections]):
        return f"Did you mean {spelled(meant)}?"
    return "Correct or remove it; docs/reference/settings.md lists all settings."


def _squeeze(path: Sequence[str]) -> str:
    return "".join(path).replace("_", "").lower()


def _section(annotation: Any) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _entry(annotation: Any) -> type[BaseModel] | None:
    """The section of a list's entries, if they are sections."""
    return _section(get_args(annotation)[0]) if get_origin(annotation) is tuple else None


def _shape(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _one_of(arguments)
    if origin in (typing.Union, UnionType):
        return " or ".join(_shape(part) for part in arguments if part is not type(None))
    if _entry(annotation):
        return "a list of tables (JSON in the environment)"
    if origin is tuple:
        return "a list (in the environment with commas, or as JSON)"
    if origin is dict:
        return "a table (JSON in the environment)"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return _one_of(tuple(annotation))
    if _section(annotation):
        return "a section of fields"
    return _WORDS[annotation]


def _one_of(values: Sequence[Any]) -> str:
    return "one of " + ", ".join(str(value) for value in values)
