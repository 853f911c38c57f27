from __future__ import annotations

import pytest

from packhouse_cli.terminal.formats import clock_time, day, day_and_time, span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (45, "45 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (273_900, "3 d 4 h"),
        (3600, "1 h"),
    ],
)
def test_a_span_has_its_two_largest_units(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_seconds_and_the_stores_text_are_the_same_moment() -> None:
    at, text = 1_779_179_714.0, "2026-05-19T08:35:14.000Z"
    assert clock_time(at) == clock_time(text)
    assert day(at) == day(text)
    assert day_and_time(at) == day_and_time(text) != ""


@pytest.mark.parametrize("nothing", [None, "", "soon", True])
def test_what_is_no_time_is_no_crash(nothing: object) -> None:
    assert day_and_time(nothing) == ""
    assert clock_time(nothing) == "?"


@pytest.mark.parametrize("at", [1e300, -1e300, float("inf"), float("nan"), 10**400])
def test_a_time_that_no_calendar_has_is_shown_as_unknown(at: float) -> None:
    assert (clock_time(at), day(at), day_and_time(at)) == ("?", "?", "")


def test_a_span_without_end_is_shown_too() -> None:
    assert span(float("inf")) == span(1e300)
