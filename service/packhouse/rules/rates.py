"""Which of the offered rates to buy."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.config.settings import RateSettings
from packhouse.model.label import Rate
from packhouse.model.money import Money


def choose(rates: Sequence[Rate], settings: RateSettings) -> Rate | None:
    """The cheapest or fastest allowed rate; None if none is allowed.

    A tie is decided by days or price, then by name, so that the same offer always gets the same answer.
    """
    allowed = [rate for rate in rates if _is_allowed(rate, settings.services)]
    if settings.prefer == "fastest":
        return min(allowed, key=lambda r: (_days(r), r.price.minor, r.carrier, r.service), default=None)
    return min(allowed, key=lambda r: (r.price.minor, _days(r), r.carrier, r.service), default=None)


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
