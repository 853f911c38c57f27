"""One field at a time: what is text, an id, a whole number, and what is not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import StoreUnreadable
from packhouse.store.json_fields import amount, digital, is_id, parse_json, quantity, shape, text, whole


@pytest.mark.parametrize("value", [2.0, 2.5, "2", True, None, [2], {"n": 2}, 10**16, float("inf")])
def test_only_a_whole_number_is_a_whole_number(value: Any) -> None:
    with pytest.raises(StoreUnreadable, match="whole number"):
        whole(value, "the quantity")


def test_a_quantity_is_never_less_than_none() -> None:
    assert quantity(0, "q") == 0
    with pytest.raises(StoreUnreadable, match="less than 0"):
        quantity(-1, "q")


def test_an_amount_is_minor_units_plain_or_with_the_currency_of_its_order() -> None:
    assert amount(5076, "total", "USD") == 5076
    assert amount({"amount": 5076, "currency": "usd"}, "total", "USD") == 5076
    assert amount(None, "total", "USD") is None
    assert amount({}, "total", "USD") is None
    assert amount({"amount": 5076, "currency": "EUR"}, "total") == 5076
    assert amount({"amount": 5076}, "total", "USD") == 5076
    with pytest.raises(StoreUnreadable, match="EUR"):
        amount({"amount": 1, "currency": "EUR"}, "total", "USD")
    with pytest.raises(StoreUnreadable):
        amount({"amount": "50.76", "currency": "USD"}, "total", "USD")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({}, None),
        ({"is_digital": None}, None),
        ({"is_digital": "true"}, None),
        ({"is_digital": 1}, None),
        ({"is_digital": True}, True),
        ({"is_digital": False}, False),
        ({"digital": True}, True),
        ({"requires_shipping": True}, False),
        ({"requires_shipping": False}, True),
        ({"is_physical": True}, False),
        ({"is_digital": False, "requires_shipping": True}, False),
        ({"is_digital": True, "requires_shipping": True}, None),
        ({"is_digital": True, "digital": False}, None),
    ],
)
def test_digital_is_what_the_store_says_and_nothing_when_it_says_both(
    said: dict[str, Any], meant: Any
) -> None:
    assert digital(said) is meant


@given(st.text())
def test_text_has_no_control_characters_and_no_blanks_around_it(value: str) -> None:
    found = text(value)
    assert found == found.strip()
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in found)


@pytest.mark.parametrize("value", ["Zoë Ångström", "北京市", "نیم‌فاصله", "क्षि", "👩‍🚀"])
def test_text_in_any_script_is_left_as_it_is(value: str) -> None:
    assert text(f" {value}\n") == value


@pytest.mark.parametrize("value", [7, 1.5, True, None, [], {}])
def test_what_is_no_text_is_absent(value: Any) -> None:
    assert text(value) == ""


@given(st.text())
def test_an_id_can_be_written_anywhere(value: str) -> None:
    if is_id(value):
        assert value.encode().decode() == value
        assert value == text(value)
        assert "/" not in value


@pytest.mark.parametrize(
    "value", [None, 7, "", " ", "a b", "a/b", "a,b", ".", "..", "x" * 256, "\ud800", "a\u2028b", "a\ufffd"]
)
def test_what_cannot_be_an_id(value: Any) -> None:
    assert not is_id(value)


@pytest.mark.parametrize("value", ["ord_72...4b", "a", "...", "x" * 255, "7", "ord-ü", "a.b"])
def test_ids_are_otherwise_free(value: str) -> None:
    assert is_id(value)


@given(st.binary(max_size=60))
def test_bytes_are_json_or_a_value_error(body: bytes) -> None:
    try:
        parse_json(body)
    except ValueError:
        return


@pytest.mark.parametrize(
    "body", [b"NaN", b"[Infinity]", b"[1e999]", b"[" * 100_000, b"[" * 101 + b"]" * 101, b"1" * 5000]
)
def test_json_that_others_could_not_keep_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(body)


def test_whole_surrogate_pairs_are_text() -> None:
    assert parse_json(b'"\\ud83d\\ude80"') == "🚀"


def test_a_shape_never_shows_the_content() -> None:
    for value in ("secret", ["secret"], {"secret": 1}, 12.5, True, None, 7, 10**20):
        assert "secret" not in shape(value)
