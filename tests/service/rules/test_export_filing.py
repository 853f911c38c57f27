"""When the US has to be asked about a shipment, and what it says of each place."""

from __future__ import annotations

import pytest

from packhouse.model.money import Money
from packhouse.model.order import Address
from packhouse.rules.export_filing import exemption, must_be_asked

CALIFORNIA = Address("Ann", "", "1 Pier", "", "San Francisco", "CA", "94104", "US")


def at(country: str, postcode: str = "", state: str = "", city: str = "Town") -> Address:
    return Address(city=city, state=state, postcode=postcode, country=country)


@pytest.mark.parametrize(
    "to",
    [
        at("US", "00601"),
        at("US", "00725-1234"),
        at("US", "00918"),
        at("US", "", "PR"),
        at("US", "", "pr"),
        at("PR"),
        at("US", "00802", "VI"),
        at("DE", "10115"),
        at("US", "96913", "GU"),
    ],
    ids=lambda to: f"{to.country} {to.state} {to.postcode}",
)
def test_from_the_states_puerto_rico_the_islands_and_other_countries_are_asked_for(to: Address) -> None:
    assert must_be_asked(CALIFORNIA, to)


@pytest.mark.parametrize("zip_code", ["00501", "01001", "99501", "96813"])
def test_between_two_states_nothing_is_asked(zip_code: str) -> None:
    assert not must_be_asked(CALIFORNIA, at("US", zip_code))


def test_within_puerto_rico_nothing_is_asked_and_to_the_states_it_is() -> None:
    assert not must_be_asked(at("PR", "00901"), at("US", "00601", "PR"))
    assert must_be_asked(at("PR", "00901"), CALIFORNIA)
    assert must_be_asked(at("VI", "00802"), at("US", "00901", "PR"))
    assert not must_be_asked(at("VI", "00802"), at("US", "00801", "VI"))


def test_no_shipment_from_another_country_is_asked_for() -> None:
    assert not must_be_asked(at("DE", "10115"), at("US", "00901", "PR"))
    assert not must_be_asked(at("GU", "96913"), CALIFORNIA)


def code_for(to: Address) -> str:
    return exemption(to, [("", Money(100, "USD"))], {})[0]


@pytest.mark.parametrize(
    "postcode",
    ["83000", "87999", "91000", "94999", "95000", "99999", " 95000 ", "299000", "291000"],
)
def test_a_postal_code_of_an_occupied_place_is_enough(postcode: str) -> None:
    assert code_for(at("UA", postcode)) == ""


@pytest.mark.parametrize("postcode", ["82999", "88000", "90999", "01001", "9500", "79000", ""])
def test_other_codes_of_ukraine_have_the_exemption(postcode: str) -> None:
    assert code_for(at("UA", postcode)) == "NOEEI 30.37(a)"


def test_a_code_or_a_name_like_an_occupied_one_is_free_elsewhere() -> None:
    assert code_for(at("PL", "95000", city="Donetsk")) == "NOEEI 30.37(a)"


@pytest.mark.parametrize(
    ("state", "city", "code"),
    [("UA-43", "", ""), ("ua09", "", ""), ("UA-30", "Kyiv", "NOEEI 30.37(a)"), ("", "Ялта", "")],
)
def test_a_regions_code_and_a_towns_name_say_where_it_is(state: str, city: str, code: str) -> None:
    assert code_for(at("UA", "", state, city)) == code


def test_values_of_one_number_and_one_currency_are_added_and_others_are_not() -> None:
    to = at("DE")
    half = 125_001
    same = [("940521", Money(half, "USD")), ("940521", Money(half, "USD"))]
    assert exemption(to, same, {}) == (
        "",
        "goods of tariff number 940521 in this order are worth 2500.02 USD together, and above 2500.00 USD a "
        "US export has to be filed first (15 CFR 30.37(a))",
    )
    apart = [("940521", Money(half, "USD")), ("940599", Money(half, "USD")), ("", Money(half, "USD"))]
    assert exemption(to, apart, {}) == ("NOEEI 30.37(a)", "")
    assert exemption(to, [*apart[:1], ("940521", Money(half, "EUR"))], {"EUR": half})[0] == "NOEEI 30.37(a)"
    assert exemption(to, [("", Money(half, "EUR"))], {"EUR": half - 1})[0] == ""
