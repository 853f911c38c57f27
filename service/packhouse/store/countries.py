"""A country written as a code or a name becomes its ISO 3166-1 alpha-2 code.

Names come from Unicode's CLDR, in English and in the languages that shops write most; a name that means two
countries means none.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Languages whose names of countries are read.
_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "fi", "cs", "ja", "zh")
# Codes of CLDR that no country has: unions, the unknown region, and texts to test with.
_NO_COUNTRIES = ("EU", "EZ", "UN", "ZZ", "QO", "XA", "XB")
# Codes that postal services and the EU write for another one, and names that CLDR does not list.
_CODES = {"UK": "GB", "EL": "GR", "EN": "GB"}
_NAMES = {
    "usa": "US",
    "us": "US",
    "america": "US",
    "united states of america": "US",
    "the united states": "US",
    "estados unidos de america": "US",
    "uk": "GB",
    "great britain": "GB",
    "britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "cymru": "GB",
    "northern ireland": "GB",
    "holland": "NL",
    "the netherlands": "NL",
    "republic of ireland": "IE",
    "eire": "IE",
    "korea": "KR",
    "republic of korea": "KR",
    "korea republic of": "KR",
    "south korea": "KR",
    "brd": "DE",
    "federal republic of germany": "DE",
    "bundesrepublik deutschland": "DE",
    "czech republic": "CZ",
    "russia": "RU",
    "russian federation": "RU",
    "uae": "AE",
    "hong kong": "HK",
    "hong kong sar": "HK",
    "macau": "MO",
    "macao": "MO",
    "viet nam": "VN",
    "turkey": "TR",
    "turkiye": "TR",
    "ivory coast": "CI",
    "burma": "MM",
    "peoples republic of china": "CN",
    "people s republic of china": "CN",
    "taiwan province of china": "TW",
    "iran islamic republic of": "IR",
    "islamic republic of iran": "IR",
    "syrian arab republic": "SY",
    "virgin islands us": "VI",
    "us virgin islands": "VI",
    "usvi": "VI",
    "the bahamas": "BS",
    "the gambia": "GM",
    "macedonia": "MK",
    "swaziland": "SZ",
    "cape verde": "CV",
    "moldova republic of": "MD",
    "tanzania united republic of": "TZ",
    "bolivia plurinational state of": "BO",
    "venezuela bolivarian republic of": "VE",
    "holy see": "VA",
    "aland": "AX",
    "canary islands": "ES",
}


def country_code(text: str) -> str:
    """The two-letter code of a country's code or name, in upper case; "" for what is neither."""
    word = text.strip()
    if len(word) == 2 and word.isascii() and word.isalpha():
        return _CODES.get(word.upper(), word.upper())
    name = _folded(word)
    # An abbreviation has no accents: "ÜS" is not "US".
    known = (name, name.replace(" ", "")) if word.isascii() or len(name) > 3 else ()
    if found := next((_NAMES[one] for one in known if one in _NAMES), ""):
        return found
    if len(word) == 3 and word.isascii() and word.isalpha():
        return _alpha3(word.upper())
    return _by_name().get(name, "")


def _folded(text: str) -> str:
    """Letters and digits without case, accents and punctuation, with single blanks."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(
        c if c.isalnum() else "" if c in "'’." or unicodedata.combining(c) else " " for c in letters
    )
    return " ".join(kept.split())


def _alpha3(code: str) -> str:
    """The code of a three-letter code. CLDR lists it as an alias of the two-letter one."""
    from babel.core import get_global

    aliases: list[str] = get_global("territory_aliases").get(code, [])
    return aliases[0] if len(aliases) == 1 else ""  # a country that fell apart has several


@lru_cache(maxsize=1)
def _by_name() -> dict[str, str]:
    from babel import Locale

    found: dict[str, set[str]] = {}
    for language in _LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and not name.isupper() and code not in _NO_COUNTRIES:
                found.setdefault(_folded(name), set()).add(code)
    return {name: codes.pop() for name, codes in found.items() if len(codes) == 1}
