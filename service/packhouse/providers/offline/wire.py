"""The content of the offline provider's labels. Pure: the same reference always gives the same label.

The tracking number starts with SAMPLE, as no carrier's does: the label is never mistaken for a real one.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from packhouse.documents import LabelData
from packhouse.model.label import LabelDocument, Rate
from packhouse.model.money import Money
from packhouse.model.order import Address
from packhouse.providers.port import Bought, Purchase, PurchaseRequest

CARRIER = "Offline"
PREFIX = "SAMPLE"
_NUMBER_DIGITS = 16
_INTERNAL_DIGITS = 6


def tracking_number(reference: str) -> str:
    """SAMPLE and sixteen digits derived from the reference."""
    return PREFIX + _digits(reference, _NUMBER_DIGITS)


def _digits(reference: str, count: int) -> str:
    digest = hashlib.sha256(reference.encode()).digest()
    return f"{int.from_bytes(digest) % 10**count:0{count}}"


def gs1_data(reference: str, sender: Address, recipient: Address) -> str:
    """GS1 data for the second barcode: the ship-to postal code within the sender's country (420), and an
    internal number (98), which GS1 leaves to each company and no carrier reads."""
    internal = f"(98){PREFIX}{_digits('gs1 ' + reference, _INTERNAL_DIGITS)}"
    code = recipient.postcode.replace(" ", "").replace("-", "")
    if recipient.country == sender.country and code.isascii() and code.isdigit() and len(code) <= 9:
        return f"(420){code}{internal}"
    return internal


def rates(
    request: PurchaseRequest, services: Sequence[tuple[str, int, int, int]], currency: str
) -> tuple[Rate, ...]:
    """One rate for each service: (name, price, price of each further kilogram, days), in minor units."""
    further_kg = max(0, math.ceil(request.parcel.weight_g / 1000) - 1)
    return tuple(
        Rate(name, CARRIER, name, Money(price + per_kg * further_kg, currency), days)
        for name, price, per_kg, days in services
    )


def label_data(purchase: Purchase, sender: Address) -> LabelData:
    """Everything that is printed on the label of a purchase."""
    request = purchase.request
    return LabelData(
        sender=sender,
        recipient=request.to_address,
        service=purchase.rate.service,
        tracking_number=tracking_number(request.reference),
        reference=request.reference,
        weight_g=request.parcel.weight_g,
        carrier=CARRIER,
        gs1=gs1_data(request.reference, sender, request.to_address),
        sample=True,
    )


def bought(purchase: Purchase, label: LabelData, document: LabelDocument | None) -> Bought:
    """The label as sold. Its source holds all its data, so that it can be drawn again after a crash."""
    return Bought(
        provider_id=purchase.request.reference,
        tracking_number=label.tracking_number,
        carrier=CARRIER,
        service=purchase.rate.service,
        cost=purchase.rate.price,
        document_source=write_source(label),
        document=document,
    )


def write_source(label: LabelData) -> str:
    """A label's data as JSON, without the empty parts of addresses."""
    fields: dict[str, Any] = asdict(label)
    for party in ("sender", "recipient"):
        fields[party] = {part: value for part, value in fields[party].items() if value}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def read_source(source: str) -> LabelData:
    """A label's data from JSON. Raises ValueError if `write_source` did not write it."""
    try:
        fields = json.loads(source)
        sender, recipient = Address(**fields.pop("sender")), Address(**fields.pop("recipient"))
        return LabelData(sender=sender, recipient=recipient, **fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("not an offline label's source") from error
