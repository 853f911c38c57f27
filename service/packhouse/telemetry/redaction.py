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

# Shapes of secrets and of people's data inside a text. Each is tried only where one of its marks occurs:
# hundreds of lines a second pass here.
_SHAPES: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    (("whsec_",), re.compile(r"whsec_[\w\-+/=.]+"), HIDDEN),
    (("aly_",), re.compile(r"\baly_[A-Za-z0-9\-]\w{3,}"), HIDDEN),
    (("EZAK", "EZTK"), re.compile(r"\bEZ[AT]K\w{6,}"), HIDDEN),
    (("earer", "EARER"), re.compile(r"\b(bearer)\s+[\w\-+/=.~:]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (("asic ", "ASIC "), re.compile(r"\b(basic)\s+[\w+/=]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (("v1=",), re.compile(r"(t=\d+,\s*)?v1=[0-9a-fA-F]+"), HIDDEN),
    (("://",), re.compile(r"(?<=://)[^/\s@]+:[^/\s@]*@"), f"{HIDDEN}@"),
    (("@",), re.compile(r"[\w.+\-]+@[\w\-]+\.[\w.\-]+"), HIDDEN),
    # SQLAlchemy prints the values of a failed statement: orders, addresses, bodies.
    (("[parameters",), re.compile(r"\[parameters: .*?\](?=\n|$)", re.DOTALL), f"[parameters: {HIDDEN}]"),
)

# What could move the cursor of a terminal; line breaks and tabs stay.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_READABLE = (PurePath, Decimal, date)


class Redactor:
    """A structlog processor. `secrets` are values that must not be printed in any place."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # The longest first, so that one secret inside another does not leave the rest of it.
        self._secrets = sorted({value for value in secrets if len(value) >= 4}, key=len, reverse=True)

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """The line without what does not belong in it."""
        return self._mapping(event)

    def text(self, value: str) -> str:
        """The text with every secret in it hidden."""
        for secret in self._secrets:
            if secret in value:
                value = value.replace(secret, HIDDEN)
        for marks, shape, shown in _SHAPES:
            for mark in marks:
                if mark in value:
                    value = shape.sub(shown, value)
                    break
        return value if value.isprintable() else _CONTROL.sub("?", value)

    def _mapping(self, mapping: Mapping[Any, Any]) -> dict[str, Any]:
        clean: dict[str, Any] = {}
        for key, value in mapping.items():
            name = str(key)
            if _SECRET_NAME.search(name):
                clean[name] = HIDDEN
            elif not _PERSONAL.fullmatch(name):
                clean[self.text(name)] = self._value(value)
        return clean

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
