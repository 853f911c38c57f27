"""Which of the offered rates to buy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packhouse.config.sections import RateSettings
from packhouse.model.label import Rate
from packhouse.model.money import Money


@dataclass(frozen=True, slots=True)
class Offer:
    """A rate of one provider account, and the id of the purchase that was prepared there."""

    account: str
    provider_ref: str
    rate: Rate


def choose(offers: Sequence[Offer], settings: RateSettings, currency: str) -> Offer | None:
    """The cheapest or fastest allowed offer; None if none can be chosen.

    Prices are compared in one currency only: `currency` if an allowed offer has it, else the one that all
    allowed offers have. Without either, none is chosen. An offer without a price is chosen only where no
    allowed offer has one. Ties: price, days, account in the order of `offers`, carrier, service. With
    "fastest" days come first. The same offers always give the same choice.
    """
    order = {account: number for number, account in enumerate(dict.fromkeys(o.account for o in offers))}
    allowed = [offer for offer in offers if _is_allowed(offer.rate, settings.services)]
    currencies = {price.currency for offer in allowed if (price := offer.rate.price)}
    if len(currencies) == 1:
        (currency,) = currencies

    def rank(offer: Offer) -> tuple[int, int, int, str, str]:
        rate = offer.rate
        first, second = rate.price.minor if rate.price else 0, _days(rate)
        if settings.prefer == "fastest":
            first, second = second, first
        return first, second, order[offer.account], rate.carrier, rate.service

    def is_comparable(rate: Rate) -> bool:
        return rate.price.currency == currency if rate.price else not currencies

    return min((offer for offer in allowed if is_comparable(offer.rate)), key=rank, default=None)


def described(settings: RateSettings) -> str:
    """The rules for choosing a rate in a few words, the same for the same rules: "cheapest of UPS, USPS"."""
    services = ", ".join(sorted(service.lower() for service in settings.services))
    return f"{settings.prefer} of {services or 'all'}"


def not_chosen(rates: Sequence[Rate], settings: RateSettings, currency: str) -> str:
    """Why none of an account's rates is chosen, as far as the rates show it; "" without rates."""
    allowed = [rate for rate in rates if _is_allowed(rate, settings.services)]
    if not allowed:
        return f"offered, but not allowed: {_names(rates)}" if rates else ""
    foreign = sorted({rate.price.currency for rate in allowed if rate.price} - {currency})
    if not foreign:
        return ""
    known = f"only prices in {currency} (guard.currency) can be compared"
    return f"offered in {' and '.join(foreign)}, and {known}: {_names(allowed)}"


def drift(quoted: Money, price: Money, tolerance_percent: float) -> str:
    """How this price differs from the first quote; "" if it is the same, lower, or within the tolerance."""
    if price.currency != quoted.currency:
        return f"first {quoted}, now {price} in another currency"
    if price.minor > quoted.minor * (1 + tolerance_percent / 100):
        return f"first {quoted}, now {price}"
    return ""


def _names(rates: Sequence[Rate]) -> str:
    return ", ".join(sorted({f"{rate.carrier}/{rate.service}" for rate in rates}))


def _days(rate: Rate) -> int:
    return rate.days if rate.days is not None else 1_000


def _is_allowed(rate: Rate, services: Sequence[str]) -> bool:
    names = {rate.carrier.lower(), f"{rate.carrier}/{rate.service}".lower()}
    return not services or any(service.lower() in names for service in services)
