"""Which rate is bought."""

from __future__ import annotations

from packhouse.config.sections import RateSettings
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.rules.rates import Offer, described, drift, not_chosen
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
    assert choose_offer(offers, RateSettings(), "CAD") is None
    assert choose_offer(offers[:1], RateSettings(), "CAD") == offer("japan", yen)
    assert choose_offer(offers, RateSettings(prefer="fastest"), "CAD") is None
    allowed = RateSettings(services=("DHL",))
    assert choose_offer(offers, allowed, "USD") == offer("europe", euros)


def test_a_number_of_yen_is_never_cheaper_than_a_number_of_dollars() -> None:
    yen = Rate("y", "Yamato", "Standard", Money(4, "JPY"), 1)
    dinars = Rate("k", "Aramex", "Standard", Money(3, "KWD"), 1)
    offers = [offer("japan", yen), offer("kuwait", dinars), offer("america", SLOW)]
    for prefer in ("cheapest", "fastest"):
        assert choose_offer(offers, RateSettings(prefer=prefer), "USD") == offer("america", SLOW)


def test_an_offer_without_a_price_is_chosen_only_where_no_offer_has_one() -> None:
    untold = Rate("c", "Own Vans", "Standard", None, 1)
    assert choose_offer([offer("program", untold)], RateSettings(), "USD") == offer("program", untold)
    both = [offer("program", untold), offer("easypost", DEAR)]
    assert choose_offer(both, RateSettings(), "USD") == offer("easypost", DEAR)
    foreign = [offer("program", untold), offer("europe", Rate("e", "DHL", "Paket", Money(4, "EUR"), 1))]
    assert choose_offer(foreign, RateSettings(), "USD") == foreign[1]
    assert choose_offer(foreign, RateSettings(services=("Own Vans",)), "USD") == foreign[0]


def test_why_no_rate_of_an_account_is_chosen_is_told() -> None:
    euros = Rate("e", "DHL", "Paket", Money(400, "EUR"), 2)
    assert not_chosen([], RateSettings(), "USD") == ""
    assert not_chosen([SLOW], RateSettings(services=("DHL",)), "USD") == (
        "offered, but not allowed: USPS/Ground"
    )
    why = not_chosen([euros], RateSettings(), "USD")
    assert why.startswith("offered in EUR, and only prices in USD (guard.currency) can be compared")


def test_an_offer_that_one_of_several_rules_allows_is_allowed() -> None:
    several = RateSettings(services=("DHL", "usps/express", "FedEx"))
    assert choose([DEAR, FAST, SLOW], several) is FAST


def test_why_no_rate_is_chosen_names_each_offer_once_and_leaves_out_what_could_be_chosen() -> None:
    euros, yen, untold = (
        Rate("e", "DHL", "Paket", Money(400, "EUR"), 2),
        Rate("y", "Yamato", "Standard", Money(300, "JPY"), 2),
        Rate("c", "Own Vans", "Standard", None, 1),
    )
    assert not_chosen([SLOW], RateSettings(), "USD") == ""
    assert not_chosen([untold], RateSettings(), "USD") == ""
    assert not_chosen([yen, euros, euros, untold], RateSettings(), "USD") == (
        "offered in EUR and JPY, and only prices in USD (guard.currency) can be compared: "
        "DHL/Paket, Own Vans/Standard, Yamato/Standard"
    )


def test_the_rules_for_rates_are_described_the_same_in_any_order_and_case() -> None:
    assert described(RateSettings(services=("USPS", "ups"))) == "cheapest of ups, usps"
    assert described(RateSettings(services=("UPS", "usps"))) == "cheapest of ups, usps"
    assert described(RateSettings(prefer="fastest")) == "fastest of all"


def test_a_rate_of_no_days_is_faster_than_any_and_one_without_days_slower_than_any() -> None:
    today, late, unknown = rate("A", "Now", 900, 0), rate("B", "Slow", 100, 90), rate("C", "Odd", 1, None)
    assert choose([unknown, late, today], RateSettings(prefer="fastest")) is today
    assert choose([unknown, late], RateSettings(prefer="fastest")) is late


def test_a_price_in_another_currency_is_a_drift_whatever_its_number() -> None:
    assert drift(Money(4000, "JPY"), Money(4000, "USD"), 10) != ""
    assert drift(Money(4000, "USD"), Money(10, "JPY"), 10) != ""
    assert drift(Money(1000, "USD"), Money(1100, "USD"), 10) == ""
    assert drift(Money(1000, "KWD"), Money(1101, "KWD"), 10) == "first 1.000 KWD, now 1.101 KWD"
