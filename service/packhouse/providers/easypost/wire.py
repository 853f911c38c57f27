"""Writes EasyPost's request bodies and reads its responses. Pure; no I/O.

EasyPost counts in ounces and inches and writes amounts as decimal text. Shapes follow its documented REST API
and recorded traffic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Any

from packhouse.model.label import LabelFormat, Rate
from packhouse.model.money import Money, minor_digits
from packhouse.model.order import Address
from packhouse.model.tracking_number import NotATrackingNumber, read_tracking_number
from packhouse.providers.port import (
    Absent,
    Bought,
    NotBought,
    Prepared,
    Purchase,
    PurchaseRequest,
    TrackerState,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
    Whose,
)

# Refusals after which a label may exist: EasyPost lost the carrier's answer, or another call bought or is
# buying the same shipment.
MAYBE_BOUGHT = frozenset(
    {
        "SHIPMENT.POSTAGE.NO_RESPONSE",
        "SHIPMENT.POSTAGE.TIMED_OUT",
        "SHIPMENT.POSTAGE.EXISTS",
        "SHIPMENT.PURCHASE.IN_PROGRESS",
    }
)
# 4xx that may come before the request was processed: a proxy's time-out, a conflict, a closed connection.
_UNPROCESSED = frozenset({408, 409, 425, 499})
_OF_THE_ACCOUNT = frozenset({401, 402})
_MAX_REASON = 400
_AMOUNT = re.compile(r"\d{1,12}(?:\.\d{1,12})?")

_TRACKER = {
    "pre_transit": TrackerState.PRE_TRANSIT,
    "in_transit": TrackerState.IN_TRANSIT,
    "out_for_delivery": TrackerState.OUT_FOR_DELIVERY,
    "available_for_pickup": TrackerState.READY_FOR_PICKUP,
    "delivered": TrackerState.DELIVERED,
    "return_to_sender": TrackerState.RETURNED,
    "failure": TrackerState.FAILURE,
    "cancelled": TrackerState.FAILURE,
}


class Unreadable(ValueError):
    """The response does not fit EasyPost's API, so it proves nothing."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """EasyPost's error: its code ("" if the body has none) and one sentence for a person."""

    code: str
    reason: str


def ounces(weight_g: int) -> float:
    """Grams as ounces, rounded up to a tenth: carriers fine a parcel that is heavier than declared."""
    return -(-weight_g * 10_000_000_000 // 28_349_523_125) / 10


def inches(length_mm: int) -> float:
    """Millimetres as inches, rounded up to a tenth."""
    return -(-length_mm * 100 // 254) / 10


def shipment_body(
    request: PurchaseRequest,
    sender: Address,
    label_format: LabelFormat,
    accounts: Sequence[str],
    customs: Mapping[str, Any] | None = None,
) -> bytes:
    """Body of POST /shipments. It names no `service`: with one, EasyPost would buy at once."""
    parcel = request.parcel
    shipment: dict[str, Any] = {
        "reference": request.reference,
        "from_address": _address(sender),
        "to_address": _address(request.to_address),
        "parcel": {
            "length": inches(parcel.length_mm),
            "width": inches(parcel.width_mm),
            "height": inches(parcel.height_mm),
            "weight": ounces(parcel.weight_g),
        },
        "options": {"label_format": label_format.upper()},
    }
    if customs:
        shipment["customs_info"] = dict(customs)
    if accounts:
        shipment["carrier_accounts"] = list(accounts)
    return json.dumps({"shipment": shipment}, ensure_ascii=False, separators=(",", ":")).encode()


def buy_body(rate: Rate) -> bytes:
    """Body of POST /shipments/{id}/buy."""
    return json.dumps({"rate": {"id": rate.id}}, separators=(",", ":")).encode()


def _address(address: Address) -> dict[str, str]:
    """Only the parts that are set; EasyPost calls the postal code `zip`."""
    parts = {
        "name": address.name,
        "company": address.company,
        "street1": address.street1,
        "street2": address.street2,
        "city": address.city,
        "state": address.state,
        "zip": address.postcode,
        "country": address.country,
        "phone": address.phone,
        "email": address.email,
    }
    return {name: value for name, value in parts.items() if value}


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a response; decimal numbers stay exact text. Raises Unreadable."""
    try:
        value = json.loads(body, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{len(body)} bytes that are not JSON") from error
    if not isinstance(value, dict):
        raise Unreadable("JSON that is not an object")
    return value


def read_refusal(status: int, body: bytes) -> Refusal:
    """The code and reason of an error response; its `errors` may hold objects or text."""
    try:
        error = _mapping(read_object(body).get("error"))
    except Unreadable:
        error = {}
    code, message = _text(error.get("code")), _text(error.get("message"))
    rows = error.get("errors")
    details = "; ".join(filter(None, map(_detail, rows if isinstance(rows, list) else ())))
    text = " ".join(
        part for part in (message, f"({details})" if details else "", f"[{code}]" if code else "") if part
    )
    reason = (
        f"EasyPost answered {status}: {text}" if text else f"EasyPost answered {status} without a reason."
    )
    return Refusal(code, reason[:_MAX_REASON])


def _detail(row: Any) -> str:
    if isinstance(row, Mapping):
        field, message = _text(row.get("field")), _text(row.get("message"))
        return f"{field}: {message}" if field and message else message or field
    return _text(row)


def read_prepared(shipment: Mapping[str, Any], reference: str) -> Prepared:
    """The shipment's id and rates. Raises Unreadable if it is another shipment than the requested one.

    A rate that cannot be read is skipped, with a message.
    """
    shipment_id = _text(shipment.get("id"))
    if not shipment_id:
        raise Unreadable("a shipment without an id")
    if _text(shipment.get("reference")) not in ("", reference):
        raise Unreadable(f"a shipment with another reference than {reference}")
    rates, messages = [], [text for text in map(_remark, _rows(shipment.get("messages"))) if text]
    for row in _rows(shipment.get("rates")):
        try:
            rates.append(_rate(row))
        except Unreadable as error:
            messages.append(f"EasyPost sent {error}; Packhouse ignores it.")
    return Prepared(shipment_id, tuple(rates), tuple(messages))


def _rate(row: Mapping[str, Any]) -> Rate:
    rate_id, carrier, service = (_text(row.get(name)) for name in ("id", "carrier", "service"))
    price = read_money(row.get("rate"), row.get("currency"))
    if not rate_id or not carrier or price is None:
        raise Unreadable(f"a rate without an id, a carrier or a price ({carrier} {service})")
    days = row.get("delivery_days")
    if not isinstance(days, int):
        days = row.get("est_delivery_days")
    return Rate(rate_id, carrier, service, price, days if isinstance(days, int) else None)


def read_money(amount: Any, currency: Any) -> Money | None:
    """An amount, rounded up to a whole minor unit; None if it is not an amount."""
    text, code = _text(amount), (_text(currency) or "USD").upper()
    if not _AMOUNT.fullmatch(text):
        return None
    scaled = Decimal(text).scaleb(minor_digits(code))
    return Money(int(scaled.to_integral_value(ROUND_UP)), code)


def _remark(row: Mapping[str, Any]) -> str:
    carrier, message = _text(row.get("carrier")), _text(row.get("message"))
    return f"{carrier}: {message}" if carrier and message else message


def read_purchase(
    status: int, body: bytes, purchase: Purchase, preferred: LabelFormat
) -> Bought | NotBought | Unknown:
    """Whether the response to POST /shipments/{id}/buy means that money moved."""
    if 200 <= status < 300:
        found = read_postage(body, purchase, preferred)
        return (
            Unknown("EasyPost accepted the purchase but shows no label.")
            if isinstance(found, Absent)
            else found
        )
    refusal = read_refusal(status, body)
    if not 400 <= status < 500 or status in _UNPROCESSED or refusal.code in MAYBE_BOUGHT:
        return Unknown(refusal.reason)
    if status in _OF_THE_ACCOUNT:
        return NotBought(refusal.reason, Whose.ACCOUNT)
    return NotBought(refusal.reason, Whose.MOMENT if status == 429 else Whose.ORDER)


def read_postage(body: bytes, purchase: Purchase, preferred: LabelFormat) -> Bought | Absent | Unknown:
    """Whether the shipment in this response has a label; Unknown if it is another shipment."""
    try:
        shipment = read_object(body)
    except Unreadable as error:
        return Unknown(f"EasyPost answered with {error}.")
    if _text(shipment.get("id")) != purchase.provider_ref:
        return Unknown(f"EasyPost answered with another shipment than {purchase.provider_ref}.")
    if _text(shipment.get("reference")) not in ("", purchase.request.reference):
        return Unknown(
            f"EasyPost's {purchase.provider_ref} has another reference than {purchase.request.reference}."
        )
    if missing := [name for name in ("postage_label", "tracking_code") if name not in shipment]:
        return Unknown(f"EasyPost's {purchase.provider_ref} has no {' and '.join(missing)}.")
    if not isinstance(shipment["postage_label"], Mapping | None):
        return Unknown(f"EasyPost's {purchase.provider_ref} has a label that cannot be read.")
    label, number = _mapping(shipment.get("postage_label")), _text(shipment.get("tracking_code"))
    selected = _mapping(shipment.get("selected_rate"))
    if not label and not number and not selected:
        return Absent()
    if not label or not number:
        return Unknown(
            f"EasyPost's {purchase.provider_ref} is only partly bought: its purchase may be in progress."
        )
    try:
        number = read_tracking_number(number)
    except NotATrackingNumber as error:
        return Unknown(f"EasyPost's {purchase.provider_ref} is bought, and its tracking code {error}.")
    rate = purchase.rate
    return Bought(
        provider_id=purchase.provider_ref,
        tracking_number=number,
        carrier=_text(selected.get("carrier")) or rate.carrier,
        service=_text(selected.get("service")) or rate.service,
        cost=read_money(selected.get("rate"), selected.get("currency")) or rate.price,
        document_source=label_link(shipment, preferred),
        raw={
            "id": purchase.provider_ref,
            "mode": _text(shipment.get("mode")),
            "rate": _text(selected.get("id")),
            "postage_label": _text(label.get("id")),
            "tracker": _text(_mapping(shipment.get("tracker")).get("id")),
        },
    )


def label_link(shipment: Mapping[str, Any], preferred: LabelFormat) -> str:
    """The link of the label's file: in the preferred format if there is one, else the main one, else ""."""
    label = _mapping(shipment.get("postage_label"))
    return _text(label.get(f"label_{preferred}_url")) or _text(label.get("label_url"))


def read_void(shipment: Mapping[str, Any]) -> Voided | VoidPending | VoidRefused | None:
    """The state of the request to void the label (EasyPost calls it a refund); None if there was none."""
    match _text(shipment.get("refund_status")):
        case "":
            return None
        case "refunded":
            return Voided()
        case "submitted":
            return VoidPending("EasyPost passed the request on; the carrier decides within weeks.")
        case "rejected":
            return VoidRefused("The carrier rejected the void: the label was used or is too old.")
        case "not_applicable":
            # EasyPost does not say that the money came back, so a person checks.
            return VoidRefused("EasyPost says that a void does not apply to this label.")
        case other:
            return VoidPending(f"EasyPost reports the void as {other!r}.")


def read_tracker(shipment: Mapping[str, Any]) -> TrackerState:
    """Where the parcel is."""
    return _TRACKER.get(_text(_mapping(shipment.get("tracker")).get("status")), TrackerState.UNKNOWN)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else str(value) if type(value) is int else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
