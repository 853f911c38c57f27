"""Every row of the table of customs areas, against a list that was written on its own."""

from __future__ import annotations

import re

import pytest

from packhouse.model.order import Address
from packhouse.rules.customs_areas import PLACES, areas, crosses_border

US = Address(street1="1 Pier", city="San Francisco", state="CA", postcode="94104", country="US")
DE = Address(city="Berlin", postcode="10115", country="DE")
GB = Address(city="London", postcode="SW1A 1AA", country="GB")
FR = Address(city="Paris", postcode="75001", country="FR")
CH = Address(city="Bern", postcode="3000", country="CH")
NO = Address(city="Oslo", postcode="0150", country="NO")
AU = Address(city="Sydney", state="NSW", postcode="2000", country="AU")
IE = Address(city="Dublin", postcode="D02 AF30", country="IE")


def at(country: str, postcode: str = "", state: str = "", city: str = "Town") -> Address:
    return Address(city=city, state=state, postcode=postcode, country=country)


# Within one area: no form.
INSIDE = [
    (US, at("US", "10001", "NY")),
    (US, at("US", "99501", "AK")),
    (US, at("US", "96813", "HI")),
    (US, at("US", "20001", "DC")),
    (US, at("PR", "00901")),
    (US, at("US", "00901", "PR")),
    (US, at("US", "00901", "Puerto Rico")),
    (at("PR", "00901"), US),
    (at("GU", "96913"), at("US", "96913", "GU")),
    (DE, FR),
    (DE, at("ES", "28001")),
    (DE, at("ES", "07001")),  # the Balearic Islands
    (DE, at("PT", "9000-001")),  # Madeira
    (DE, at("PT", "9500-001")),  # the Azores
    (DE, at("FR", "20000")),  # Corsica
    (DE, at("MC", "98000")),
    (DE, at("FR", "98000")),  # Monaco, as its post writes it
    (DE, at("FI", "00100")),
    (DE, at("DK", "2100")),
    (DE, at("DK", "1000")),
    (DE, at("IT", "00118")),
    (DE, at("GR", "104 31")),
    (DE, at("CY", "1010")),
    (DE, at("AT", "6991")),
    (DE, at("GB", "BT1 1AA")),  # Northern Ireland's goods move with the EU
    (DE, at("GB", "bt11aa")),
    (IE, at("GB", "BT48 6DQ")),
    (at("GB", "BT1 1AA"), FR),
    (GB, at("GB", "BT1 1AA")),
    (at("GB", "BT1 1AA"), GB),
    (GB, at("IM", "IM1 1AA")),
    (GB, at("GB", "IM1 1AA")),
    (at("IM", "IM1 1AA"), GB),
    (CH, at("LI", "9490")),
    (CH, at("DE", "78266")),  # Buesingen
    (at("ES", "35001"), at("ES", "38001")),
    (at("JE", "JE2 3AB"), at("GB", "JE2 3AB")),
    (at("AX", "22100"), at("FI", "AX-22100")),
]
# Between two areas: a form.
BETWEEN = [
    (US, at("US", "96913", "GU")),
    (US, at("US", "96913")),
    (US, at("US", "", "Guam")),
    (US, at("GU", "96913")),
    (US, at("US", "96799", "AS")),
    (US, at("US", "96799", "American Samoa")),
    (US, at("US", "96950", "MP")),
    (US, at("US", "96950", "Northern Mariana Islands")),
    (US, at("US", "00802", "VI")),
    (US, at("US", "00802", "Virgin Islands")),
    (US, at("VI", "00802")),
    (US, at("US", "96940", "PW")),
    (US, at("US", "96941", "FM")),
    (US, at("US", "96960", "MH")),
    (US, at("US", "96898", "UM")),
    (US, at("US", "09012", "AE", "APO")),
    (US, at("US", "09012", "", "APO")),
    (US, at("US", "09012", "", "apo")),
    (US, at("US", "09012", "Armed Forces Europe")),
    (US, at("US", "09012-1234", "ae")),
    (US, at("US", "34002", "AA", "APO")),
    (US, at("US", "34002", "Armed Forces Americas")),
    (US, at("US", "96278", "Armed Forces Pacific", "DPO")),
    (US, at("US", "96601", "AP", "FPO")),
    (US, at("US", "", "", "FPO AP")),
    (US, at("AE", "", "Dubai", "Dubai")),
    (at("GU", "96913"), US),
    (at("PR", "00901"), at("US", "00802", "VI")),
    (US, at("CA", "M5V 2T6", "ON")),
    (US, at("MX", "02860", "CMX")),
    (US, DE),
    (DE, US),
    (DE, GB),
    (IE, GB),
    (DE, CH),
    (DE, NO),
    (DE, at("AD", "AD100")),
    (DE, at("SM", "47890")),
    (DE, at("IT", "47890")),
    (DE, at("VA", "00120")),
    (DE, at("IT", "00120")),
    (DE, at("GI", "GX11 1AA")),
    (DE, at("ES", "35001")),
    (DE, at("ES", "38001")),
    (DE, at("ES", "51001")),
    (DE, at("ES", "52001")),
    (DE, at("ES", "", "Melilla")),
    (at("ES", "28001"), at("ES", "35001")),
    (at("ES", "35001"), at("ES", "28001")),
    (DE, at("DE", "27498")),
    (DE, at("DE", "78266")),
    (DE, at("DE", "D-78266")),
    (DE, at("IT", "23041")),
    (DE, at("IT", "22061")),
    (at("IT", "00118"), at("IT", "22060")),
    (DE, at("GR", "630 86")),
    (DE, at("GR", "63087")),
    (DE, at("FI", "22100")),
    (DE, at("FI", "FI-22100")),
    (DE, at("AX", "22100")),
    (at("FI", "00100"), at("FI", "22100")),
    (DE, at("DK", "3900")),
    (DE, at("DK", "DK-3900")),
    (DE, at("DK", "3992")),
    (at("DK", "2100"), at("DK", "3900")),
    (DE, at("DK", "100")),
    (DE, at("DK", "FO-100")),
    (DE, at("FO", "100")),
    (DE, at("GL", "3900")),
    (DE, at("CY", "99150")),
    *((FR, at("FR", f"{start}10")) for start in (971, 972, 973, 974, 975, 976, 984, 986, 987, 988)),
    (FR, at("FR", "97133")),
    (FR, at("FR", "97150")),
    (FR, at("FR", "", "La Réunion")),
    *((FR, at(country)) for country in ("GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF", "NC", "PF", "WF")),
    (GB, at("GB", "JE2 3AB")),
    (GB, at("GB", "je23ab")),
    (GB, at("JE", "JE2 3AB")),
    (GB, at("GB", "GY1 1AA")),
    (GB, at("GG", "GY1 1AA")),
    (at("JE", "JE2 3AB"), at("GG", "GY1 1AA")),
    (DE, at("GB", "JE2 3AB")),
    (GB, at("GB", "GX11 1AA")),
    (GB, at("GB", "BFPO 57")),
    (GB, at("GB", "BF1 2AU")),
    (GB, at("GB", "FIQQ 1ZZ")),
    (at("GB", "BT1 1AA"), at("US", "94104", "CA")),
    (NO, at("NO", "9170")),
    (NO, at("SJ", "9170")),
    (NO, at("NO", "8099")),
    (AU, at("AU", "2899", "NSW")),
    (AU, at("NF", "2899")),
    (AU, at("AU", "6798", "WA")),
    (AU, at("AU", "6799", "WA")),
    (at("CN", "100000"), at("CN", "999077")),
    (at("CN", "100000"), at("HK")),
    (at("NL", "3511 AB"), at("NL", "", "Curaçao")),
    (at("NL", "3511 AB"), at("CW")),
]


def _name(pair: tuple[Address, Address]) -> str:
    return " to ".join(" ".join(filter(None, (a.country, a.state, a.postcode))) for a in pair)


@pytest.mark.parametrize("pair", INSIDE, ids=_name)
def test_within_one_area_no_form_is_needed(pair: tuple[Address, Address]) -> None:
    assert not crosses_border(*pair)


@pytest.mark.parametrize("pair", BETWEEN, ids=_name)
def test_between_two_areas_a_form_is_needed(pair: tuple[Address, Address]) -> None:
    assert crosses_border(*pair)


def test_an_address_without_a_country_is_in_no_area() -> None:
    assert areas(at("", "10115")) == frozenset()
    assert crosses_border(at(""), at(""))


def test_a_place_of_one_country_takes_no_code_of_another() -> None:
    """The Canary Islands have 35xxx and 38xxx, Martinique 972xx, Heligoland 27498."""
    for country, code in (
        ("DE", "35390"),
        ("DE", "97204"),
        ("FR", "38000"),
        ("IT", "35100"),
        ("ES", "27498"),
    ):
        assert areas(at(country, code)) == {"EU"}


def test_an_address_in_the_emirates_is_no_military_one() -> None:
    assert areas(at("AE", "", "", "Dubai")) == {"AE"}


def test_each_place_of_the_table_is_in_the_list_above() -> None:
    told = [address for pair in (*INSIDE, *BETWEEN) for address in pair]
    untold = [
        place.name
        for place in PLACES
        if not any(areas(one) == frozenset(place.areas) and one.country == place.country for one in told)
    ]
    # Islands without a permanent shop or buyer: their codes are listed by the Universal Postal Union.
    assert set(untold) <= {
        "French Southern Territories",
        "Saint Helena, Ascension and Tristan da Cunha",
        "South Georgia",
        "British Indian Ocean Territory",
        "British Antarctic Territory",
        "Pitcairn",
        "Turks and Caicos Islands",
    }


def test_each_pattern_of_the_table_is_a_regular_expression_of_compact_codes() -> None:
    for place in PLACES:
        re.compile(place.code)
        assert " " not in place.code
        assert all(name == name.casefold() for name in place.names)
