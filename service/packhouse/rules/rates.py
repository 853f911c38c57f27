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
    """The cheapest or fastest allowed offer; None if none is allowed.

    Prices are compared in one currency only: `currency` if an allowed offer has it, else the one of the first
    account. Ties: price, days, account in the order of `offers`, carrier, service. With "fastest" days come
    first. The same offers always give the same choice.
    """
    order = {account: number for number, account in enumerate(dict.fromkeys(o.account for o in offers))}
    allowed = [offer for offer in offers if _is_allowed(offer.rate, settings.services)]
    currencies = sorted((order[offer.account], offer.rate.price.currency) for offer in allowed)
    if not any(code == currency for _, code in currencies):
        currency = currencies[0][1] if currencies else ""

    def rank(offer: Offer) -> tuple[int, int, int, str, str]:
        rate = offer.rate
        first, second = rate.price.minor, _days(rate)
        if settings.prefer == "fastest":
            first, second = second, first
        return first, second, order[offer.account], rate.carrier, rate.service

    return min((o for o in allowed if o.rate.price.currency == currency), key=rank, default=None)


def drift(quoted: Money, price: Money, tolerance_percent: float) -> str:
    """How this price differs from the first quote; "" if it is the same, lower, or within the tolerance."""
    if price.currency != quoted.currency:
        return f"first {quoted}, now {price} in another currency"
    if price.minor > quoted.minor * (1 + tolerance_percent / 100):
        return f"first {quoted}, now {price}"
    return ""


def _days(rate: Rate) -> int:
    return rate.days if rate.days is not None else 1_000


def _is_allowed(rate: Rate, services: Sequence[str]) -> bool:
    names = {rate.carrier.lower(), f"{rate.carrier}/{rate.service}".lower()}
    return not services or any(service.lower() in names for service in services)
