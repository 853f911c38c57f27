"""Which rate is bought."""

from __future__ import annotations

from packhouse.config.settings import RateSettings
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.rules.rates import choose


def rate(carrier: str, service: str, minor: int, days: int | None) -> Rate:
    return Rate(f"{carrier}{service}", carrier, service, Money(minor, "USD"), days)


SLOW, FAST, DEAR = (
    rate("USPS", "Ground", 500, 5),
    rate("USPS", "Express", 900, 1),
    rate("UPS", "Air", 1500, 1),
)


def test_the_cheapest_wins_unless_the_fastest_is_preferred() -> None:
    assert choose([DEAR, FAST, SLOW], RateSettings()) is SLOW
    assert choose([DEAR, FAST, SLOW], RateSettings(prefer="fastest")) is FAST


def test_only_allowed_services_are_bought() -> None:
    assert choose([DEAR, FAST, SLOW], RateSettings(services=("ups",))) is DEAR
    assert choose([DEAR, FAST, SLOW], RateSettings(services=("USPS/Express",))) is FAST
    assert choose([SLOW], RateSettings(services=("DHL",))) is None


def test_a_rate_without_days_is_the_slowest() -> None:
    unknown = rate("USPS", "Mystery", 100, None)
    assert choose([unknown, DEAR], RateSettings(prefer="fastest")) is DEAR
