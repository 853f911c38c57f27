"""Reads the answers of REST providers: objects, amounts, reasons, and what a status means. Pure."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from decimal import ROUND_UP, Decimal
from enum import StrEnum
from typing import Any

from packhouse.model.money import Money, minor_digits
from packhouse.model.text import decode_json, is_whole

MAX_REASON = 1000
_CUT = " … (shortened)"
_MAX_DEPTH = 20
# A reason has room for fewer values, and for less of each.
_MOST_VALUES, _LONGEST_VALUE = 500, 4000
_LONGEST_NAME = 100
_AMOUNT = re.compile(r"\d{1,12}(?:\.\d{1,12})?")
# A tag, and what ends it: the text between is no text of the page.
_OPENING = re.compile(r"<(?:!--|(script|style)\b)?", re.IGNORECASE)

# How providers call what an error row is about, and its sentence. Every other name is shown with its value.
_SUBJECTS = ("field", "field_name", "param", "parameter", "attribute", "path", "loc")
_SENTENCES = frozenset(
    {"message", "messages", "msg", "error", "errors", "text", "detail", "details", "description", "title"}
)
_CODES = frozenset({"code", "error_code"})


class Unreadable(ValueError):
    """The response does not fit the provider's API, so it proves nothing."""


class Meaning(StrEnum):
    """What the status of an answer says about the call.

    DONE: it was carried out. UNKNOWN: it may have been. ORDER, ACCOUNT, MOMENT: the provider refused it,
    because of what was asked, of the account, or only now.
    """

    DONE = "done"
    UNKNOWN = "unknown"
    ORDER = "order"
    ACCOUNT = "account"
    MOMENT = "moment"


# 4xx that may come before or while the request is processed: a time-out, a conflict, a closed connection.
_UNPROCESSED = frozenset({408, 409, 425, 499})
_OF_THE_ACCOUNT = frozenset({401, 402, 403})


def classify(status: int, *, is_provider: bool) -> Meaning:
    """What a status says. `is_provider`: the body is one of the provider's own, not of a firewall or a proxy.

    A refusal that is not the provider's proves nothing: the provider may have carried out the call before.
    """
    if 200 <= status < 300:
        return Meaning.DONE
    if not 400 <= status < 500 or status in _UNPROCESSED or not is_provider:
        return Meaning.UNKNOWN
    if status in _OF_THE_ACCOUNT:
        return Meaning.ACCOUNT
    return Meaning.MOMENT if status == 429 else Meaning.ORDER


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a response; decimal numbers stay exact text. Raises Unreadable."""
    try:
        # What json.loads does for bytes, with text fit to keep.
        written = body.decode(json.detect_encoding(body), "surrogatepass")
        value = decode_json(written, parse_float=str, parse_constant=str)
    except ValueError as error:
        raise Unreadable(f"{len(body)} bytes that are not JSON") from error
    if not isinstance(value, dict):
        raise Unreadable("JSON that is not an object")
    return value


def text(value: Any) -> str:
    """Text without the blanks around it, a whole number as text; "" for anything else."""
    return value.strip() if isinstance(value, str) else str(value) if type(value) is int else ""


def identifier(value: Any) -> str:
    """Text that may be an id; "" for one of which a character is lost: it would name something else."""
    found = text(value)
    return found if is_whole(found) else ""


def short_name(value: Any) -> str:
    """A carrier's or a service's name, of a bounded length."""
    return shorten(text(value), _LONGEST_NAME)


def mapping(value: Any) -> Mapping[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """The items of a list; one value alone is a list of one, null an empty one."""
    return value if isinstance(value, list) else [] if value is None else [value]


def money(amount: Any, currency: Any, default: str = "USD") -> Money | None:
    """An amount in decimal text, rounded up to a whole minor unit; None if it is not an amount."""
    exact, code = decimal(amount), (text(currency) or default).upper()
    return None if exact is None else rounded_up(exact, code)


def decimal(amount: Any) -> Decimal | None:
    """An amount in decimal text, exactly; None if it is not an amount, or is negative."""
    written = text(amount)
    return Decimal(written) if _AMOUNT.fullmatch(written) else None


def rounded_up(exact: Decimal, currency: str) -> Money:
    """An exact amount in whole minor units: a part of one counts as a whole one."""
    scaled = exact.scaleb(minor_digits(currency))
    return Money(int(scaled.to_integral_value(ROUND_UP)), currency)


def reason_of(*values: Any, limit: int = MAX_REASON) -> str:
    """Every word of these values in one line, once each: text, numbers, lists and objects, also nested.

    An object with a field and a message is read as "field: message". A text longer than `limit` is cut, and
    says so. Of an endless answer only the beginning is read.
    """
    few = _few(values, iter(range(_MOST_VALUES)))
    return shorten("; ".join(dict.fromkeys(part for value in few for part in _parts(value, 0))), limit)


def shorten(words: str, limit: int = MAX_REASON) -> str:
    """The words, at most `limit` characters of them; a text that is cut says so."""
    return words if len(words) <= limit else words[: limit - len(_CUT)].rstrip() + _CUT


def page_text(body: bytes, limit: int = 200) -> str:
    """The words of a page or text that is not the provider's JSON, without tags."""
    decoded = body[:20_000].decode("utf-8", "replace")
    return shorten(_line(html.unescape(_without_tags(decoded))), limit)


def _without_tags(page: str) -> str:
    """The page with a blank for each tag, comment, script and style. One that never ends is kept.

    Each end is looked for once, so a page of open tags takes no longer than another one.
    """
    lower, parts, at, endless = page.lower(), [], 0, set[str]()
    for opening in _OPENING.finditer(page):
        if opening.start() < at:
            continue
        ends = {"<!--": "-->"}.get(opening[0], f"</{opening[1].lower()}" if opening[1] else ">")
        end = -1 if ends in endless else lower.find(ends, opening.end())
        if end < 0:
            endless.add(ends)
            continue
        end = lower.find(">", end)
        if end < 0:
            break
        parts += [page[at : opening.start()], " "]
        at = end + 1
    return "".join([*parts, page[at:]])


def _few(value: Any, left: Iterator[int], depth: int = 0) -> Any:
    """The beginning of a value, with at most as many values inside as are `left`."""
    if depth > _MAX_DEPTH + 1:  # what is below is not read
        return value
    if isinstance(value, Mapping):
        # `left` comes first: zip asks it before it takes an item.
        pairs = zip(left, value.items(), strict=False)
        return {str(name)[:_LONGEST_VALUE]: _few(one, left, depth + 1) for _, (name, one) in pairs}
    if isinstance(value, list | tuple):
        return [_few(one, left, depth + 1) for _, one in zip(left, value, strict=False)]
    return value[:_LONGEST_VALUE] if isinstance(value, str) else value


def _parts(value: Any, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        yield "…"
    elif isinstance(value, Mapping):
        yield from _parts_of_object(value, depth)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _parts(one, depth + 1)
    elif isinstance(value, bool):
        yield str(value).lower()
    elif value is not None and (words := _line(str(value))):
        yield words


def _parts_of_object(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    """The sentences of an object after its subject; other values after their names, a code in brackets."""
    subject = next((name for name in _SUBJECTS if value.get(name)), "")
    about = " ".join(_parts(value.get(subject), depth + 1)) if subject else ""
    found, codes = [], []
    for name, one in value.items():
        parts = list(_parts(one, depth + 1)) if name != subject else []
        if name in _CODES:
            codes += [f"[{part}]" for part in parts]
        elif name in _SENTENCES:
            found += parts
        elif parts:
            found.append(f"{_line(str(name))}: {'; '.join(parts)}")
    if about:
        found = [f"{about}: {'; '.join(found)}"] if found else [about]
    if codes:
        found = [*found[:-1], " ".join((*found[-1:], *codes))]
    yield from found


def _line(words: str) -> str:
    """One line: control characters and runs of blanks become one blank."""
    return " ".join("".join(char if char.isprintable() else " " for char in words).split())
