"""Addresses in every spelling met; what is missing stays missing."""

from __future__ import annotations

import re
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given, settings
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
    ("country", "code"),
    [
        ("de", "DE"),
        (" US ", "US"),
        ("United States", "US"),
        ("United States of America", "US"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        ("UK", "GB"),
        ("Great Britain", "GB"),
        ("GBR", "GB"),
        ("Germany", "DE"),
        ("DEUTSCHLAND", "DE"),
        ("Österreich", "AT"),
        ("Espana", "ES"),
        ("Nederland", "NL"),
        ("日本", "JP"),
        ("EL", "GR"),
        ("Côte d'Ivoire", "CI"),
        ({"code": "de", "name": "Germany"}, "DE"),
        ({"name": "Germany"}, "DE"),
        ({"iso2": "FR"}, "FR"),
        (["US"], "US"),
    ],
)
def test_a_country_is_read_from_its_code_and_from_its_name(country: Any, code: str) -> None:
    assert address_from_json({"name": "A", "country": country}) == Address(name="A", country=code)


@pytest.mark.parametrize("country", ["Atlantis", "ÜS", "XYZ", "840", 840])
def test_a_country_that_is_not_known_is_named_and_not_guessed(country: Any) -> None:
    read = address_from_json({"name": "A", "country": country})
    assert read == Address(name="A", unplaced=(f"country: {country}",))


@pytest.mark.parametrize("country", ["", None, {}, False])
def test_no_country_is_none(country: Any) -> None:
    assert address_from_json({"name": "A", "country": country}) == Address(name="A")


def test_a_postcode_that_is_a_number_keeps_its_digits_and_gets_no_zeros() -> None:
    assert address_from_json({"postcode": 2134, "country": "US"}) == Address(postcode="2134", country="US")


HOME = {"name": "Ann", "city": "Utrecht", "country": "NL", "postcode": "3511 AB"}


@pytest.mark.parametrize(
    ("parts", "street1", "street2"),
    [
        (
            {"street": "Keizerstraat", "house_number": "12", "house_number_suffix": "B"},
            "Keizerstraat 12 B",
            "",
        ),
        ({"street": "Keizerstraat", "houseNumber": 12}, "Keizerstraat 12", ""),
        (
            {"street": "Keizerstraat", "house_number": "12", "house_number_addition": "3"},
            "Keizerstraat 12-3",
            "",
        ),
        ({"street": "Keizerstraat", "house_number": "12B", "house_letter": "B"}, "Keizerstraat 12B", ""),
        ({"street": "Keizerstraat 12", "house_number": "12"}, "Keizerstraat 12", ""),
        ({"line1": "Keizerstraat 12", "house_number": "12", "addition": "bis"}, "Keizerstraat 12 bis", ""),
        ({"line1": "Keizerstraat 12", "street": "Keizerstraat", "number": "12"}, "Keizerstraat 12", ""),
        ({"street": {"name": "Keizerstraat", "number": "12"}}, "Keizerstraat 12", ""),
        ({"address": {"street": "Keizerstraat", "house": "12a"}}, "Keizerstraat 12a", ""),
        ({"street": "Main St", "street_number": "12", "country": "US"}, "12 Main St", ""),
        ({"street": "Rue Oberkampf", "number": "12", "country": "FR"}, "12 Rue Oberkampf", ""),
        ({"street": "Torstr.", "hausnummer": "12", "country": "DE"}, "Torstr. 12", ""),
        ({"line1": "1 Main St", "apartment": "Apt 4B"}, "1 Main St", "Apt 4B"),
        ({"line1": "1 Main St", "apartment": "4B"}, "1 Main St", "Apt 4B"),
        ({"line1": "1 Main St", "line2": "Apt 4B", "apartment": "4B"}, "1 Main St", "Apt 4B"),
        ({"line1": "1 Main St", "apartment": "1"}, "1 Main St", "Apt 1"),
        ({"line1": "1 Main St", "suite": 200, "floor": "3"}, "1 Main St", "Floor 3, Suite 200"),
        ({"line1": "1 Main St", "unit": "7", "building": "B"}, "1 Main St", "Building B, Unit 7"),
        ({"line1": "1 Main St", "line3": "Back court"}, "1 Main St", "Back court"),
        ({"line1": "1 Main St", "address2": "Flat 2", "address3": "East"}, "1 Main St", "Flat 2, East"),
        (
            {"line1": "Rua Azul 5", "complemento": "fundos", "bairro": "Centro"},
            "Rua Azul 5",
            "fundos, Centro",
        ),
        ({"line1": "1 Main St", "district": "Mitte", "county": "Kent"}, "1 Main St", "Mitte, Kent"),
        ({"line1": "1 Main St", "district": "Utrecht"}, "1 Main St", ""),
        ({"line1": "1 Main St", "attention": "Bo Lee"}, "1 Main St", "Attn Bo Lee"),
        ({"line1": "1 Main St", "care_of": "Bo Lee"}, "1 Main St", "c/o Bo Lee"),
        ({"po_box": "123"}, "PO Box 123", ""),
        ({"line1": "1 Main St", "po_box": 123}, "1 Main St", "PO Box 123"),
        ({"line1": "Postfach 9", "po_box": "Postfach 9"}, "Postfach 9", ""),
        ({"line1": "1 Main St", "delivery_instructions": "Back door"}, "1 Main St", "Back door"),
        ({"line1": "1 Main St", "house": "Rose Cottage"}, "1 Main St", "Rose Cottage"),
        ({"address_lines": ["1 Main St", "", "Rear"]}, "1 Main St", "Rear"),
        ({"address": ["1 Main St", "Rear"]}, "1 Main St", "Rear"),
        ({"Address Line 1": "1 Main St", "Address-Line-2": "Rear"}, "1 Main St", "Rear"),
    ],
)
def test_every_part_of_a_street_is_in_the_lines(parts: dict[str, Any], street1: str, street2: str) -> None:
    read = address_from_json({**HOME, **parts})
    assert read is not None
    assert (read.street1, read.street2, read.unplaced) == (street1, street2, ())


@pytest.mark.parametrize(
    ("parts", "unplaced"),
    [
        ({"shipping_zone": "North"}, ("shipping_zone: North",)),
        ({"rear_wing": 3}, ("rear_wing: 3",)),
        ({"pickup_point": {"id": "pp_1", "name": "Kiosk", "lat": 1.5}}, ("pickup_point: Kiosk",)),
        ({"notes": "Ring twice, wait, and then leave it behind the house"}, ()),
        ({"house_number_suffix": "B"}, ("house_number_suffix: B",)),
        ({"recipient": {"name": "Bo"}}, ("recipient.name: Bo",)),
    ],
)
def test_a_part_that_has_no_place_is_named(parts: dict[str, Any], unplaced: tuple[str, ...]) -> None:
    read = address_from_json({**HOME, "line1": "1 Main St", **parts})
    assert read is not None
    assert read.unplaced == (unplaced or ("notes: Ring twice, wait, and then leave it behind the house",))


def test_a_house_number_without_a_street_is_named_and_is_no_street() -> None:
    read = address_from_json({**HOME, "house_number": "12", "house_number_suffix": "B"})
    assert read is not None
    assert (read.street1, read.unplaced) == ("", ("house_number: 12 B",))


def test_what_says_nothing_about_the_place_is_left_out() -> None:
    harmless = {
        "id": "addr_1",
        "created_at": "2026-11-30T10:00:00Z",
        "updatedAt": "2026-11-30T10:00:00Z",
        "customer_id": "cus_1",
        "is_default": True,
        "isResidential": "yes",
        "lat": 52.1,
        "longitude": "5.1",
        "label": "Home",
        "type": "shipping",
        "vat_number": "NL1",
        "metadata": {"source": "checkout"},
        "location": {"type": "Point", "coordinates": [1, 2]},
        "wing": None,
        "gate": "",
    }
    read = address_from_json({**HOME, "line1": "Kade 1", **harmless})
    assert read == Address(name="Ann", street1="Kade 1", city="Utrecht", postcode="3511 AB", country="NL")


def test_a_state_in_an_object_is_read_by_its_code() -> None:
    read = address_from_json({"state": {"code": "CA", "name": "California"}, "country": "US"})
    assert read == Address(state="CA", country="US")


def test_first_middle_and_last_name_make_the_name_and_attention_stands_in() -> None:
    names = {"first_name": "Ann", "middle_name": "B", "last_name": "Lee"}
    assert address_from_json(names) == Address(name="Ann B Lee")
    assert address_from_json({"attention": "Bo", "line1": "Kade 1"}) == Address(name="Bo", street1="Kade 1")


def test_four_more_digits_of_a_zip_in_a_field_of_their_own_are_joined() -> None:
    assert address_from_json({"zip": "94110", "zip4": "1234"}) == Address(postcode="94110-1234")


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


@settings(deadline=None)  # the first name of a country loads the names of all
@given(st.dictionaries(_names, _values | st.dictionaries(st.just("code"), _values), max_size=10))
def test_any_object_is_an_address_of_plain_text_made_of_what_it_says(raw: dict[str, Any]) -> None:
    read = address_from_json(raw)
    if read is None:
        assert not raw
        return
    for part in (*astuple(read)[:-1], *read.unplaced):
        assert part == part.strip()
        assert not any(ord(c) < 0x20 for c in part)
    assert read.country == "" or (
        len(read.country) == 2 and read.country.isupper() and read.country.isascii()
    )
    given = {_letters(raw.get(name)) for name in ("postcode", "zip")}
    assert _letters(read.postcode) in given | {""}


def _letters(value: Any) -> str:
    """A text without its blanks and control characters, which may be tidied."""
    said = str(value) if isinstance(value, int) else value
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]", "", said) if isinstance(said, str) else ""


def test_a_village_beside_its_town_is_kept_and_a_second_name_of_the_town_is_not() -> None:
    raw = {"line1": "1 St", "city": "Utrecht", "town": "utrecht", "village": "Haarzuilens", "country": "NL"}
    address = address_from_json(raw)
    assert address is not None
    assert (address.street1, address.street2, address.city) == ("1 St", "Haarzuilens", "Utrecht")
