"""What a hold says about an address: each fault in words, once, and no more than people read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packhouse.model.order import Address
from packhouse.rules.address import faults, normalized

US = Address("Ann Lee", "", "1 Main St", "", "San Francisco", "CA", "94110", "US")
BERLIN = Address("Jo", "", "Hauptstr. 1", "", "Berlin", "", "10115", "DE")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (replace(US, country="", city="", state=""), "country is missing"),
        (replace(US, country="ALL"), "'ALL' is not a country code such as US or DE"),
        (replace(BERLIN, postcode=""), "postal code is missing"),
        (
            replace(US, state="", postcode="94110"),
            "state or province is missing (postal code 94110 is in CA)",
        ),
        (replace(US, state="", postcode="00000"), "state or province is missing"),
        (replace(US, state="", postcode="64000", country="MX"), "state or province is missing"),
        (replace(US, postcode="10001"), "postal code '10001' does not fit CA"),
        (replace(US, postcode="ABCD"), "postal code 'ABCD' does not fit US, expected one like 95014"),
        (replace(US, postcode="941"), "postal code '941' does not fit US, expected one like 95014"),
        (
            replace(US, postcode="9411"),
            "postal code '9411' does not fit US, expected one like 95014; a leading zero may be missing",
        ),
        (replace(BERLIN, postcode="1011A"), "postal code '1011A' does not fit DE, expected one like 26133"),
        (replace(BERLIN, street1=" Flat 9 "), "street is missing: 'Flat 9' says only which flat or suite"),
    ],
)
def test_one_fault_is_said_in_one_sentence(address: Address, said: str) -> None:
    assert faults(address) == (said,)


@pytest.mark.parametrize(
    "address",
    [
        replace(US, state="Nowhere"),
        Address("Jo", "", "Calle 1", "", "Madrid", "Madrid", "08001", "ES"),
        Address("Jo", "", "1 Road", "", "APO", "", "8000", "PH"),
        Address("Jo", "", "1 Rue", "", "Foix", "", "09012", "FR"),
    ],
    ids=[
        "a state that no table has",
        "a code of another province",
        "a town with the name of a military one",
        "a code like a military one",
    ],
)
def test_what_may_be_right_is_no_fault(address: Address) -> None:
    assert faults(address) == ()


def test_a_part_that_no_label_has_room_for_is_named_and_nothing_else_is_judged() -> None:
    assert faults(replace(US, street2="x" * 200)) == ()
    assert faults(replace(US, street2="x" * 201, city="")) == (
        "the second line of the address has 201 characters, and a label has room for 200 at most",
    )
    assert normalized(replace(US, state="california", street2="x" * 201)).state == "CA"


def test_ten_faults_are_said_and_more_are_counted() -> None:
    parts = tuple(f"part_{number}: X" for number in range(12))
    ten, twelve = (faults(replace(US, unplaced=parts[:count])) for count in (10, 12))
    assert len(ten) == 10
    assert all("has no place" in fault for fault in ten)
    assert twelve == (*ten, "and 2 more")
