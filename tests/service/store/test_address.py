"""Addresses in every spelling met; what is missing stays missing."""

from __future__ import annotations

import re
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.model.order import Address
from packhouse.store.protocol import address_from_json

ZOE = Address(
    name="Zoë Lee",
    company="Lee Ltd",
    street1="1 Main St",
    street2="Apt 2",
    city="San Francisco",
    state="CA",
    postcode="94110",
    country="US",
    phone="+1 415 555 0100",
    email="zoe@example.com",
)


@pytest.mark.parametrize(
    "spelling",
    [
        {
            "company": "Lee Ltd",
            "name": "Zoë Lee",
            "line1": "1 Main St",
            "line2": "Apt 2",
            "city": "San Francisco",
            "state": "CA",
            "postcode": "94110",
            "country": "US",
            "phone": "+1 415 555 0100",
            "email": "zoe@example.com",
        },
        {
            "organization": "Lee Ltd",
            "full_name": "Zoë Lee",
            "address1": "1 Main St",
            "address2": "Apt 2",
            "town": "San Francisco",
            "province": "CA",
            "postal_code": "94110",
            "country_code": "us",
            "phone_number": "+1 415 555 0100",
            "email": "zoe@example.com",
        },
        {
            "company_name": "Lee Ltd",
            "first_name": "Zoë",
            "last_name": "Lee",
            "street": "1 Main St",
            "street2": "Apt 2",
            "locality": "San Francisco",
            "region": "CA",
            "zip": "94110",
            "country": {"code": "US", "name": "United States"},
            "telephone": "+1 415 555 0100",
            "email": "zoe@example.com",
        },
        {
            "organisation": "Lee Ltd",
            "recipient": "Zoë Lee",
            "street": ["1 Main St", "Apt 2"],
            "city": "San Francisco",
            "state_code": "CA",
            "zip_code": "94110",
            "country": "United States",
            "country_code": "US",
            "phone": "+1 415 555 0100",
            "email": "zoe@example.com",
        },
        {
            "company": "Lee Ltd",
            "recipient_name": "Zoë Lee",
            "address_line_1": "1 Main St",
            "address_line_2": "Apt 2",
            "city": " San Francisco\n",
            "state": "CA",
            "postalCode": "94110",
            "countryCode": "US",
            "phone": "+1 415 555 0100",
            "email": "zoe@example.com",
        },
    ],
)
def test_every_spelling_is_the_same_address(spelling: dict[str, Any]) -> None:
    assert address_from_json(spelling) == ZOE


def test_the_documented_address_has_only_what_it_says() -> None:
    read = address_from_json({"country": "US", "state": "CA", "postcode": "94110"})
    assert read == Address(country="US", state="CA", postcode="94110")


@pytest.mark.parametrize("raw", [None, {}, [], "1 Main St", 7, True])
def test_no_address_is_none(raw: Any) -> None:
    assert address_from_json(raw) is None


@pytest.mark.parametrize(
    "country", ["United States", "USA", "U.S.", "", None, 840, "ÜS", {"name": "US"}, ["US"]]
)
def test_a_country_that_is_no_code_is_not_turned_into_one(country: Any) -> None:
    assert address_from_json({"name": "A", "country": country}) == Address(name="A")


def test_a_postcode_that_lost_its_zeros_is_not_taken() -> None:
    assert address_from_json({"postcode": 2134, "country": "US"}) == Address(country="US")


def test_more_street_lines_than_two_are_all_kept() -> None:
    read = address_from_json({"street": ["House 5", " ", "Block C", "Back door"]})
    assert read == Address(street1="House 5", street2="Block C, Back door")


def test_the_documented_name_wins_over_a_synonym() -> None:
    read = address_from_json({"zip": "00000", "postcode": "94110", "state_code": "XX", "state": "CA"})
    assert read == Address(postcode="94110", state="CA")


_names = st.sampled_from(
    [
        "name",
        "full_name",
        "first_name",
        "last_name",
        "line1",
        "address1",
        "street",
        "line2",
        "lines",
        "city",
        "town",
        "state",
        "province",
        "postcode",
        "zip",
        "country",
        "country_code",
        "phone",
        "email",
        "company",
    ]
)
_values = st.text(max_size=12) | st.none() | st.integers() | st.lists(st.text(max_size=5), max_size=3)


@given(st.dictionaries(_names, _values | st.dictionaries(st.just("code"), _values), max_size=10))
def test_any_object_is_an_address_of_plain_text_made_of_what_it_says(raw: dict[str, Any]) -> None:
    read = address_from_json(raw)
    if read is None:
        assert not raw
        return
    for part in astuple(read):
        assert part == part.strip()
        assert not any(ord(c) < 0x20 for c in part)
    assert read.country == "" or (
        len(read.country) == 2 and read.country.isupper() and read.country.isascii()
    )
    given = {_letters(raw.get(name)) for name in ("postcode", "zip")}
    assert _letters(read.postcode) in given | {""}


def _letters(value: Any) -> str:
    """A text without its blanks and control characters, which may be tidied."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]", "", value) if isinstance(value, str) else ""
