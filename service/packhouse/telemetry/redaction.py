"""Keeps secrets and people out of log lines: what a line may hold is decided here, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any

HIDDEN = "[hidden]"

# Never worth a line: who people are and where they live, and whole bodies, which hold both. A plain "name" is
# the trade's word as well (of a step, of a carrier) and stays.
_PERSONAL = re.compile(
    r"((to|from|ship|ship_from|shipping|billing|delivery|sender|recipient|buyer|customer)_?)?"
    r"(address(es)?|first_?name|last_?name|company|street\d?|line\d|city|zip|post(al)?_?code|phone|e?_?mail)"
    r"|(sender|recipient|buyer|customer|to|from)_?name"
    r"|(raw_|request_|response_)?body|raw|payload",
    re.IGNORECASE,
)

_SECRET_NAME = re.compile(
    r"(authorization|cookie|signature|password|passphrase|secret|token|api_?key|credential)s?$", re.IGNORECASE
)

# Shapes of secrets and of people's data inside a text.
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"whsec_[\w\-+/=.]+"), HIDDEN),
    (re.compile(r"\baly_[A-Za-z0-9\-]\w{3,}"), HIDDEN),
    (re.compile(r"\bEZ[AT]K\w{6,}"), HIDDEN),
    (re.compile(r"\b(bearer)\s+[\w\-+/=.~:]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\b(basic)\s+[\w+/=]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"(t=\d+,\s*)?v1=[0-9a-fA-F]+"), HIDDEN),
    (re.compile(r"(?<=://)[^/\s@]+:[^/\s@]*@"), f"{HIDDEN}@"),
    (re.compile(r"[\w.+\-]+@[\w\-]+\.[\w.\-]+"), HIDDEN),
    # SQLAlchemy prints the values of a failed statement: orders, addresses, bodies.
    (re.compile(r"\[parameters: .*?\](?=\n|$)", re.DOTALL), f"[parameters: {HIDDEN}]"),
)

# A text without any of these marks has none of the shapes. Thousands of texts a second pass here, and hardly
# one of them has a mark.
_MARKS = r"whsec_|aly_|EZ[AT]K|[eE][aA][rR][eE][rR]\s|[aA][sS][iI][cC]\s|v1=|@|\[parameters"

# What could move the cursor of a terminal; line breaks and tabs stay.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_NAMES_KEPT = 1000

_READABLE = (PurePath, Decimal, date)


class _Fate(Enum):
    """What becomes of a value, by its name."""

    SHOWN = 1
    HIDDEN = 2
    DROPPED = 3


class Redactor:
    """A structlog processor. `secrets` are values that must not be printed in any place."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # The longest first, so that one secret inside another does not leave the rest of it.
        self._secrets = sorted({value for value in secrets if len(value) >= 4}, key=len, reverse=True)
        self._marks = re.compile("|".join([_MARKS, *map(re.escape, self._secrets)]))
        self._fates: dict[str, _Fate] = {}

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """The line without what does not belong in it."""
        return self._mapping(event)

    def text(self, value: str) -> str:
        """The text with every secret in it hidden."""
        if self._marks.search(value):
            for secret in self._secrets:
                value = value.replace(secret, HIDDEN)
            for shape, shown in _SHAPES:
                value = shape.sub(shown, value)
        return value if value.isprintable() else _CONTROL.sub("?", value)

    def _mapping(self, mapping: Mapping[Any, Any]) -> dict[str, Any]:
        clean: dict[str, Any] = {}
        for key, value in mapping.items():
            name = str(key)
            fate = self._fates.get(name) or self._fate(name)
            if fate is _Fate.SHOWN:
                clean[name] = self._value(value)
            elif fate is _Fate.HIDDEN:
                clean[self.text(name)] = HIDDEN
        return clean

    def _fate(self, name: str) -> _Fate:
        """What becomes of a value of this name; remembered, as the same few names come again and again."""
        if _SECRET_NAME.search(name) or self.text(name) != name:
            fate = _Fate.HIDDEN
        elif _PERSONAL.fullmatch(name):
            fate = _Fate.DROPPED
        else:
            fate = _Fate.SHOWN
        if len(self._fates) < _NAMES_KEPT:
            self._fates[name] = fate
        return fate

    def _value(self, value: Any) -> Any:
        if isinstance(value, Enum):
            return self.text(str(value.value))
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(part) for part in value]
        if isinstance(value, BaseException):
            return self.text(f"{type(value).__name__}: {value}")
        if isinstance(value, _READABLE):
            return self.text(str(value))
        # A noun printed whole would bring its address along.
        return f"<{type(value).__name__}>"
