"""What the words of an amount come to, in the currency of the order."""

from __future__ import annotations

import pytest

from packhouse_cli.arguments.given_amount import given_amount, is_suspicious
from packhouse_cli.exit_codes import UsageError


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1500", "USD", 1500),
        ("5", "USD", 5),
        ("5.00", "USD", 500),
        ("5.00USD", "USD", 500),
        ("5.00 usd", "USD", 500),
        ("USD 5.00", "USD", 500),
        ("5USD", "USD", 500),
        ("500", "JPY", 500),
        ("500JPY", "JPY", 500),
        ("1.500", "KWD", 1500),
        ("1KWD", "KWD", 1000),
        ("1500", "", 1500),
    ],
)
def test_an_amount_is_read_as_what_it_says(text: str, currency: str, minor: int) -> None:
    assert given_amount(text).minor(currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "why"),
    [
        ("5.00EUR", "USD", "is in EUR, and the order is in USD"),
        ("5.0", "USD", "Write 5.00USD for 5.00 USD, or 5 for 0.05 USD"),
        ("15.5", "USD", "Write 15.50USD for 15.50 USD, or 15 for 0.15 USD"),
        ("1500.0", "USD", "or 1500 for 15.00 USD"),
        ("5.00", "JPY", "has 0 decimals"),
        ("5.00", "KWD", "has 3 decimals"),
        ("5.00", "", "has no currency"),
        ("9999999999999999", "USD", "not an amount that can be refunded"),
    ],
)
def test_an_amount_that_does_not_fit_the_order_is_refused(text: str, currency: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        given_amount(text).minor(currency)


@pytest.mark.parametrize(
    ("text", "currency", "suspicious"),
    [
        ("5", "USD", True),
        ("99", "USD", True),
        ("100", "USD", False),
        ("0.05", "USD", False),
        ("999", "KWD", True),
        ("5", "JPY", False),
        ("5", "", False),
    ],
)
def test_a_whole_number_of_less_than_one_unit_is_suspicious(
    text: str, currency: str, suspicious: bool
) -> None:
    assert is_suspicious(given_amount(text), currency) is suspicious
