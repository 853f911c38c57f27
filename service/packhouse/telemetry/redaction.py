"""Removes secrets and personal data from log lines, whichever module or library wrote them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any

from packhouse.model.printable import escaped_lines

HIDDEN = "[hidden]"

# Names and addresses of people, and whole bodies, which contain both. A plain "name" stays, as steps and
# carriers have names too.
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

# Words that follow "bearer" or "basic" in ordinary sentences: a secret is hidden, a word is not.
_WORD_AFTER_SCHEME = re.compile(
    "(?i)a|access|an|and|auth|authenti[cf]ation|authori[sz]ation|be|by|credentials?|for|from|has|headers?|in|"
    "information|is|keys?|may|must|needs|of|on|or|schemes?|secrets?|settings|string|that|the|to|tokens?|tracking|"
    "values?|was|which|with"
)
# What a name of a secret may have after it in a sentence or an example, and is no secret.
_PLACEHOLDER = re.compile(
    r"['\"]?(\.{3}|\u2026|<[^>]*>|\*{3,}|\[hidden\]|(?:whsec_|aly_|EZ[AT]K)(?:\.{3}|\u2026))"
)
_NAMED = r"(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|cookie|signature)s?"


def _hide_credentials(found: re.Match[str]) -> str:
    """Hide what follows Bearer or Basic, unless it is a word of a sentence. A header's is always hidden."""
    value = found["value"].rstrip(".:~,")
    if _WORD_AFTER_SCHEME.fullmatch(value) or (
        not found["header"] and _is_plain_word(found["scheme"], value)
    ):
        return found[0]
    return f"{found['before']}{HIDDEN}"


def _is_plain_word(scheme: str, value: str) -> bool:
    """Whether a word after "basic" is one of a sentence: a credential is user:password in base64."""
    if scheme.lower() != "basic" or not value[1:].islower():
        return False
    try:
        return b":" not in base64.b64decode(value, validate=True)
    except ValueError:
        return True


def _hide_value(found: re.Match[str]) -> str:
    """Hide the value of password=... and the like, unless it is the placeholder of an example."""
    return found[0] if _PLACEHOLDER.match(found["value"]) else f"{found['before']}{HIDDEN}"


def _hide_userinfo(found: re.Match[str]) -> str:
    """Hide what stands before the last @ of an address, unless it is the placeholder of an example."""
    _, at, rest = found[0].rpartition("@")
    is_example = re.match(r"\w+:PASSWORD@", found[0])
    return f"{HIDDEN}@{rest}" if at and not is_example else found[0]


_Shown = str | Callable[[re.Match[str]], str]

# Patterns of secrets and personal data inside a text. What may repeat before a mark is bounded: else a long
# word takes the square of its length.
_SHAPES: tuple[tuple[re.Pattern[str], _Shown], ...] = (
    (re.compile(r"whsec_[\w\-+/=.~]*[\w\-+/=~]"), HIDDEN),
    (re.compile(r"\baly_(?=[A-Za-z0-9\-]\w{3})[\w\-.~+/=]*[\w\-~+/=]"), HIDDEN),
    (re.compile(r"\bEZ[AT]K\w{6,}"), HIDDEN),
    (
        re.compile(
            r"(?P<before>(?P<header>authorization[\"']?\s*[:=]\s*[\"']?)?\b(?P<scheme>bearer|basic)\s+)"
            r"(?P<value>[\w\-+/=.~:]+)",
            re.IGNORECASE,
        ),
        _hide_credentials,
    ),
    (
        # Authorization with another scheme, or with none.
        re.compile(
            r"(?P<before>\bauthorization[\"']?\s*[:=]\s*[\"']?)(?!bearer\b|basic\b)(?P<value>(?:\w+\s+)?[^\s\"',;]+)",
            re.IGNORECASE,
        ),
        _hide_value,
    ),
    (re.compile(r"(t=\d+,\s*)?v1=[\"']?[0-9a-fA-F]+"), HIDDEN),
    # Up to the last @: a password may contain @, / and :.
    (re.compile(r"(?<=://)[^\s\"'<>]+"), _hide_userinfo),
    (
        # A password may also contain &, commas and quotes, so all up to a blank is hidden.
        re.compile(rf"(?P<before>{_NAMED}=)(?P<value>'(?:[^'\\]|\\.)*'|\"[^\"]*\"|\S+)", re.IGNORECASE),
        _hide_value,
    ),
    (
        re.compile(rf"(?P<before>{_NAMED}[\"']\s*:\s*)(?P<value>'[^']*'|\"[^\"]*\"|\d+)", re.IGNORECASE),
        _hide_value,
    ),
    (
        # A header, written as its name, a colon and its value.
        re.compile(
            r"(?P<before>\b(?:x-api-key|api-key|x-aly-signature|x-auth-token|set-cookie|cookie)\s*:\s*)"
            r"(?P<value>[^\s,;]+(?:;\s*[^\s,;]+)*)",
            re.IGNORECASE,
        ),
        _hide_value,
    ),
    (re.compile(r"[\w.+\-]{1,100}@[\w\-]{1,100}\.[\w.\-]+"), HIDDEN),
    # SQLAlchemy logs the values of a failed statement: orders, addresses, bodies.
    (re.compile(r"\[parameters: .*?(?:\](?=\n|$)|\Z)", re.DOTALL), f"[parameters: {HIDDEN}]"),
)

# A text without any of these marks matches none of the patterns. The check is cheap, and thousands of texts
# a second pass here.
_MARKS = (
    r"whsec_|aly_|EZ[AT]K|v1=|@|\[parameters|(?i:bearer\s|basic\s|authorization|(?:key|cookie|signature)s?[\"']?\s*[:=]"
    r"|(?:password|passwd|passphrase|pwd|secret|token)s?[\"']?\s*[:=])"
)

# Each mark has one of these in it, in any case of its letters. To look for them costs a tenth of the check.
_HINTS = (
    *("whsec_", "aly_", "ezak", "eztk", "v1=", "@", "[parameters", "bearer", "basic", "authorization"),
    *("key", "cookie", "signature", "password", "passwd", "passphrase", "pwd", "secret", "token"),
)

_NAMES_KEPT = 1000

_BARE = frozenset({bool, int, float})
_READABLE = (PurePath, Decimal, date)


class _Treatment(Enum):
    """How a value is logged, by its name."""

    SHOWN = 1
    HIDDEN = 2
    DROPPED = 3


class Redactor:
    """A structlog processor. `secrets` are values that are hidden everywhere."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # The longest first, so that a secret that contains another is hidden completely.
        self._secrets = sorted({value for value in secrets if len(value) >= 4}, key=len, reverse=True)
        self._marks = re.compile("|".join([_MARKS, *map(re.escape, self._secrets)]))
        self._hints = (*_HINTS, *(secret.lower() for secret in self._secrets))
        self._treatments: dict[str, _Treatment] = {}

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """The line without secrets and personal data."""
        return event if self._is_plain(event) else self._mapping(event)

    def text(self, value: str) -> str:
        """The text with every secret in it hidden and everything that a terminal obeys escaped, except line
        breaks and tabs.
        """
        if self._may_hold_one(value) and self._marks.search(value):
            for secret in self._secrets:
                value = value.replace(secret, HIDDEN)
            for shape, shown in _SHAPES:
                value = shape.sub(shown, value)
        return escaped_lines(value)

    def _is_plain(self, event: Mapping[str, Any]) -> bool:
        """Whether a line is shown as it is: most have known names and short texts, looked at together."""
        texts = []
        for name, value in event.items():
            if self._treatments.get(name) is not _Treatment.SHOWN:
                return False
            if type(value) is str:
                texts.append(value)
            elif value is not None and type(value) not in _BARE:
                return False
        text = "".join(texts)
        return text.isprintable() and not self._may_hold_one(text)

    def _may_hold_one(self, value: str) -> bool:
        """Whether a secret may be in the text: cheap, and never wrong where it says no."""
        if not value.isascii():
            return True  # some other letters count as ASCII ones where the case does not matter
        lowered = value.lower()
        for hint in self._hints:  # noqa: SIM110 - `any` takes twice the time, in each text of each line
            if hint in lowered:
                return True
        return False

    def _mapping(self, mapping: Mapping[Any, Any]) -> dict[str, Any]:
        clean: dict[str, Any] = {}
        for key, value in mapping.items():
            name = str(key)
            treatment = self._treatments.get(name) or self._treatment(name)
            if treatment is _Treatment.SHOWN:
                clean[name] = self._value(value)
            elif treatment is _Treatment.HIDDEN:
                # Whether there is a token, or none, is no secret.
                clean[self.text(name)] = value if value is None or isinstance(value, bool) else HIDDEN
        return clean

    def _treatment(self, name: str) -> _Treatment:
        """How a value of this name is logged; cached, as the same few names repeat."""
        if _SECRET_NAME.search(name) or self.text(name) != name:
            treatment = _Treatment.HIDDEN
        elif _PERSONAL.fullmatch(name):
            treatment = _Treatment.DROPPED
        else:
            treatment = _Treatment.SHOWN
        if len(self._treatments) < _NAMES_KEPT:
            self._treatments[name] = treatment
        return treatment

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
        # The text of any other object may contain an address.
        return f"<{type(value).__name__}>"
