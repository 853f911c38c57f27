"""A prepared purchase, its sold shipment as EasyPost shows it, and EasyPost's answers to the purchase."""

from __future__ import annotations

import json
from typing import Any

from packhouse.model.label import LabelFormat, Rate
from packhouse.model.money import Money
from packhouse.providers.conformance import sample_request
from packhouse.providers.easypost import wire
from packhouse.providers.port import (
    Bought,
    NotBought,
    Purchase,
    Unknown,
)

REQUEST = sample_request("ord_1/1/1")


RATE = Rate("rate_1", "USPS", "Priority", Money(742, "USD"), 2)


PURCHASE = Purchase(REQUEST, "shp_1", RATE)


SOLD = {
    "id": "shp_1",
    "reference": "ord_1/1/1",
    "mode": "test",
    "tracking_code": "9400100208303109505657",
    "selected_rate": {
        "id": "rate_1",
        "carrier": "USPS",
        "service": "Priority",
        "rate": "7.42",
        "currency": "USD",
    },
    "postage_label": {"id": "pl_1", "label_url": "https://files.example.net/1.png"},
}


def answered(status: int, body: Any) -> Bought | NotBought | Unknown:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return wire.read_purchase(status, content, PURCHASE, LabelFormat.PDF)


def refused(code: str, status: int = 422) -> Bought | NotBought | Unknown:
    return answered(status, {"error": {"code": code, "message": "No."}})
