"""Barcode data: what the bars and the printer's field data say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.documents.barcode import FNC1, bars, element_string, module_size, zpl_field

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=24)


def read_field(field: str) -> tuple[str, int]:
    """Read ^BC field data as a printer does: the text, FNC1 kept, and how many symbols it prints."""
    starts = {">;": "C", ">:": "B"}
    subset = starts[field[:2]]
    at, text, symbols = 2, "", 1
    while at < len(field):
        symbols += 1
        code = field[at : at + 2]
        if code == ">8":
            text, at = text + FNC1, at + 2
        elif code in (">5", ">6"):
            assert {"B": ">5", "C": ">6"}[subset] == code, "a switch to the subset already in use"
            subset, at = ("C" if code == ">5" else "B"), at + 2
        elif subset == "C":
            assert code.isdigit() and len(code) == 2, "subset C has pairs of digits"
            text, at = text + code, at + 2
        elif code[0] == ">":
            text, at = text + {"0": ">", "<": "^", "=": "~"}[code[1]], at + 2
        else:
            text, at = text + code[0], at + 1
    return text, symbols


@given(PRINTABLE)
def test_a_printer_reads_back_what_was_meant(data: str) -> None:
    field, modules = zpl_field(data)
    text, symbols = read_field(field)
    assert text == data
    assert modules == symbols * 11 + 24


@given(st.lists(st.sampled_from(["4", "20", "A", FNC1, "1234567", "x>"]), min_size=1, max_size=8))
def test_fnc1_keeps_its_position(parts: list[str]) -> None:
    data = "".join(parts)
    if data.strip(FNC1):
        assert read_field(zpl_field(data)[0])[0] == data


def test_digits_need_half_the_width() -> None:
    assert zpl_field("1234567890")[1] < zpl_field("ABCDEFGHIJ")[1]
    assert zpl_field("1234567890")[1] == 6 * 11 + 24


def test_bars_are_as_wide_as_the_printers_for_a_tracking_number() -> None:
    drawn = bars("SAMPLE1234567890123456")
    assert sum(drawn[-1]) == zpl_field("SAMPLE1234567890123456")[1]


def test_gs1_data_has_separators_only_after_variable_lengths() -> None:
    assert element_string("(420)90277(98)0012") == f"{FNC1}42090277{FNC1}980012"
    assert element_string("(01)09521234543213(10)A1") == f"{FNC1}010952123454321310A1"


@pytest.mark.parametrize("data", ["", "90277", "(420)", "(x)1", "(420)90277)", "42090277(98)1"])
def test_invalid_gs1_data_is_refused(data: str) -> None:
    with pytest.raises(ValueError, match=r"GS1|printable"):
        bars(data, gs1=True)


@pytest.mark.parametrize("data", ["", "é", "a\nb"])
def test_data_that_code_128_cannot_encode_is_refused(data: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        bars(data)
    with pytest.raises(ValueError, match="printable ASCII"):
        zpl_field(data)


def test_modules_shrink_only_when_they_must() -> None:
    assert module_size(200, 812, (3, 2)) == 3
    assert module_size(300, 812, (3, 2)) == 2
    with pytest.raises(ValueError, match="does not fit"):
        module_size(500, 812, (3, 2))
