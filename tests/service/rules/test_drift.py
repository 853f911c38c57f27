"""drift: when a price is too far from its quote."""

from __future__ import annotations

import pytest

from packhouse.model.money import Money
from packhouse.rules.rates import drift


@pytest.mark.parametrize(
    ("quoted", "price", "drifts"),
    [
        ((1000, "USD"), (1099, "USD"), False),
        ((1000, "USD"), (1101, "USD"), True),
        ((1000, "USD"), (5, "EUR"), True),
    ],
)
def test_a_price_drifts_when_it_rises_over_the_tolerance_or_changes_currency(
    quoted: tuple[int, str], price: tuple[int, str], drifts: bool
) -> None:
    assert bool(drift(Money(*quoted), Money(*price), 10.0)) is drifts


def test_what_a_drift_says() -> None:
    quoted = Money(1000, "USD")
    assert drift(quoted, Money(1100, "USD"), 10) == ""
    assert drift(quoted, Money(1101, "USD"), 10) == "first 10.00 USD, now 11.01 USD"
    assert drift(quoted, Money(2000, "EUR"), 10) == "first 10.00 USD, now 20.00 EUR in another currency"
    assert drift(quoted, Money(1001, "USD"), 0) == "first 10.00 USD, now 10.01 USD"
