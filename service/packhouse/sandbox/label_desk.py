"""Draws the label of a bought shipment, at the moment it is fetched."""

from __future__ import annotations

import math
from typing import Any

from packhouse.documents import LabelFacts, draw
from packhouse.model.label import LabelFormat
from packhouse.model.order import Address
from packhouse.sandbox.carrier import Consignment

FORMATS = frozenset(LabelFormat)
_GRAMS_PER_OUNCE = 28.349523125


def draw_label(consignment: Consignment, ending: str) -> bytes:
    """A 4x6 inch label, marked as a sample, as `png`, `pdf` or `zpl`. The shipment has been bought."""
    assert consignment.quote is not None
    asked, offer = consignment.asked, consignment.quote.offer
    recipient = _address(asked["to_address"])
    usps_home = offer.carrier == "USPS" and recipient.country == "US" and recipient.postcode[:5].isdecimal()
    facts = LabelFacts(
        sender=_address(asked["from_address"]),
        recipient=recipient,
        service=offer.service,
        tracking_number=consignment.tracking_number,
        reference=consignment.reference,
        weight_g=math.ceil(asked["parcel"]["weight"] * _GRAMS_PER_OUNCE),
        carrier=offer.carrier,
        gs1=f"(420){recipient.postcode[:5]}({consignment.tracking_number[:2]}){consignment.tracking_number[2:]}"
        if usps_home
        else "",
    )
    return draw(facts, LabelFormat(ending))


def _address(asked: dict[str, Any]) -> Address:
    def part(name: str) -> str:
        return str(asked.get(name) or "")

    return Address(
        name=part("name"),
        company=part("company"),
        street1=part("street1"),
        street2=part("street2"),
        city=part("city"),
        state=part("state"),
        postcode=part("zip"),
        country=part("country") or "US",
        phone=part("phone"),
    )
