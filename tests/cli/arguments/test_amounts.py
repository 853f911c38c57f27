"""Amounts of money for eyes."""

from __future__ import annotations

import pytest

from packhouse_cli.arguments.amounts import amount_text


@pytest.mark.parametrize(
    ("minor", "currency", "language", "shown"),
    [
        (1500, "USD", "en_US.UTF-8", "$15.00"),
        (123456, "EUR", "de_DE.UTF-8", "1.234,56 €"),
        (1500, "JPY", "en_US.UTF-8", "¥1,500"),
        (1500, "KWD", "en_US", "KWD 1.500"),
        (1500, "CAD", "en_US", "CA$15.00"),
        (-76, "USD", "C.UTF-8", "-$0.76"),
        (1500, "USD", "xx_YY.UTF-8", "$15.00"),
        (0, "usd", "", "$0.00"),
        (9007199254740993, "USD", "C", "$90,071,992,547,409.93"),
        (1500, "", "en_US", "1500 (no currency)"),
        (None, "USD", "en_US", ""),
    ],
)
def test_an_amount_is_written_as_the_readers_language_writes_it(
    minor: int | None, currency: str, language: str, shown: str
) -> None:
    written = amount_text(minor, currency, {"LANG": language})
    assert written.replace("\u00a0", " ") == shown


def test_the_locale_of_money_goes_before_the_language() -> None:
    assert amount_text(100, "EUR", {"LC_ALL": "", "LC_MONETARY": "fr_FR", "LANG": "en_US"}).startswith("1,00")
