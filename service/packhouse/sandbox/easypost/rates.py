"""Prices of the fake EasyPost's labels, and the tracking numbers of its carriers. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

CARRIER_ACCOUNT = "ca_sandbox"


@dataclass(frozen=True, slots=True)
class ServiceRate:
    """A carrier's service and its price in US cents."""

    carrier: str
    service: str
    cents: int
    days: int


def service_rates(weight_oz: float, from_country: str, to_country: str, to_zip: str) -> list[ServiceRate]:
    """The services offered for a parcel. Prices grow with weight and with the zone, 1 to 8, which the first
    digit of the postal code decides.
    """
    pounds = max(1, math.ceil(weight_oz / 16))
    if from_country != to_country:
        return [
            ServiceRate("USPS", "PriorityMailInternational", 4475 + 690 * pounds, 8),
            ServiceRate("USPS", "FirstClassPackageInternationalService", 1560 + 410 * pounds, 14),
        ]
    zone = 1 + int(to_zip[:1]) * 7 // 9 if to_zip[:1].isdecimal() else 5
    return [
        ServiceRate("USPS", "Express", 2950 + 310 * pounds + 95 * zone, 1),
        ServiceRate("USPS", "Priority", 712 + 118 * pounds + 41 * zone, 2),
        ServiceRate("USPS", "GroundAdvantage", 468 + 92 * pounds + 23 * zone, 3),
        ServiceRate("UPSDAP", "Ground", 655 + 71 * pounds + 29 * zone, 4),
    ]


def tracking_number(carrier: str, service: str, serial: int) -> str:
    """A number in the carrier's own format, with its check digit, from the range of a test account."""
    if carrier == "UPSDAP":
        stem = f"999AA103{serial % 10_000_000:07d}"
        return f"1Z{stem}{ups_check_digit(stem)}"
    if "International" in service:
        digits = f"{serial % 100_000_000:08d}"
        return f"LZ{digits}{s10_check_digit(digits)}US"
    stem = f"9400100208303{serial % 100_000_000:08d}"
    return stem + usps_check_digit(stem)


def usps_check_digit(digits: str) -> str:
    """The check digit of a USPS number: weights 3 and 1 from the right, up to the next ten."""
    total = sum(int(d) * (3 if place % 2 == 0 else 1) for place, d in enumerate(reversed(digits)))
    return str(-total % 10)


def ups_check_digit(text: str) -> str:
    """The check digit of a UPS number: weights 1 and 2 from the left, up to the next ten."""
    values = [int(c) if c.isdecimal() else (ord(c) - 63) % 10 for c in text]
    total = sum(value * (2 if place % 2 else 1) for place, value in enumerate(values))
    return str(-total % 10)


def s10_check_digit(digits: str) -> str:
    """The check digit of eight digits, after the Universal Postal Union's standard S10."""
    rest = 11 - sum(int(d) * w for d, w in zip(digits, (8, 6, 4, 2, 3, 5, 9, 7), strict=True)) % 11
    return {10: "0", 11: "5"}.get(rest, str(rest))
