"""Where a field's value is just large enough, long enough or late enough, and where it is not."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.errors import StoreUnreadable
from packhouse.store.json_fields import (
    LONGEST_TEXT,
    created_at,
    first_text,
    parse_listing,
    quantity,
    required_id,
    rows,
    shape,
    text,
    whole,
)

LARGEST = 2**53


@pytest.mark.parametrize("value", [0, -1, LARGEST, -LARGEST])
def test_whole_numbers_are_read_as_far_as_every_reader_agrees(value: int) -> None:
    assert whole(value, "the total") == value


@pytest.mark.parametrize("value", [LARGEST + 1, -LARGEST - 1])
def test_larger_numbers_are_refused(value: int) -> None:
    with pytest.raises(StoreUnreadable, match="a number too large where the total should be"):
        whole(value, "the total")


def test_a_negative_quantity_is_shown() -> None:
    with pytest.raises(StoreUnreadable, match="the quantity is -1, which is less than 0"):
        quantity(-1, "the quantity")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "nothing"),
        (True, "a boolean"),
        (False, "a boolean"),
        (7, "a number"),
        (LARGEST, "a number"),
        (-LARGEST - 1, "a number too large"),
        (1.5, "a number with a fraction"),
        ("x", "text"),
        ([], "a list"),
        ({}, "an object"),
        (b"", "bytes"),
    ],
)
def test_a_message_names_the_kind_of_a_value(value: Any, kind: str) -> None:
    assert shape(value) == kind


def test_a_missing_id_is_named_in_the_message() -> None:
    assert required_id("ord_1", "order id") == "ord_1"
    with pytest.raises(StoreUnreadable, match="no usable order id: it is a number"):
        required_id(7, "order id")


def test_a_text_is_kept_up_to_its_longest_and_cut_beyond() -> None:
    assert text("x" * LONGEST_TEXT) == "x" * 1000
    assert text("x" * (LONGEST_TEXT + 1)) == "x" * 999 + "…"


@pytest.mark.parametrize("sign", ["\x00", "\x1f", "\x7f", "\x9f", "\n"])
def test_a_control_character_becomes_a_blank(sign: str) -> None:
    assert text(f"a{sign}b") == "a b"
    assert text(f"{sign}a{sign}") == "a"


def test_a_blank_that_does_not_break_is_kept() -> None:
    assert text("a\xa0b") == "a\xa0b"


def test_the_first_field_with_text_is_read() -> None:
    source = {"a": " ", "b": 7, "c": "third", "d": "fourth"}
    assert first_text(source, ("a", "b", "c", "d")) == "third"
    assert first_text(source, ("a", "b", "e")) == ""


@pytest.mark.parametrize("value", [10**8, 10**11, 10**14, 10**17])
def test_a_time_in_numbers_is_in_the_unit_that_its_size_shows(value: int) -> None:
    assert created_at({"created_at": value}) == "1973-03-03T09:46:40.000Z"
    assert created_at({"created_at": str(value)}) == "1973-03-03T09:46:40.000Z"


@pytest.mark.parametrize(
    ("value", "time"),
    [
        (10**8 - 1, ""),
        (99_999_999_999, "5138-11-16T09:46:39.000Z"),
        (25 * 10**19, "9892-03-08T12:26:40.000Z"),
        ((250_000_000_000 + 0.5) * 1e9, ""),
        (26 * 10**19, ""),
        ("2026-11-29", "2026-11-29"),
        ("1795939200000000000", "2026-11-29T08:00:00.000Z"),
        ("17959392000000000000", "17959392000000000000"),
        ("000000000001795939200", "000000000001795939200"),
    ],
)
def test_a_time_is_read_up_to_the_last_year_that_is_written_in_four_digits(value: Any, time: str) -> None:
    assert created_at({"created_at": value}) == time


def test_a_time_is_looked_for_under_its_second_name_where_the_first_says_none() -> None:
    says_none: tuple[Any, ...] = (None, "", True, False, [])
    for none in says_none:
        assert created_at({"created_at": none, "createdAt": "2026-11-29"}) == "2026-11-29"


def test_a_listing_with_a_bad_value_keeps_every_good_one() -> None:
    kept, dropped = "7" * 399, "7" * 400
    body = f'[NaN, -Infinity, 1.5, 1e999, 12, {kept}, {dropped}, "x"]'.encode()
    assert parse_listing(body) == [None, None, 1.5, None, 12, int(kept), None, "x"]


def test_a_listing_in_another_encoding_keeps_its_good_characters() -> None:
    assert parse_listing(b'\xef\xbb\xbf["a\xff", 1]') == ["a\ufffd", 1]


@pytest.mark.parametrize("value", [None, {}, "x", [7], [{}, 7]])
def test_a_list_of_anything_but_objects_is_refused(value: Any) -> None:
    with pytest.raises(StoreUnreadable, match="where the lines should be a list of objects"):
        rows(value, "the lines")
    assert rows([{}, {"a": 1}], "the lines") == [{}, {"a": 1}]
