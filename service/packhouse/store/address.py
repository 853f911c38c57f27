"""Reads an address in any of the known field names. Every part of it is used, or named as unplaced.

The store documents only country, state and postcode. Nothing is guessed: where a part is missing or has no
place in an address, a rule holds the order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from packhouse.model.order import Address
from packhouse.store import address_fields as names
from packhouse.store.countries import country_code
from packhouse.store.json_fields import text

# The names of a phone number at the buyer and the order.
PHONES = ("phone", "phone_number", "telephone", "mobile", "mobile_phone", "phoneNumber", "mobilePhone", "tel")
ORDER_PHONES = (*PHONES, "buyer_phone", "customer_phone", "contact_phone", "buyerPhone", "customerPhone")

# Countries that write the number before the street; the others write it after.
_BEFORE = """
US CA GB IE AU NZ FR MC MT GI IM JE GG ZA IN PK LK BD SG HK MY PH TH KE NG GH UG TZ ZM ZW JM BB TT BS BM
PR GU VI AS MP GP MQ GF RE YT PM BL MF NC PF WF MA TN DZ SN CI EG IL SA AE QA KW BH OM LU
"""
_NUMBER_FIRST = frozenset(_BEFORE.split())
# A note to the driver of up to this length fits a line of a label; a longer one would be cut.
_LONGEST_NOTE = 35
# A longer list of lines is no address; it stays unplaced.
_MOST_PARTS = 20
_MOST_UNPLACED = 50
_BARE = re.compile(r"[\w/-]{1,6}")
_HOUSE_NUMBER = re.compile(r"\d{1,5}\s?[A-Za-z]?(?:[-/]\d{1,4}[A-Za-z]?)?")
_WORDS = re.compile(r"\w+")


def address_from_json(raw: Any) -> Address | None:
    """Read an address object; None when there is none."""
    if not isinstance(raw, dict) or not raw:
        return None
    fields = _Fields(raw)
    country = _country(fields)
    joined = " ".join(filter(None, map(fields.first, (names.FIRST, names.MIDDLE, names.LAST))))
    address = Address(
        name=fields.first(names.NAME) or joined or fields.first(names.ATTENTION),
        company=fields.first(names.COMPANY),
        city=fields.first(names.CITY),
        state=fields.first(names.STATE),
        postcode=_postcode(fields),
        country=country,
        phone=fields.first(names.PHONE),
        email=fields.first(names.EMAIL),
    )
    lines = _lines(fields, address)
    return replace(
        address, street1="".join(lines[:1]), street2=", ".join(lines[1:]), unplaced=fields.unplaced()
    )


class _Fields:
    """The values of an address by plain name, and which of them are not read yet."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = {}
        self._open: dict[str, tuple[str, Any]] = {}  # the name as the store writes it, and the value
        self._contradicting: list[tuple[str, str, Any]] = []  # later fields of a name that is known
        self._shown: dict[str, str] = {}
        self._add(raw, "")

    def _add(self, raw: Mapping[str, Any], path: str) -> None:
        """Take in the fields of an object; an outer field takes precedence over one of an inner object."""
        inner = []
        for key, value in raw.items():
            shown, name = f"{path}{key}", names.plain(str(key))
            if isinstance(value, dict) and name in (*names.COUNTRY, *names.STATE, *names.CITY):
                value = _code_or_name(value)
            if isinstance(value, dict) and name in names.NESTED:
                inner.append(
                    (shown, {"street" if (name, k) == ("street", "name") else k: v for k, v in value.items()})
                )
            elif name not in self._values:
                self._values[name], self._shown[name] = value, shown
                self._open[name] = (shown, value)
            elif _text(value) not in ("", _text(self._values[name])):
                self._contradicting.append((name, shown, value))
        for shown, fields in inner:
            self._add(fields, f"{shown}.")

    def _given(self, wanted: Iterable[str]) -> list[str]:
        """Those of these names that the address has: few of the hundreds that are known."""
        return [name for name in wanted if name in self._values]

    def first(self, wanted: Iterable[str]) -> str:
        """The first of these fields that has text or a whole number; its synonyms count as read, too."""
        found = ""
        for name in self._given(wanted):
            if said := _text(self._values[name]):
                self._open.pop(name, None)
                found = found or said
        return found

    def each(self, wanted: Iterable[str]) -> list[str]:
        """All texts of these fields, in the order of their names. A list of texts counts as several."""
        found = []
        for name in self._given(wanted):
            value = self._values[name]
            if isinstance(value, list) and len(value) > _MOST_PARTS:
                continue
            if texts := _texts(value):
                self._open.pop(name, None)
                found += texts
        return found

    def take(self, wanted: Iterable[str], pattern: re.Pattern[str]) -> str:
        """The first of these fields that fits the pattern; it is not read again."""
        for name in self._given(wanted):
            said = _text(self._values[name])
            if said and pattern.fullmatch(said):
                del self._values[name], self._open[name]
                return said
        return ""

    def keep(self, group: Iterable[str], value: str) -> None:
        """Count a field as not read after all, under the first of these names that was read."""
        name = next(name for name in group if name in self._shown and name not in self._open)
        self._open[name] = (self._shown[name], value)

    def unplaced(self) -> tuple[str, ...]:
        """Each field with text that is not read and may be part of an address, as "name: text"."""
        found = []
        not_read = [(name, shown, value) for name, (shown, value) in self._open.items()]
        for name, shown, value in (*not_read, *self._contradicting):
            said = ", ".join(islice(_leaves(value), _MOST_UNPLACED))
            if said and (name in names.KNOWN or not names.is_harmless(shown)):
                found.append(f"{text(shown)}: {text(said)}")
            if len(found) == _MOST_UNPLACED:
                found.append("…: and more fields")
                break
        return tuple(found)


def _texts(value: Any) -> list[str]:
    return [said for part in (value if isinstance(value, list) else [value]) if (said := _text(part))]


def _leaves(value: Any) -> Iterator[str]:
    """The texts in a value, however deep, without those that say nothing about where the parcel goes."""
    if isinstance(value, dict):
        for key, part in value.items():
            if not names.is_harmless(str(key)):
                yield from _leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part)
    elif said := _text(value):
        yield said


def _text(value: Any) -> str:
    """Text, or a whole number as its digits; "" for anything else."""
    return str(value) if type(value) is int and value >= 0 else text(value)


def _code_or_name(value: Mapping[str, Any]) -> str:
    """What an object says about a country or a state: its code, else its name."""
    plain = {names.plain(str(key)): found for key, found in value.items()}
    keys = (
        "code",
        "iso2",
        "alpha2",
        "isocode",
        "countrycode",
        "abbreviation",
        "shortname",
        "iso",
        "name",
        "id",
    )
    return next((found for key in keys if (found := _text(plain.get(key)))), "")


def _country(fields: _Fields) -> str:
    """The code of the first of the country's fields that is one, or the name of a country.

    A name that is not known stays unplaced, so that the hold shows it.
    """
    given = [(name, said) for name in names.COUNTRY for said in fields.each([name])]
    codes = [code for _, said in given if (code := country_code(said))]
    if not codes and given:
        name, said = given[0]
        fields.keep([name], said)
    return codes[0] if codes else ""


def _postcode(fields: _Fields) -> str:
    postcode, more = fields.first(names.POSTCODE), fields.first(names.ZIP4)
    return f"{postcode}-{more}" if len(postcode) == 5 and len(more) == 4 else postcode


def _lines(fields: _Fields, address: Address) -> list[str]:
    """The street with its number, then each other part. What the address already says is left out."""
    lines: list[str] = []
    for line in (*fields.each(names.LINE1), *fields.each(names.LINES)):
        _append(lines, line)
    _insert_number(fields, lines, address.country)
    has_street = bool(lines)
    for line in (*fields.each(names.LINE2), *fields.each(names.MORE_LINES)):
        _append(lines, line)
    elsewhere = (address.name, address.company, address.city, address.state)
    for word, group in names.PLACES:
        for place in fields.each(group):
            said = _labelled(word, place)
            # "4B" may be said by "Apt 4B", but the "1" of "1 Main St" is another number.
            is_said = _says(lines, said) or (not _BARE.fullmatch(place) and _says(lines, place))
            if is_said or (word in ("", "Attn") and _says(elsewhere, place)):
                continue
            lines.insert(len(lines) if has_street or word != "PO Box" else 0, said)
    for place in fields.each(names.CITY):  # a village as well as its town
        if not _says([*lines, *elsewhere], place):
            lines.append(place)
    for name in names.NOTES:
        for note in fields.each([name]):
            if len(note) > _LONGEST_NOTE:
                fields.keep([name], note)
            else:
                _append(lines, note)
    return lines


def _insert_number(fields: _Fields, lines: list[str], country: str) -> None:
    """Write the number of a house where the country does. A number without a street stays unplaced."""
    house = fields.first(names.NUMBER) or fields.take(names.HOUSE, _HOUSE_NUMBER)
    suffix = fields.first(names.NUMBER_SUFFIX)
    if suffix and (not house or suffix.lower().rstrip(".") in names.NAME_SUFFIXES):
        fields.keep(names.NUMBER_SUFFIX, suffix)
        suffix = ""
    number = _with_suffix(house, suffix)
    if not number or _says(lines, number):
        return
    if not lines:
        fields.keep((*names.NUMBER, *names.HOUSE), number)
    elif _says(lines[:1], house):
        lines[0] = re.sub(rf"\b{re.escape(house)}\b", lambda _: number, lines[0], count=1)
    else:
        lines[0] = f"{number} {lines[0]}" if country in _NUMBER_FIRST else f"{lines[0]} {number}"


def _with_suffix(number: str, suffix: str) -> str:
    """ "12 B", "12-3" or "12/A"; the number alone if it ends with the suffix, as in "12B"."""
    ending = number.removesuffix(suffix)
    if not suffix or (ending != number and (ending[-1:].isdigit() != suffix[0].isdigit() or not ending)):
        return number
    joint = "" if suffix[0] in "-/" else "-" if suffix[0].isdigit() else " "
    return f"{number}{joint}{suffix}"


def _append(lines: list[str], line: str) -> None:
    """Add a line, unless the lines say it; a line that says an earlier one, and more, takes its place."""
    if _says(lines, line):
        return
    if len(lines) == 1 and _says([line], lines[0]):
        lines[0] = line
    else:
        lines.append(line)


def _says(lines: Iterable[str], part: str) -> bool:
    """Whether one of the lines has these words, in this order and side by side."""
    wanted = _WORDS.findall(part.casefold())
    size = len(wanted)
    for line in lines:
        words = _WORDS.findall(line.casefold())
        if any(words[at : at + size] == wanted for at in range(len(words) - size + 1)):
            return True
    return False


def _labelled(word: str, place: str) -> str:
    """A bare value such as "4B" with its word, so that a driver knows what it is."""
    if not word:
        return place
    if word in ("c/o", "Attn"):
        return place if place.lower().startswith((word.lower(), "attn", "c/o", "att")) else f"{word} {place}"
    has_digit = any(sign.isdigit() for sign in place)
    is_bare = (_BARE.fullmatch(place) and has_digit) or len(place) == 1
    return f"{word} {place}" if is_bare else place
