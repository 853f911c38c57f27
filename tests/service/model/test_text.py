"""Text from outside: what cannot be kept is replaced, the rest stays, and no id becomes another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.model.text import DEEPEST, decode_json, fit, is_fit, is_whole

ANY_TEXT = st.text(st.characters(categories=None, exclude_categories=()))


@given(ANY_TEXT)
def test_fit_text_can_be_written_anywhere_and_stays_as_it_is(text: str) -> None:
    found = fit(text)
    found.encode()
    assert "\0" not in found
    assert is_fit(found)
    assert fit(found) == found
    assert len(found) == len(text)
    if is_fit(text):
        assert found == text


@pytest.mark.parametrize("text", ["Zoë", "👩‍🚀", "a\tb\r\nc", "نیم‌فاصله", "\u202eabc", "\ufffd", ""])
def test_good_text_is_left_as_it_is(text: str) -> None:
    assert fit(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Mug \ud83d", "Mug \ufffd"),
        ("a\0b", "a\ufffdb"),
        ("\x1b[31m", "\ufffd[31m"),
        ("1 Main\x0bApt", "1 Main Apt"),
    ],
)
def test_what_cannot_be_kept_leaves_a_mark(text: str, kept: str) -> None:
    assert not is_fit(text)
    assert fit(text) == kept


@given(ANY_TEXT, ANY_TEXT)
def test_two_ids_never_become_one_whole_id(one: str, other: str) -> None:
    if one != other and fit(one) == fit(other):
        assert not is_whole(fit(one)) or not is_fit(one) or not is_fit(other)
    if is_whole(one):
        assert fit(one) == one


values = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


def with_strings_fit(value: Any) -> Any:
    match value:
        case dict():
            return {fit(name): with_strings_fit(inner) for name, inner in value.items()}
        case list():
            return [with_strings_fit(inner) for inner in value]
    return fit(value) if isinstance(value, str) else value


@given(values)
def test_every_string_of_a_decoded_value_is_fit(value: Any) -> None:
    for ensure_ascii in (True, False):
        written = json.dumps(value, ensure_ascii=ensure_ascii)
        read = decode_json(written)
        assert read == with_strings_fit(json.loads(written))
        json.dumps(read, ensure_ascii=False).encode()
        assert "\\u0000" not in json.dumps(read)


@pytest.mark.parametrize("written", ["[" * DEEPEST + "]" * DEEPEST, '{"a":' * 99 + "[]" + "}" * 99])
def test_nesting_as_deep_as_allowed_is_read(written: str) -> None:
    assert json.dumps(decode_json(written)).replace(" ", "") == written


@pytest.mark.parametrize(
    "written",
    [
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        "[" * 900 + "]" * 900,
        '{"a":' * 100_000,
        "1e999",
        "[-1e400]",
        "NaN",
    ],
)
def test_what_can_be_read_and_never_written_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        decode_json(written)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert len(decode_json("[" + "[]," * 50_000 + "[]]")) == 50_001
