"""Writes EasyPost's request bodies and reads its responses. Pure; no I/O.

EasyPost counts in ounces and inches and writes amounts as decimal text. Shapes follow its documented REST API
and recorded traffic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packhouse.model.label import LabelFormat, Rate
from packhouse.model.order import Address
from packhouse.model.tracking_number import NotATrackingNumber, read_tracking_number
from packhouse.providers.easypost.costs import cost_of
from packhouse.providers.easypost.tracking import was_scanned
from packhouse.providers.port import (
    Absent,
    Bought,
    NotBought,
    Paper,
    Prepared,
    Purchase,
    PurchaseRequest,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
    Whose,
    Withdrawn,
)
from packhouse.providers.rest import (
    Meaning,
    Unreadable,
    classify,
    identifier,
    items,
    mapping,
    money,
    page_text,
    read_object,
    reason_of,
    short_name,
    shorten,
    text,
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
# Refusals of a rate that was offered before: a new registration brings new rates.
_RATE_GONE = frozenset({"SHIPMENT.RATE.UNAVAILABLE", "SHIPMENT.RATE.EXPIRED", "RATE.EXPIRED"})
# How EasyPost writes its codes; a proxy's error has a number, or none.
_CODE = re.compile(r"[A-Z][A-Z0-9_]*(?:\.[A-Z0-9_]+)*")
# Problems of the account that EasyPost may report with the status of a refused order.
_ACCOUNT_CODES = re.compile(
    r"PAYMENT_REQUIRED|PAYMENT\.|BILLING|INSUFFICIENT|APIKEY|SUSPENDED|DEACTIVATED|(USER|ACCOUNT)[._]?(DISABLED|INACTIVE|CLOSED)",
)
_ACCOUNT_WORDS = re.compile(
    r"(?i)insufficient (funds|balance|credit)|not enough (funds|balance|credit|money)|add (more )?funds"
    r"|add a payment method|billing has not been set ?up"
    r"|\b(user|your|this|the) (easypost )?account (is|was|has been) "
    r"(suspended|disabled|deactivated|closed|locked)"
)

# Days after its purchase in which a carrier lets a label be voided, by the start of its name, as EasyPost
# documents them; other carriers get the shortest.
_VOID_DAYS = {"UPS": 90, "FEDEX": 90}
_SHORTEST_VOID_DAYS = 30
# The parts of an address, and EasyPost's names of them.
_ADDRESS = {
    "name": "name",
    "company": "company",
    "street1": "street1",
    "street2": "street2",
    "city": "city",
    "state": "state",
    "postcode": "zip",
    "country": "country",
    "phone": "phone",
    "email": "email",
}
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused call: its code ("" if the body has none) and one sentence for a person.

    `is_easypost`: the body is EasyPost's own error. A firewall's page or a proxy's JSON is not.
    """

    code: str
    reason: str
    is_easypost: bool = True


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
    """Only the parts that are set."""
    return {theirs: value for ours, theirs in _ADDRESS.items() if (value := getattr(address, ours))}


def _read_address(shown: Mapping[str, Any]) -> Address | None:
    """An address as EasyPost shows it; None where it shows none."""
    parts: dict[str, Any] = {
        ours: value for ours, theirs in _ADDRESS.items() if (value := text(shown.get(theirs)))
    }
    return Address(**parts) if parts else None


def read_refusal(status: int, body: bytes) -> Refusal:
    """The code and every word of an error response, whatever shape its message has."""
    try:
        answer = read_object(body)
    except Unreadable:
        answer = {}
    error = answer.get("error")
    code = text(mapping(error).get("code"))
    # No firewall and no proxy answers 422: EasyPost has read the request, whatever the shape of its error.
    is_easypost = bool(_CODE.fullmatch(code)) or (status == 422 and bool(error))
    words = _words(error) if is_easypost else reason_of(answer) or page_text(body)
    answered = f"EasyPost answered {status}"
    if not is_easypost and words:
        answered += ", and not with an error of its own"
    reason = f"{answered}: {words}" if words else f"{answered} without a reason."
    return Refusal(code, shorten(reason), is_easypost)


def _words(error: Any) -> str:
    """The message, then the details in parentheses, then the code in brackets."""
    if not isinstance(error, Mapping):
        return reason_of(error)
    known = ("code", "message", "errors")
    message, code = reason_of(error.get("message")), reason_of(error.get("code"))
    more = {name: value for name, value in error.items() if name not in known}
    details = reason_of(error.get("errors"), more)
    parts = (message, f"({details})" if details and details != message else "", f"[{code}]" if code else "")
    return " ".join(filter(None, parts))


def read_prepared(shipment: Mapping[str, Any], reference: str) -> Prepared:
    """The shipment's id and rates. Raises Unreadable if it is another shipment than the requested one.

    A rate that cannot be read is skipped, with a message.
    """
    shipment_id = identifier(shipment.get("id"))
    if not shipment_id:
        raise Unreadable("a shipment without an id")
    if text(shipment.get("reference")) not in ("", reference):
        raise Unreadable(f"a shipment with another reference than {reference}")
    rates, messages = [], [words for words in map(_remark, items(shipment.get("messages"))) if words]
    for row in items(shipment.get("rates")):
        try:
            rates.append(_rate(mapping(row)))
        except Unreadable as error:
            messages.append(f"EasyPost sent {error}; Packhouse ignores it.")
    return Prepared(shipment_id, tuple(rates), tuple(dict.fromkeys(messages)))


def _rate(row: Mapping[str, Any]) -> Rate:
    rate_id = identifier(row.get("id"))
    carrier, service = short_name(row.get("carrier")), short_name(row.get("service"))
    price = money(row.get("rate"), row.get("currency"))
    if not rate_id or not carrier or price is None:
        raise Unreadable(f"a rate without an id, a carrier or a price ({carrier} {service})")
    days = row.get("delivery_days")
    if not isinstance(days, int):
        days = row.get("est_delivery_days")
    return Rate(rate_id, carrier, service, price, days if isinstance(days, int) else None)


def _remark(row: Any) -> str:
    """A message on the rates: who says it, and every word of it."""
    fields = mapping(row)
    if "message" not in fields:
        return reason_of(row)
    more = {name: value for name, value in fields.items() if name not in ("carrier", "type", "message")}
    carrier, message = text(fields.get("carrier")), reason_of(fields.get("message")) or reason_of(more)
    return f"{carrier}: {message}" if carrier and message else message


def read_purchase(
    status: int, body: bytes, purchase: Purchase, preferred: LabelFormat
) -> Bought | NotBought | Unknown:
    """Whether the response to POST /shipments/{id}/buy means that money moved."""
    if 200 <= status < 300:
        found = read_postage(body, purchase, preferred)
        if isinstance(found, Absent):
            return Unknown("EasyPost accepted the purchase but shows no label.")
        if isinstance(found, Withdrawn):
            return Unknown("EasyPost accepted the purchase and shows a label that is being voided.")
        return found
    refusal = read_refusal(status, body)
    meaning = meaning_of(status, refusal)
    if meaning is Meaning.UNKNOWN or refusal.code in MAYBE_BOUGHT:
        return Unknown(refusal.reason)
    if status == 404 or refusal.code in _RATE_GONE:
        # What was prepared is gone, for example its rate is too old. It is prepared again.
        return NotBought(refusal.reason, Whose.MOMENT, prepare_again=True)
    return NotBought(refusal.reason, Whose(meaning.value))


def meaning_of(status: int, refusal: Refusal) -> Meaning:
    """What a refusal says about the call: missing funds may come with the status of a refused order."""
    meaning = classify(status, is_provider=refusal.is_easypost)
    is_account = _ACCOUNT_CODES.search(refusal.code.upper()) or _ACCOUNT_WORDS.search(refusal.reason)
    return Meaning.ACCOUNT if meaning is Meaning.ORDER and is_account else meaning


def read_postage(
    body: bytes, purchase: Purchase, preferred: LabelFormat
) -> Bought | Withdrawn | Absent | Unknown:
    """Whether the shipment in this response has a label; Unknown if it is another shipment."""
    try:
        shipment = read_object(body)
    except Unreadable as error:
        return Unknown(f"EasyPost answered with {error}.")
    if text(shipment.get("id")) != purchase.provider_ref:
        return Unknown(f"EasyPost answered with another shipment than {purchase.provider_ref}.")
    if text(shipment.get("reference")) not in ("", purchase.request.reference):
        return Unknown(
            f"EasyPost's {purchase.provider_ref} has another reference than {purchase.request.reference}."
        )
    if missing := [name for name in ("postage_label", "tracking_code") if name not in shipment]:
        return Unknown(f"EasyPost's {purchase.provider_ref} has no {' and '.join(missing)}.")
    if not isinstance(shipment["postage_label"], Mapping | None):
        return Unknown(f"EasyPost's {purchase.provider_ref} has a label that cannot be read.")
    label, number = mapping(shipment.get("postage_label")), text(shipment.get("tracking_code"))
    selected = mapping(shipment.get("selected_rate"))
    shown = money(selected.get("rate"), selected.get("currency"))
    if isinstance(void := read_void(shipment), Voided | VoidPending):
        paid = cost_of(shipment, shown).total if shown else None
        return Withdrawn(number, void, purchase.provider_ref, paid)
    if not label and not number and not selected:
        return Absent()
    if not label or not number:
        return Unknown(
            f"EasyPost's {purchase.provider_ref} is only partly bought: its purchase may be in progress."
        )
    try:
        number = read_tracking_number(number)
    except NotATrackingNumber as error:
        # Another look-up would find the same code.
        return Unknown(f"EasyPost's {purchase.provider_ref} is bought, and its tracking code {error}.", True)
    rate = purchase.rate
    price = shown or rate.price
    cost = cost_of(shipment, price) if price else None
    return Bought(
        provider_id=purchase.provider_ref,
        tracking_number=number,
        carrier=short_name(selected.get("carrier")) or rate.carrier,
        service=short_name(selected.get("service")) or rate.service,
        cost=cost.total if cost else None,
        fees=cost.fees if cost else None,
        remark=cost.remark if cost else "EasyPost does not show the price of this label",
        document_source=label_link(shipment, preferred),
        papers=read_papers(shipment),
        to_address=_read_address(mapping(shipment.get("to_address"))),
        raw={
            "id": purchase.provider_ref,
            "mode": text(shipment.get("mode")),
            "rate": text(selected.get("id")),
            "postage_label": text(label.get("id")),
            "tracker": text(mapping(shipment.get("tracker")).get("id")),
        },
    )


def read_papers(shipment: Mapping[str, Any]) -> tuple[Paper, ...]:
    """The forms that travel with the parcel, such as its commercial invoice."""
    forms = [mapping(row) for row in items(shipment.get("forms"))]
    return tuple(
        Paper(
            kind=text(form.get("form_type")).lower() or "form",
            source=text(form.get("form_url")),
            submitted=form.get("submitted_electronically") is True,
        )
        for form in forms
        if form.get("form_type") or form.get("form_url")
    )


def label_link(shipment: Mapping[str, Any], preferred: LabelFormat) -> str:
    """The link of the label's file: in the preferred format if there is one, else the main one, else ""."""
    label = mapping(shipment.get("postage_label"))
    return text(label.get(f"label_{preferred}_url")) or text(label.get("label_url"))


def may_be_voided(carrier: str, age_s: float) -> bool:
    """Whether a label of this age is in its carrier's window for voids."""
    name = carrier.upper()
    days = next((days for start, days in _VOID_DAYS.items() if name.startswith(start)), _SHORTEST_VOID_DAYS)
    return age_s < days * _DAY_S


def read_void(
    shipment: Mapping[str, Any], *, in_window: bool = True
) -> Voided | VoidPending | VoidRefused | None:
    """The state of the request to void the label (EasyPost calls it a refund); None if there was none.

    EasyPost rejects some voids that are asked for soon after the purchase, and says to ask again: while
    the label is `in_window` and unused, a rejection is not final.
    """
    match text(shipment.get("refund_status")).lower():
        case "":
            return None
        case "refunded":
            return Voided()
        case "submitted":
            return VoidPending("EasyPost passed the request on; the carrier decides within weeks.")
        case "rejected":
            if was_scanned(shipment):
                return VoidRefused("The carrier rejected the void: the label is used.")
            if not in_window:
                return VoidRefused("The carrier rejected the void, and the label is too old to ask again.")
            return VoidRefused("The carrier rejected the void.", final=False)
        case "not_applicable":
            # The carrier bills a label when it scans it, so an unused one costs nothing.
            return Voided(charged_only_if_used=True)
        case other:
            return VoidPending(f"EasyPost reports the void as {shorten(other, 100)!r}.")
