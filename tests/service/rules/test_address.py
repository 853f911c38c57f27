"""Addresses are judged by their country's rules, and never rewritten."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.model.order import Address
from packhouse.rules.address import faults

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
]
BAD = [
    (None, "no delivery address"),
    (replace(US, name=""), "name"),
    (replace(US, street1=" "), "street"),
    (replace(US, city=""), "city"),
    (replace(US, state=""), "state"),
    (replace(US, postcode=""), "postal code is missing"),
    (replace(US, postcode="9411"), "does not fit"),
    (replace(US, postcode="10001"), "does not fit"),
    (replace(US, country=""), "country"),
    (replace(US, country="XX"), "not a country code"),
]


@pytest.mark.parametrize("address", GOOD, ids=lambda a: f"{a.country} {a.city}")
def test_a_complete_address_has_no_fault(address: Address) -> None:
    assert faults(address) == ()


@pytest.mark.parametrize(("address", "word"), BAD, ids=[word for _, word in BAD])
def test_what_is_missing_is_named(address: Address | None, word: str) -> None:
    assert any(word in fault for fault in faults(address))


parts = st.text(max_size=20)


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
