"""States and ZIP Codes of the US: what an address means by its state, and what its ZIP Code says of it."""

from __future__ import annotations

import pytest

from packhouse.rules.us_places import is_military, state_of_zip, us_state


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("US-CA", "CA"),
        ("us ca", "CA"),
        ("US Virgin Islands", "VI"),
        ("US Armed Forces Pacific", "AP"),
        ("US Minor Outlying Islands", "UM"),
        ("US California", ""),
        ("Tex.", "TX"),
        ("District of Columbia", "DC"),
        ("", ""),
    ],
)
def test_a_state_is_known_by_its_code_or_its_name(text: str, code: str) -> None:
    assert us_state(text) == code


@pytest.mark.parametrize(
    ("postcode", "state"),
    [
        ("94110", "CA"),
        ("94110-1234", "CA"),
        ("10001", "NY"),
        ("00901", "PR"),
        ("09012", "AE"),
        ("9411", ""),
        ("83414", ""),  # of Idaho by its number, and of Wyoming
        ("94110 and more", ""),
        ("00000", ""),
        ("", ""),
    ],
)
def test_a_zip_code_names_the_one_state_that_has_it(postcode: str, state: str) -> None:
    assert state_of_zip(postcode) == state


@pytest.mark.parametrize(
    ("city", "state", "postcode"),
    [("Ramstein", "AE", ""), ("Ramstein", "", "09012"), ("APO", "", ""), ("FPO AP", "", "")],
)
def test_each_part_of_an_address_alone_says_that_it_is_military(city: str, state: str, postcode: str) -> None:
    assert is_military(city, state, postcode)


def test_an_address_without_a_military_part_is_not_military() -> None:
    assert not is_military("San Francisco", "CA", "94110")
