"""The story of one order, from the daemon's answer and the journal to lines a person reads. No I/O.

`order` is one object of the operator API, `entries` its journal, oldest first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from packhouse.model.states import MEANING, ShipmentState
from packhouse_cli.terminal.cells import width_of, wrap
from packhouse_cli.terminal.formats import clock_time, day, span
from packhouse_cli.terminal.output import safe

Paint = Callable[..., str]
_STATE_STYLE = {
    "held": "yellow", "unknown": "yellow", "fulfilled": "green", "delivered": "green", "labeled": "cyan",
    "buying": "cyan", "planned": "cyan", "voiding": "yellow", "voided": "dim", "cancelled": "dim",
}  # fmt: skip
_ENDS_BY_ITSELF = ("void_requested", "cap_reached")
_PHASE_STYLE = {"open": "cyan", "held": "yellow", "shipped": "green", "closed": "dim"}


def tell(
    order: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], *, now: float, width: int, paint: Paint
) -> list[str]:
    """The whole story, as lines of at most about `width` cells; `now` in seconds since 1970."""
    lines = [_headline(order, paint), ""]
    shipments = _objects(order.get("shipments"))
    actor_width = max((len(str(entry.get("action", ""))) for entry in entries), default=0)
    chapters = [("The order", [entry for entry in entries if not entry.get("shipment_id")])]
    known = {str(shipment.get("id")) for shipment in shipments}
    for number, shipment in enumerate(shipments, 1):
        mine = [entry for entry in entries if entry.get("shipment_id") == shipment.get("id")]
        chapters.append((_shipment_title(number, shipment, paint), mine))
    strays = [
        entry for entry in entries if entry.get("shipment_id") and str(entry["shipment_id"]) not in known
    ]
    if strays:
        chapters.append(("Earlier shipments", strays))
    for title, told in chapters:
        lines.append(paint(title, "bold") if title in ("The order", "Earlier shipments") else title)
        lines.extend(_acts(told, actor_width, width, paint) or [paint("  nothing yet", "dim")])
        lines.append("")
    lines.append(paint("What happens next", "bold"))
    for sentence in what_next(order, now=now):
        first, *rest = wrap(sentence, max(width - 4, 30))
        lines.append(f"  → {first}")
        lines.extend(f"    {line}" for line in rest)
    return lines


def what_next(order: Mapping[str, Any], *, now: float) -> list[str]:
    """What the machine will do by itself, and what a person should do."""
    phase = str(order.get("phase", ""))
    holds = [hold for hold in _objects(order.get("holds")) if hold.get("released_at") is None]
    if phase == "held" or holds:
        return [advice_of(hold) for hold in holds] or [
            "A hold stands; packhouse status shows the daemon's view."
        ]
    if phase == "shipped":
        numbers = [
            f"{safe(shipment.get('carrier'))} {safe(shipment.get('tracking_number'))}".strip()
            for shipment in _objects(order.get("shipments"))
            if shipment.get("state") in ("fulfilled", "delivered")
        ]
        known = f"the tracking number{_s(len(numbers))} {', '.join(numbers)}" if numbers else "everything"
        return [f"Nothing more to do: the store has {known}."]
    if phase == "closed":
        reason = safe(order.get("reason")) or "there is nothing to ship"
        return [f"Nothing: Packhouse leaves this order alone, because {_as_reason(reason)}."]
    return _open_advice(order, now)


def _open_advice(order: Mapping[str, Any], now: float) -> list[str]:
    sentences = []
    for shipment in _objects(order.get("shipments")):
        state = str(shipment.get("state", ""))
        if state in set(ShipmentState) and not ShipmentState(state).is_final and state != "fulfilled":
            sentences.append(f"{_name_of(shipment)} is {state}: {MEANING[ShipmentState(state)]}")
    due = order.get("due_at")
    wait = float(due) - now if isinstance(due, (int, float)) else 0.0
    if wait > 1:
        sentences.append(f"Packhouse goes on by itself in {span(wait)}, at {clock_time(due)}.")
    else:
        sentences.append("Packhouse is working on it now.")
    if order.get("last_error"):
        attempts = order.get("attempts") or 0
        times = f" ({attempts} in a row)" if attempts and int(attempts) > 1 else ""
        sentences.append(f"The last attempt failed{times}: {safe(order['last_error'])}")
    return sentences


def advice_of(hold: Mapping[str, Any]) -> str:
    """What a hold means, and what a person can do about it."""
    from packhouse.model.hold import RECHECKED

    sentence = safe(hold.get("sentence") or hold.get("code") or "A hold stands.")
    if hold.get("code") in set(RECHECKED):
        return f"{sentence} Packhouse looks again by itself and goes on once the cause has gone."
    if hold.get("code") in _ENDS_BY_ITSELF:
        return f"{sentence} Packhouse goes on by itself then."
    return f"{sentence} It waits for a person: packhouse holds release {safe(hold.get('id'))} --reason WHY"


def _headline(order: Mapping[str, Any], paint: Paint) -> str:
    phase = str(order.get("phase", "?"))
    parts = [paint(f"Order {safe(order.get('id'))}", "bold")]
    if order.get("site_slug"):
        parts.append(safe(order["site_slug"]))
    parts.append(f"at the store: {safe(order.get('status')) or 'no status'} when last read")
    parts.append(paint(f"here: {safe(phase)}", _PHASE_STYLE.get(phase, "bold")))
    return "  ·  ".join(parts)


def _shipment_title(number: int, shipment: Mapping[str, Any], paint: Paint) -> str:
    state = str(shipment.get("state", "?"))
    units = sum(int(row.get("quantity") or 0) for row in _objects(shipment.get("units")))
    parts = [paint(f"Shipment {number}", "bold") + f" ({safe(shipment.get('id'))})"]
    if units:
        parts.append(f"{units} unit{_s(units)}")
    parts.append(paint(safe(state), _STATE_STYLE.get(state, "bold")))
    if shipment.get("tracking_number"):
        parts.append(f"{safe(shipment.get('carrier'))} {safe(shipment['tracking_number'])}".strip())
    cost = cost_of(shipment)
    if cost:
        parts.append(cost)
    return "  ·  ".join(parts)


def cost_of(shipment: Mapping[str, Any]) -> str:
    """What the shipment's label cost, "" where none was bought."""
    minor, currency = shipment.get("cost_minor"), shipment.get("currency")
    if not isinstance(minor, int) or not isinstance(currency, str):
        return ""
    from packhouse.model.money import Money

    return str(Money(minor, currency))


def _acts(entries: Sequence[Mapping[str, Any]], action_width: int, width: int, paint: Paint) -> list[str]:
    lines: list[str] = []
    today = ""
    for entry in entries:
        if day(entry.get("at")) != today:
            today = day(entry.get("at"))
            lines.append(f"  {paint(today, 'dim')}")
        action = safe(entry.get("action")).replace("_", " ")
        why = safe(entry.get("why"))
        actor = safe(entry.get("actor"))
        if actor and actor != "packhouse":
            why = f"{why} (by {actor})".strip()
        head = f"  {clock_time(entry.get('at'))}  {action.ljust(action_width)}  "
        first, *rest = wrap(why, max(width - width_of(head), 30))
        lines.append(head.replace(action, paint(action, "cyan"), 1) + first if action else head + first)
        lines.extend(" " * width_of(head) + line for line in rest)
    return [line.rstrip() for line in lines]


def entry_line(entry: Mapping[str, Any], paint: Paint) -> str:
    """One act on one line: when, on what, what, why, and by whom if by a person."""
    action, actor = safe(entry.get("action")).replace("_", " "), safe(entry.get("actor"))
    about = safe(entry.get("shipment_id") or entry.get("order_id") or "all orders")
    by = f" (by {actor})" if actor not in ("", "packhouse") else ""
    why = f"{safe(entry.get('why'))}{by}".strip()
    return f"{clock_time(entry.get('at'))}  {about}  {paint(action, 'cyan')}  {why}".rstrip()


def _as_reason(text: str) -> str:
    text = text.rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _name_of(shipment: Mapping[str, Any]) -> str:
    return f"Shipment {safe(shipment.get('id'))}"


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _s(count: int) -> str:
    return "" if count == 1 else "s"
