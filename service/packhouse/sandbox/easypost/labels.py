"""The label files of the fake EasyPost, drawn when they are fetched."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from packhouse.documents import LabelData, draw
from packhouse.model.label import LabelFormat
from packhouse.model.order import Address
from packhouse.sandbox.easypost.state import EasyPostShipment

FORMATS = frozenset(LabelFormat)
_GRAMS_PER_OUNCE = 28.349523125


def draw_label(shipment: EasyPostShipment, file_format: str) -> bytes:
    """A bought shipment's label of 4 by 6 inches, marked as a sample. `file_format` is png, pdf or zpl."""
    return draw(_data(shipment), LabelFormat(file_format))


def draw_invoice(shipment: EasyPostShipment) -> bytes:
    """A bought shipment's commercial invoice as PDF: its addresses and its number, marked as a sample."""
    return draw(replace(_data(shipment), service="COMMERCIAL INVOICE", gs1=""), LabelFormat.PDF)


def _data(shipment: EasyPostShipment) -> LabelData:
    assert shipment.selected_rate is not None
    request, rate = shipment.request, shipment.selected_rate.service_rate
    recipient = _address(request["to_address"])
    in_us = recipient.country == "US" and recipient.postcode[:5].isdecimal()
    return LabelData(
        sender=_address(request["from_address"]),
        recipient=recipient,
        service=rate.service,
        tracking_number=shipment.tracking_number,
        reference=shipment.reference,
        weight_g=math.ceil(request["parcel"]["weight"] * _GRAMS_PER_OUNCE),
        carrier=rate.carrier,
        gs1=f"(420){recipient.postcode[:5]}({shipment.tracking_number[:2]}){shipment.tracking_number[2:]}"
        if in_us and rate.carrier == "USPS"
        else "",
    )


def _address(fields: dict[str, Any]) -> Address:
    def part(name: str) -> str:
        return str(fields.get(name) or "")

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
