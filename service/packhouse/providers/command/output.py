"""Finds the one JSON object in a program's stdout, also between log lines and in other encodings."""

from __future__ import annotations

import codecs
import json
from collections.abc import Collection, Iterator
from typing import Any, Final

from packhouse.model.text import decode_json, fit_json
from packhouse.providers.command.cost import JsonDecimal
from packhouse.providers.command.process import Finished

_SHOWN: Final = 200
# Lines that may begin an object; a log longer than this is searched from its end.
_MOST_STARTS: Final = 500
# What may be read of objects that turn out to be broken, in lengths of the output.
_MOST_IN_VAIN: Final = 2


class Unreadable(ValueError):
    """The program's output does not follow the protocol; the message says how."""


def read_object(ended: Finished, names: Collection[str]) -> dict[str, Any]:
    """The program's answer; decimal numbers stay exact text (JsonDecimal). Raises Unreadable.

    Where the output is not one object alone, it is the only object that begins a line and has one of `names`.
    """
    if ended.output is None:
        raise Unreadable("it is too long")
    text = _decoded(ended.output).strip()
    if not text:
        raise Unreadable("it is empty, where a JSON object is expected")
    try:
        value = decode_json(text, parse_float=JsonDecimal, parse_constant=JsonDecimal)
    except ValueError:
        value = _only([one for one in _objects(text) if any(name in one for name in names)], text)
    if not isinstance(value, dict):
        raise Unreadable(f"it is JSON, but not an object: {shown(text)}")
    return value


def shown(text: str) -> str:
    """The beginning of what the program printed, for a person."""
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...")


def _decoded(output: bytes) -> str:
    if output[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return output.decode("utf-16", "replace")
    return output.decode("utf-8-sig", "replace")


def _only(found: list[dict[str, Any]], text: str) -> dict[str, Any]:
    different = [one for number, one in enumerate(found) if one not in found[:number]]
    if len(different) > 1:
        raise Unreadable(f"it has {len(different)} different JSON objects")
    if not different:
        raise Unreadable(f"it is not JSON: {shown(text)}")
    return different[0]


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The objects that begin a line and end it. Raises Unreadable if too much of the text begins in vain."""
    starts = _starts(text)
    # An error counts the lines before it, so what is before the first start is cut off.
    text, starts = text[starts[0] :] if starts else "", [start - starts[0] for start in starts]
    end, in_vain = 0, 0
    for start in starts:
        if start < end:
            continue
        try:
            read, end = _DECODER.raw_decode(text, start)
            value = fit_json(read, text[start:end])
        except json.JSONDecodeError as error:
            in_vain += error.pos - start
            if in_vain > _MOST_IN_VAIN * len(text):
                raise Unreadable("too many of its lines begin an object that is broken") from None
            continue
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and not text[end:].partition("\n")[0].strip():
            yield value


def _starts(text: str) -> list[int]:
    """Where the last lines that begin with a brace are."""
    starts: list[int] = []
    place = text.rfind("\n{")
    while place >= 0 and len(starts) < _MOST_STARTS:
        starts.append(place + 1)
        place = text.rfind("\n{", 0, place)
    if text.startswith("{") and len(starts) < _MOST_STARTS:
        starts.append(0)
    return starts[::-1]


# NaN and Infinity are no JSON; as text they are refused where they stand, and the rest is read.
_DECODER: Final = json.JSONDecoder(parse_float=JsonDecimal, parse_constant=JsonDecimal)
