"""The user's program: its JSON input, and what its exit code and stdout mean. Pure; no I/O.

Exit 0: done, and stdout is one JSON object. Exit 75: nothing was bought, try again later. Exit 74: the
program does not know. Any other exit code from 1 to 127: it failed and bought nothing. Killed, timed out, or
exit 0 with unreadable output: the outcome is unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from packhouse.model.label import Label, LabelFormat
from packhouse.model.order import Address
from packhouse.model.tracking_number import NotATrackingNumber, read_tracking_number, same_number
from packhouse.providers.command.cost import UnreadableCost, read_cost
from packhouse.providers.command.options import CommandOptions
from packhouse.providers.command.output import Unreadable, read_object, shown
from packhouse.providers.command.process import Finished
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
from packhouse.providers.rest import reason_of, shorten

TRY_LATER, OUTCOME_UNKNOWN = 75, 74  # EX_TEMPFAIL and EX_IOERR of sysexits.h
_FIRST_SHELL_SIGNAL = 128  # a shell reports a child killed by signal n as 128 + n
_NUMBER_NAMES = ("tracking", "tracking_number", "tracking_code")
_LAST_LINES, _MAX_LINE = 6, 300
_MAX_NAME = 100
_PLACEHOLDER = re.compile(r"\{(order_id|reference|tracking_number)\}")
_ANSWER_NAMES = frozenset({*_NUMBER_NAMES, "found"})
_STATUS_NAMES = frozenset({"status"})
_TRACKER_WORDS = {state.value for state in TrackerState}
_MAX_KEPT = 500
# The parts of an address that a label has.
_ADDRESS_NAMES = tuple(part.name for part in fields(Address) if part.name != "unplaced")


class Unusable(Unreadable):
    """The program made a label, and its number or cost is certainly none: a person has to say what it is."""


@dataclass(frozen=True, slots=True)
class Made:
    """The label as the program reports it, with the path of its file, or the file as text."""

    bought: Bought
    label_path: str = ""
    label_base64: str = ""


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
        "from_address": _address(sender),
        "to_address": _address(request.to_address),
        "parcel": asdict(request.parcel),
        "customs": asdict(request.customs) if request.customs else None,
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


def _address(address: Address) -> dict[str, str]:
    return {name: getattr(address, name) for name in _ADDRESS_NAMES}


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
        return _made(read_object(ended, _ANSWER_NAMES), purchase, options)
    except Unreadable as error:
        return Unknown(f"The program ended with 0, but {_problem(error)}.{_quoted(ended)}")


def read_lookup(ended: Finished, purchase: Purchase, options: CommandOptions) -> Made | Absent | Unknown:
    """The result of `lookup`: the label, or exactly {"found": false}. Any other output is Unknown."""
    if failure := _uncertain(ended):
        return Unknown(failure)
    if ended.code != 0:
        return Unknown(_failure(ended))
    try:
        answer = read_object(ended, _ANSWER_NAMES)
        return Absent() if answer.get("found") is False else _made(answer, purchase, options)
    except Unreadable as error:
        # Another look-up would find the same label.
        needs_person = isinstance(error, Unusable)
        return Unknown(f"The look-up ended with 0, but {_problem(error)}.{_quoted(ended)}", needs_person)


def read_void(ended: Finished) -> Voided | VoidPending | VoidRefused | None:
    """The result of `void`; None if it must run again. Exit 0 without any output means voided."""
    if _uncertain(ended) or ended.code == TRY_LATER:
        return None
    if ended.code != 0:
        return VoidRefused(_failure(ended))
    if ended.output is not None and not ended.output.strip():
        return Voided()
    try:
        answer = read_object(ended, _STATUS_NAMES)
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
        answer = read_object(ended, _STATUS_NAMES)
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


def _problem(error: Unreadable) -> str:
    return str(error) if isinstance(error, Unusable) else f"its output is unreadable: {error}"


def _made(answer: Mapping[str, Any], purchase: Purchase, options: CommandOptions) -> Made:
    number = _number(answer)
    echoed = _text(answer.get("reference"))
    if echoed and echoed != purchase.request.reference:
        raise Unreadable(f"its reference is not {purchase.request.reference}")
    cost, remark = None, ""
    try:
        cost = read_cost(answer, options.currency)
    except UnreadableCost as error:
        remark = f"The program's answer cannot be read whole: {error}"
        if purchase.rate.price is None:
            raise Unusable(f"the cost of its label {number} cannot be read: {error}") from error
    bought = Bought(
        provider_id=purchase.request.reference,
        tracking_number=number,
        carrier=_name(answer.get("carrier")) or purchase.rate.carrier,
        service=_name(answer.get("service")) or purchase.rate.service,
        cost=cost,
        document_source=_text(answer.get("label_url")),
        raw={name: value for name, value in answer.items() if len(str(value)) <= _MAX_KEPT},
        remark=remark,
        to_address=_shown_address(answer.get("to_address")),
    )
    return Made(bought, _text(answer.get("label_path")), _text(answer.get("label_base64")))


def _shown_address(shown: Any) -> Address | None:
    """The address that the program says is on the label, with the names of its input; None without one."""
    if not isinstance(shown, Mapping):
        return None
    parts: dict[str, Any] = {name: value for name in _ADDRESS_NAMES if (value := _text(shown.get(name)))}
    return Address(**parts) if parts else None


def _number(answer: Mapping[str, Any]) -> str:
    """The tracking number. Raises Unreadable if there is none, Unusable for what is certainly none."""
    found: list[str] = []
    refused: list[str] = []
    for name in _NUMBER_NAMES:
        value = answer.get(name)
        if value is None or value == "":
            continue
        try:
            found.append(read_tracking_number(value))
        except NotATrackingNumber as error:
            refused.append(f"its {name} {error}")
    if any(not same_number(found[0], other) for other in found[1:]):
        raise Unusable(f"it has two tracking numbers, {' and '.join(found)}")
    if found:
        return found[0]
    if refused:
        raise Unusable("; ".join(refused))
    raise Unreadable(
        f"it has no tracking number in {', '.join(_NUMBER_NAMES)}: {shown(json.dumps(answer, default=str))}"
    )


def _name(value: Any) -> str:
    """A carrier's or service's name; some programs wrap it in an object."""
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("name", "code", "id") if value.get(key)), "")
    return shorten(" ".join(_text(value).split()), _MAX_NAME)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else str(value) if type(value) is int else ""
