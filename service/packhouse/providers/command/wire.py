"""What the user's program is told on stdin, and what its exit code and stdout mean. Pure; no I/O.

Exit 0: done, and stdout is one JSON object. Exit 75: certainly nothing was bought, try again later. Exit 74:
the program itself cannot tell. Any other exit code from 1 to 127: it failed and bought nothing. Killed, timed
out, or exit 0 with something unreadable: nobody can tell.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import ROUND_UP, Decimal
from typing import Any

from packhouse.model.label import Label, LabelDocument, LabelFormat
from packhouse.model.money import Money, minor_digits
from packhouse.model.order import Address
from packhouse.providers.command.options import CommandOptions
from packhouse.providers.command.process import Finished
from packhouse.providers.label_file import recognised
from packhouse.providers.port import (
    Absent,
    Bought,
    NotBought,
    Purchase,
    TrackerState,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
)

TRY_LATER, CANNOT_TELL = 75, 74  # EX_TEMPFAIL and EX_IOERR of sysexits.h
_FIRST_SHELL_SIGNAL = 128  # a shell reports a child killed by signal n as 128 + n
_NUMBER_NAMES = ("tracking", "tracking_number", "tracking_code")
_LAST_LINES, _LONGEST_LINE = 6, 300
_PLACEHOLDER = re.compile(r"\{(order_id|reference|tracking_number)\}")
_AMOUNT = re.compile(r"\d{1,12}(?:\.\d{1,12})?")

_TRACKER_WORDS = {state.value for state in TrackerState}
_LONGEST_KEPT = 500


class Unreadable(ValueError):
    """The program's output is not what was agreed; the message says how."""


@dataclass(frozen=True, slots=True)
class Made:
    """The label as the program reports it, and where its file is: at most one of the three is set."""

    bought: Bought
    label_path: str = ""


def filled(argv: Sequence[str], **values: str) -> list[str]:
    """The command line with its placeholders replaced. Each stays one argument, whatever it holds."""
    return [_PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), part) for part in argv]


def purchase_input(purchase: Purchase, sender: Address, label_format: LabelFormat) -> bytes:
    """The JSON object on stdin. `order` has our field names, `store_order` is the store's own object.

    `reference` names this purchase for ever: a program that makes one label for each reference can be asked
    again safely.
    """
    request = purchase.request
    order = request.order
    names = {line.id: line for line in order.lines}
    units = [
        {"line_id": unit.line_id, "quantity": unit.quantity, "name": line.name, "sku": line.sku}
        if (line := names.get(unit.line_id))
        else {"line_id": unit.line_id, "quantity": unit.quantity}
        for unit in request.units
    ]
    told = {
        "reference": request.reference,
        "order_id": order.id,
        "label_format": str(label_format),
        "from_address": asdict(sender),
        "to_address": asdict(request.to_address),
        "parcel": asdict(request.parcel),
        "units": units,
        "order": {
            "id": order.id,
            "status": order.status,
            "currency": order.currency,
            "created_at": order.created_at,
            "buyer_email": order.buyer_email,
            "buyer_name": order.buyer_name,
            "total_minor": order.total_minor,
            "shipping_option": order.shipping_option,
            "lines": [asdict(line) for line in order.lines],
        },
        "store_order": order.raw or None,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=str).encode()


def label_input(label: Label) -> bytes:
    """The JSON object on stdin of `void` and `track`."""
    told = {
        "reference": label.provider_id,
        "order_id": order_of(label.provider_id),
        "tracking_number": label.tracking_number,
        "carrier": label.carrier,
        "service": label.service,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def order_of(reference: str) -> str:
    """The order's id in a reference of the form order/shipment/generation."""
    return reference.rsplit("/", 2)[0]


def read_purchase(ended: Finished, purchase: Purchase, options: CommandOptions) -> Made | NotBought | Unknown:
    """What a run of `argv` says of the money."""
    if failure := _failed_to_tell(ended):
        return Unknown(failure)
    if ended.code != 0:
        return NotBought(_failure(ended), transient=ended.code == TRY_LATER)
    try:
        return _made(_object(ended), purchase, options)
    except Unreadable as error:
        return Unknown(f"The program ended well, but its output is unreadable: {error}.{_quoted(ended)}")


def read_lookup(ended: Finished, purchase: Purchase, options: CommandOptions) -> Made | Absent | Unknown:
    """What a run of `lookup` says: the label, or plainly {"found": false}. All else is no answer."""
    if failure := _failed_to_tell(ended):
        return Unknown(failure)
    if ended.code != 0:
        return Unknown(_failure(ended))
    try:
        said = _object(ended)
        return Absent() if said.get("found") is False else _made(said, purchase, options)
    except Unreadable as error:
        return Unknown(f"The look-up's output is unreadable: {error}.{_quoted(ended)}")


def read_void(ended: Finished) -> Voided | VoidPending | VoidRefused | None:
    """What a run of `void` says; None if it must be asked again. No output at all means done."""
    if _failed_to_tell(ended) or ended.code == TRY_LATER:
        return None
    if ended.code != 0:
        return VoidRefused(_failure(ended))
    if ended.output is not None and not ended.output.strip():
        return Voided()
    try:
        said = _object(ended)
    except Unreadable:
        return None
    reason = _text(said.get("reason"))
    match said.get("status"):
        case "voided" | None:
            return Voided()
        case "pending":
            return VoidPending(reason)
        case "refused":
            return VoidRefused(reason or "The program refuses to take the label back.")
    return None


def read_tracker(ended: Finished) -> TrackerState | None:
    """What a run of `track` says; None if it failed. Words we do not know mean UNKNOWN."""
    if ended.timed_out or ended.code != 0:
        return None
    try:
        word = _text(_object(ended).get("status"))
    except Unreadable:
        return None
    return TrackerState(word) if word in _TRACKER_WORDS else TrackerState.UNKNOWN


def _failed_to_tell(ended: Finished) -> str:
    """Why nobody can tell what the program did; "" if its exit code tells."""
    if ended.timed_out:
        return f"The program did not end in time and was stopped.{_quoted(ended)}"
    if ended.code < 0:
        return f"The program was killed by signal {-ended.code}.{_quoted(ended)}"
    if ended.code >= _FIRST_SHELL_SIGNAL:
        return f"The program ended with {ended.code}, as shells report a killed one.{_quoted(ended)}"
    if ended.code == CANNOT_TELL:
        return f"The program ended with {CANNOT_TELL}: it cannot tell what happened.{_quoted(ended)}"
    return ""


def _failure(ended: Finished) -> str:
    return f"The program ended with {ended.code}.{_quoted(ended)}"


def _quoted(ended: Finished) -> str:
    """The last lines of stderr, which say why."""
    lines = [line.strip()[:_LONGEST_LINE] for line in ended.errors.splitlines() if line.strip()]
    return f" It said: {' | '.join(lines[-_LAST_LINES:])}" if lines else ""


def _object(ended: Finished) -> dict[str, Any]:
    if ended.output is None:
        raise Unreadable("it is too long")
    if not ended.output.strip():
        raise Unreadable("it is empty, where a JSON object is expected")
    try:
        value = json.loads(ended.output, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not JSON, but starts with {ended.output[:60]!r}") from error
    if not isinstance(value, dict):
        raise Unreadable("it is JSON, but not an object")
    return value


def _made(said: Mapping[str, Any], purchase: Purchase, options: CommandOptions) -> Made:
    number = next((text for name in _NUMBER_NAMES if (text := _text(said.get(name)))), "")
    if not number:
        raise Unreadable(f"it has no tracking number; it is looked for as {', '.join(_NUMBER_NAMES)}")
    echoed = _text(said.get("reference"))
    if echoed and echoed != purchase.request.reference:
        raise Unreadable(f"it is about another reference than {purchase.request.reference}")
    bought = Bought(
        provider_id=purchase.request.reference,
        tracking_number=number,
        carrier=_text(said.get("carrier")) or purchase.rate.carrier,
        service=_text(said.get("service")) or purchase.rate.service,
        cost=_cost(said, options.currency) or purchase.rate.price,
        document_source=_text(said.get("label_url")),
        document=_document(said.get("label_base64")),
        raw={name: value for name, value in said.items() if len(str(value)) <= _LONGEST_KEPT},
    )
    return Made(bought, _text(said.get("label_path")))


def _cost(said: Mapping[str, Any], currency: str) -> Money | None:
    """Cost as {"cost": {"amount": "5.49", "currency": "USD"}} or {"cost_minor": 549, "currency": "USD"}."""
    cost = said.get("cost")
    if isinstance(cost, Mapping):
        code = (_text(cost.get("currency")) or currency).upper()
        amount = _text(cost.get("amount"))
        if _AMOUNT.fullmatch(amount):
            return Money(int(Decimal(amount).scaleb(minor_digits(code)).to_integral_value(ROUND_UP)), code)
    minor = said.get("cost_minor")
    if type(minor) is int and minor >= 0:
        return Money(minor, (_text(said.get("currency")) or currency).upper())
    return None


def _document(encoded: Any) -> LabelDocument | None:
    """The label's bytes, if they are there and are a label. A bad file does not unmake a purchase."""
    if not isinstance(encoded, str):
        return None
    try:
        return recognised(base64.b64decode(encoded))
    except (binascii.Error, ValueError):
        return None


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else str(value) if type(value) is int else ""
