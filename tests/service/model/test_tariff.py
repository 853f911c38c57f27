"""Tariff numbers are read as tariffs print them; what is none is refused with a sentence."""

from __future__ import annotations

import pytest

from packhouse.model.tariff import read_tariff_number


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("610910", "610910"),
        ("6109.10", "610910"),
        ("6109.10.0012", "6109100012"),
        ("6109 10 00", "61091000"),
        ("6109-10-00", "61091000"),
        ("61.09.10", "610910"),
        (" 6109.10 ", "610910"),
        ("6109\u00a010", "610910"),
        ("６１０９．１０", "610910"),
        ("HS 6109.10", "610910"),
        ("HTS: 6109.10.00.12", "6109100012"),
        ("HS code 0901.21", "090121"),
        ("0901.21", "090121"),
        ("610910001234", "610910001234"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_dots_dashes_and_blanks_are_taken_off(written: str, digits: str) -> None:
    assert read_tariff_number(written) == digits


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("6109", "has 4 digits"),
        ("90121", "A leading zero may be missing"),
        ("6109.100", "has 7 digits"),
        ("6109100012345", "has 13 digits"),
        ("T-shirt", "signs other than digits"),
        ("6109,10", "signs other than digits"),
        ("770910", "no chapter 77"),
        ("000010", "no chapter 00"),
        ("6.10910E+5", "signs other than digits"),
    ],
)
def test_what_is_no_tariff_number_is_refused_in_words(written: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        read_tariff_number(written)
    assert "\\d" not in str(refused.value)
