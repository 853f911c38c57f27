"""The user's program: its JSON input, and what its exit code and stdout mean. Pure; no I/O.

Exit 0: done, and stdout is one JSON object. Exit 75: nothing was bought, try again later. Exit 74: the
program does not know. Any other exit code from 1 to 127: it failed and bought nothing. Killed, timed out, or
exit 0 with unreadable output: the outcome is unknown.
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
from packhouse.providers.label_file import detect
from packhouse.providers.port import (
    Absent,
    Bought,
    NotBought,
    Purchase,
    TrackerState,
    Tracking,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
    Whose,
)
from packhouse.providers.rest import reason_of

TRY_LATER, OUTCOME_UNKNOWN = 75, 74  # EX_TEMPFAIL and EX_IOERR of sysexits.h
_FIRST_SHELL_SIGNAL = 128  # a shell reports a child killed by signal n as 128 + n
_NUMBER_NAMES = ("tracking", "tracking_number", "tracking_code")
_LAST_LINES, _MAX_LINE = 6, 300
_PLACEHOLDER = re.compile(r"\{(order_id|reference|tracking_number)\}")
_AMOUNT = re.compile(r"\d{1,12}(?:\.\d{1,12})?")

_TRACKER_WORDS = {state.value for state in TrackerState}
_MAX_KEPT = 500


class Unreadable(ValueError):
    """The program's output does not follow the protocol; the message says how."""


@dataclass(frozen=True, slots=True)
class Made:
    """The label as the program reports it, and the path of its file, if it wrote one."""

    bought: Bought
    label_path: str = ""


def filled(argv: Sequence[str], **values: str) -> list[str]:
    """The command line with its placeholders replaced. A value never becomes more than one argument."""
    return [_PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), part) for part in argv]


def purchase_input(purchase: Purchase, sender: Address, label_format: LabelFormat) -> bytes:
    """The JSON object on stdin. `order` has our field names, `store_order` is the store's own object.

    `reference` is the permanent name of this purchase: a program that makes one label for each reference can
    safely be run again.
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
    given = {
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
    return json.dumps(given, ensure_ascii=False, separators=(",", ":"), default=str).encode()


def label_input(label: Label) -> bytes:
    """The JSON object on stdin of `void` and `track`."""
    given = {
        "reference": label.provider_id,
        "order_id": order_of(label.provider_id),
        "tracking_number": label.tracking_number,
        "carrier": label.carrier,
        "service": label.service,
    }
    return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()


def order_of(reference: str) -> str:
    """The order's id in a reference of the form order/shipment/generation."""
    return reference.rsplit("/", 2)[0]


def read_purchase(ended: Finished, purchase: Purchase, options: CommandOptions) -> Made | NotBought | Unknown:
    """Whether a run of `argv` bought a label."""
    if failure := _uncertain(ended):
        return Unknown(failure)
    if ended.code != 0:
        return NotBought(_failure(ended), Whose.MOMENT if ended.code == TRY_LATER else Whose.ORDER)
    try:
        return _made(_object(ended), purchase, options)
    except Unreadable as error:
        return Unknown(f"The program ended with 0, but its output is unreadable: {error}.{_quoted(ended)}")


def read_lookup(ended: Finished, purchase: Purchase, options: CommandOptions) -> Made | Absent | Unknown:
    """The result of `lookup`: the label, or exactly {"found": false}. Any other output is Unknown."""
    if failure := _uncertain(ended):
        return Unknown(failure)
    if ended.code != 0:
        return Unknown(_failure(ended))
    try:
        answer = _object(ended)
        return Absent() if answer.get("found") is False else _made(answer, purchase, options)
    except Unreadable as error:
        return Unknown(f"The look-up's output is unreadable: {error}.{_quoted(ended)}")


def read_void(ended: Finished) -> Voided | VoidPending | VoidRefused | None:
    """The result of `void`; None if it must run again. Exit 0 without any output means voided."""
    if _uncertain(ended) or ended.code == TRY_LATER:
        return None
    if ended.code != 0:
        return VoidRefused(_failure(ended))
    if ended.output is not None and not ended.output.strip():
        return Voided()
    try:
        answer = _object(ended)
    except Unreadable:
        return None
    reason = _text(answer.get("reason"))
    match answer.get("status"):
        case "voided" | None:
            return Voided()
        case "pending":
            return VoidPending(reason)
        case "refused":
            return VoidRefused(reason or "The program refused to void the label.")
    return None


def read_tracker(ended: Finished) -> Tracking | None:
    """The result of `track`; None if it failed. Unknown words mean UNKNOWN."""
    if ended.timed_out or ended.code != 0:
        return None
    try:
        answer = _object(ended)
    except Unreadable:
        return None
    word, note = _text(answer.get("status")), reason_of(answer.get("note"), answer.get("message"))
    return Tracking(TrackerState(word) if word in _TRACKER_WORDS else TrackerState.UNKNOWN, note)


def _uncertain(ended: Finished) -> str:
    """Why the outcome is unknown; "" if the exit code is conclusive."""
    if ended.timed_out:
        return f"The program did not end in time and was stopped.{_quoted(ended)}"
    if ended.code < 0:
        return f"The program was killed by signal {-ended.code}.{_quoted(ended)}"
    if ended.code >= _FIRST_SHELL_SIGNAL:
        return f"The program ended with {ended.code}, as a shell does for a killed program.{_quoted(ended)}"
    if ended.code == OUTCOME_UNKNOWN:
        return f"The program ended with {OUTCOME_UNKNOWN}: it does not know the outcome.{_quoted(ended)}"
    return ""


def _failure(ended: Finished) -> str:
    return f"The program ended with {ended.code}.{_quoted(ended)}"


def _quoted(ended: Finished) -> str:
    """The last lines of stderr."""
    lines = [line.strip()[:_MAX_LINE] for line in ended.errors.splitlines() if line.strip()]
    return f" Its stderr: {' | '.join(lines[-_LAST_LINES:])}" if lines else ""


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


def _made(answer: Mapping[str, Any], purchase: Purchase, options: CommandOptions) -> Made:
    number = next((text for name in _NUMBER_NAMES if (text := _text(answer.get(name)))), "")
    if not number:
        raise Unreadable(f"it has no tracking number in {', '.join(_NUMBER_NAMES)}")
    echoed = _text(answer.get("reference"))
    if echoed and echoed != purchase.request.reference:
        raise Unreadable(f"its reference is not {purchase.request.reference}")
    bought = Bought(
        provider_id=purchase.request.reference,
        tracking_number=number,
        carrier=_text(answer.get("carrier")) or purchase.rate.carrier,
        service=_text(answer.get("service")) or purchase.rate.service,
        cost=_cost(answer, options.currency) or purchase.rate.price,
        document_source=_text(answer.get("label_url")),
        document=_document(answer.get("label_base64")),
        raw={name: value for name, value in answer.items() if len(str(value)) <= _MAX_KEPT},
    )
    return Made(bought, _text(answer.get("label_path")))


def _cost(answer: Mapping[str, Any], currency: str) -> Money | None:
    """Reads {"cost": {"amount": "5.49", "currency": "USD"}} or {"cost_minor": 549, "currency": "USD"}."""
    cost = answer.get("cost")
    if isinstance(cost, Mapping):
        code = (_text(cost.get("currency")) or currency).upper()
        amount = _text(cost.get("amount"))
        if _AMOUNT.fullmatch(amount):
            return Money(int(Decimal(amount).scaleb(minor_digits(code)).to_integral_value(ROUND_UP)), code)
    minor = answer.get("cost_minor")
    if type(minor) is int and minor >= 0:
        return Money(minor, (_text(answer.get("currency")) or currency).upper())
    return None


def _document(encoded: Any) -> LabelDocument | None:
    """The label's file, if it is one. A bad file does not undo a purchase."""
    if not isinstance(encoded, str):
        return None
    try:
        return detect(base64.b64decode(encoded))
    except (binascii.Error, ValueError):
        return None


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else str(value) if type(value) is int else ""
