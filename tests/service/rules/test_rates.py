"""Which rate is bought."""

from __future__ import annotations

from packhouse.config.sections import RateSettings
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.rules.rates import Offer
from packhouse.rules.rates import choose as choose_offer


def rate(carrier: str, service: str, minor: int, days: int | None) -> Rate:
    return Rate(f"{carrier}{service}", carrier, service, Money(minor, "USD"), days)


def choose(rates: list[Rate], settings: RateSettings) -> Rate | None:
    """The choice among the rates of one account."""
    chosen = choose_offer([Offer("easypost", "shp_1", one) for one in rates], settings, "USD")
    return chosen.rate if chosen else None


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


def offer(account: str, rate: Rate) -> Offer:
    return Offer(account, "", rate)


def test_the_cheapest_of_all_accounts_wins() -> None:
    offers = [offer("first", FAST), offer("first", DEAR), offer("second", SLOW)]
    assert choose_offer(offers, RateSettings(), "USD") == offer("second", SLOW)
    assert choose_offer(offers, RateSettings(prefer="fastest"), "USD") == offer("first", FAST)


def test_equal_offers_go_to_the_account_named_first_and_then_by_name() -> None:
    by_name = rate("DHL", "Ground", 500, 5)
    offers = [offer("second", by_name), offer("second", SLOW), offer("first", SLOW)]
    assert choose_offer(offers, RateSettings(), "USD") == offer("second", by_name)
    assert choose_offer(offers[::-1], RateSettings(), "USD") == offer("first", SLOW)


def test_only_prices_in_one_currency_are_compared() -> None:
    euros = Rate("e", "DHL", "Paket", Money(400, "EUR"), 2)
    yen = Rate("y", "Yamato", "Standard", Money(300, "JPY"), 2)
    offers = [offer("japan", yen), offer("europe", euros), offer("america", SLOW)]
    assert choose_offer(offers, RateSettings(), "USD") == offer("america", SLOW)
    assert choose_offer(offers, RateSettings(), "EUR") == offer("europe", euros)
    assert choose_offer(offers, RateSettings(), "CAD") == offer("japan", yen)
    allowed = RateSettings(services=("DHL",))
    assert choose_offer(offers, allowed, "USD") == offer("europe", euros)
