"""Which codes and names mean a country, and which mean none."""

from __future__ import annotations

import pytest

from packhouse.store import countries
from packhouse.store.countries import country_code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" de\n", "DE"),
        ("uk", "GB"),
        ("EL", "GR"),
        ("DEU", "DE"),
        ("gbr", "GB"),
        ("UAE", "AE"),
        ("U S A", "US"),
        ("u.s.", "US"),
        ("The United States", "US"),
        ("Côte d’Ivoire", "CI"),
        ("COTE D'IVOIRE", "CI"),
        ("Cote dIvoire", "CI"),
        ("Guinea-Bissau", "GW"),
        ("Bosnia & Herzegovina", "BA"),
        ("St. Lucia", "LC"),
        ("St.  Lucia", "LC"),
        ("Éire", "IE"),
        ("Perú", "PE"),
        ("Irán", "IR"),
        ("Omã", "OM"),
        ("Türkiye", "TR"),
        ("Norge", "NO"),
        ("Suomi", "FI"),
        ("Česko", "CZ"),
        ("中国", "CN"),
    ],
)
def test_a_country_has_one_code_in_every_usual_writing(text: str, code: str) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        "8",
        "84",
        "D1",
        "840",
        "84A",
        "ÜK",
        "ÜS",
        "ÜSA",
        "éé",
        "ABC",
        "Atlantis",
        "Germanyy",
        "Nyasaland",
    ],
)
def test_what_is_no_country_has_no_code(text: str) -> None:
    assert country_code(text) == ""


@pytest.mark.parametrize("text", ["Kongo", "ANT", "SUN", "YUG"])
def test_a_name_that_means_several_countries_means_none(text: str) -> None:
    assert country_code(text) == ""


@pytest.mark.parametrize(
    "text", ["European Union", "Eurozone", "Vereinte Nationen", "Unknown Region", "World", "Asia", "Oceania"]
)
def test_what_is_larger_than_a_country_is_none(text: str) -> None:
    assert country_code(text) == ""


def test_the_names_are_those_of_countries_alone_and_no_abbreviations() -> None:
    names = countries._by_name.__wrapped__()
    assert (names["germany"], names["deutschland"], names["peru"], names["日本"]) == ("DE", "DE", "PE", "JP")
    assert {len(code) for code in names.values()} == {2}
    assert not {"kongo", "usa", "world", "asia", "eurozone", "unknown region"} & names.keys()
