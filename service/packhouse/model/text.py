"""Text from outside, made fit to keep: the one place that cleans what stores, providers and programs send.

PostgreSQL refuses NUL, SQLite and UTF-8 refuse halves of surrogate pairs, and other control characters forge
lines on a terminal. They become U+FFFD, never nothing: so an id with one stays different from every good id.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

REPLACEMENT = "\ufffd"
# Nesting that no answer needs. Much deeper values can be read, and then not be written.
DEEPEST = 100
# Control characters that separate words: they become blanks. Tab, line feed and carriage return stay.
_BLANKS = dict.fromkeys((0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x1F, 0x85), " ")
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
# What JSON must contain, raw or escaped, to have a character that is unfit.
_SUSPECT = re.compile(r"[\x7f-\x9f\ud800-\udfff]|\\[bf]|\\u(?:00[01789]|[dD][89a-fA-F])")


def is_fit(text: str) -> bool:
    """Whether it can be kept as it is: no half of a surrogate pair, no control character but TAB, CR, LF."""
    return text.isprintable() or _UNFIT.search(text) is None


def fit(text: str) -> str:
    """The text with U+FFFD or a blank for each character that cannot be kept."""
    return text if is_fit(text) else _UNFIT.sub(REPLACEMENT, text.translate(_BLANKS))


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning and "…" where it is longer."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def is_whole(identifier: str) -> bool:
    """Whether an id is as its sender wrote it: no character of it was lost on the way, or replaced here."""
    return identifier.isprintable() and REPLACEMENT not in identifier


def decode_json(
    text: str,
    *,
    parse_float: Callable[[str], Any] | None = None,
    parse_constant: Callable[[str], Any] | None = None,
    parse_int: Callable[[str], Any] | None = None,
) -> Any:
    """The value that JSON text says, with every string and name fit to keep.

    Raises ValueError, also for nesting deeper than DEEPEST and, without hooks, for NaN, Infinity and numbers
    too large for a float: no database keeps them.
    """
    try:
        value = json.loads(
            text,
            parse_float=parse_float or _finite,
            parse_constant=parse_constant or _no_constant,
            parse_int=parse_int,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return fit_json(value, text)


def fit_json(value: Any, text: str) -> Any:
    """A value read from this JSON text, with strings fit to keep. Raises ValueError if it is too deep."""
    if text.count("[") + text.count("{") > DEEPEST and _is_deep(value):
        raise ValueError("nested too deeply")
    is_plain = text.isascii() and "\\" not in text and "\x7f" not in text  # far quicker than the pattern
    return value if is_plain or not _SUSPECT.search(text) else _fit_all(value)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _fit_all(value: Any) -> Any:
    if isinstance(value, dict):
        return {fit(name): _fit_all(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_fit_all(inner) for inner in value]
    return fit(value) if type(value) is str else value


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
