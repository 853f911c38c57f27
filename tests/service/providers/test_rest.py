"""Reading the answers of REST providers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.providers.rest import MAX_REASON, Meaning, classify, page_text, reason_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Postal code is not served", "Postal code is not served"),
        (["Postal code is not served", "Phone is required"], "Postal code is not served; Phone is required"),
        ({"errors": ["Postal code is not served"]}, "Postal code is not served"),
        ([{"field": "phone", "message": ["is missing"]}], "phone: is missing"),
        ({"phone": ["is missing", "is short"], "zip": "is bad"}, "phone: is missing; is short; zip: is bad"),
        ({"field": "phone", "message": {"text": "is missing"}}, "phone: is missing"),
        ({"code": "E.ZIP", "message": "Bad zip"}, "Bad zip [E.ZIP]"),
        ({"field": "zip", "suggestion": "94107"}, "zip: suggestion: 94107"),
        ({"loc": ["body", "zip"], "msg": "is bad"}, "body zip: is bad"),
        ([["deep", [["deeper"]]], None, 7, "2.50", True], "deep; deeper; 7; 2.50; true"),
        (["same", "same", {"message": "same"}], "same"),
        ("Straße\u00a0ist\r\nzu\tlang\x00", "Straße ist zu lang"),
        (None, ""),
        ({}, ""),
        ({"message": None, "errors": []}, ""),
    ],
)
def test_every_word_of_a_reason_is_kept_in_whatever_shape_it_comes(value: Any, words: str) -> None:
    assert reason_of(value) == words


def test_a_long_reason_is_cut_and_says_so() -> None:
    cut = reason_of(["word"] * 3, *[f"word {number}" for number in range(1000)])
    assert len(cut) <= MAX_REASON
    assert cut.startswith("word; word 0; word 1")
    assert cut.endswith("… (shortened)")
    assert reason_of("x" * MAX_REASON) == "x" * MAX_REASON


def test_a_reason_without_end_is_read_to_a_depth() -> None:
    value: Any = "bottom"
    for _ in range(500):
        value = [value]
    assert reason_of(value) == "…"


@given(JSON)
def test_any_value_gives_one_line(value: Any) -> None:
    words = reason_of(value)
    assert len(words) <= MAX_REASON
    assert words.isprintable()


@pytest.mark.parametrize(
    ("status", "is_provider", "meaning"),
    [
        (200, True, Meaning.DONE),
        (302, True, Meaning.UNKNOWN),
        (400, True, Meaning.ORDER),
        (422, True, Meaning.ORDER),
        (401, True, Meaning.ACCOUNT),
        (402, True, Meaning.ACCOUNT),
        (403, True, Meaning.ACCOUNT),
        (429, True, Meaning.MOMENT),
        (408, True, Meaning.UNKNOWN),
        (409, True, Meaning.UNKNOWN),
        (500, True, Meaning.UNKNOWN),
        *((status, False, Meaning.UNKNOWN) for status in (400, 401, 403, 404, 407, 413, 422, 429, 451, 503)),
    ],
)
def test_a_status_means_a_refusal_only_in_the_providers_own_words(
    status: int, is_provider: bool, meaning: Meaning
) -> None:
    assert classify(status, is_provider=is_provider) is meaning


def test_the_words_of_a_page_are_read_without_its_tags() -> None:
    page = b"<!doctype html><title>Access denied</title><style>p{color:red}</style><h1>Error&nbsp;1020</h1>"
    assert page_text(page) == "Access denied Error 1020"
    assert page_text(b"") == ""
