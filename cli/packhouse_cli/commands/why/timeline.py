"""The history of one order, from the daemon's response and the journal to lines that people read. No I/O.

`order` is one object of the operator API, `entries` its journal, oldest first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from packhouse.model.printable import escaped
from packhouse.model.states import MEANING, ShipmentState
from packhouse_cli.terminal.formats import clock_time, day, span
from packhouse_cli.terminal.text import Line, plain, styled, width_of, wrap
from packhouse_cli.terminal.waits import ago, sentences_of

# `packhouse tail` prints entries as they come, so its columns have fixed widths.
_ID_WIDTH, _ACTION_WIDTH = 18, 14
_STATE_STYLE = {
    "held": "yellow", "unknown": "yellow", "fulfilled": "green", "delivered": "green", "labeled": "cyan",
    "buying": "cyan", "planned": "cyan", "voiding": "yellow", "voided": "dim", "cancelled": "dim",
}  # fmt: skip
_PHASE_STYLE = {"open": "cyan", "held": "yellow", "shipped": "green", "closed": "dim"}


def lines_of(
    order: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], *, now: float, width: int
) -> list[Line]:
    """The whole history, as lines of at most about `width` cells; `now` in seconds since 1970."""
    lines: list[Line] = [*_headline(order, entries, now, width), ()]
    shipments = _objects(order.get("shipments"))
    action_width = max((len(str(entry.get("action", ""))) for entry in entries), default=0)
    of_the_order = [entry for entry in entries if not entry.get("shipment_id")]
    chapters: list[tuple[list[Line], Sequence[Mapping[str, Any]]]] = [
        ([(styled("The order", "bold"),)], of_the_order)
    ]
    known = {str(shipment.get("id")) for shipment in shipments}
    for number, shipment in enumerate(shipments, 1):
        mine = [entry for entry in entries if entry.get("shipment_id") == shipment.get("id")]
        chapters.append((_shipment_title(number, shipment, width), mine))
    strays = [
        entry for entry in entries if entry.get("shipment_id") and str(entry["shipment_id"]) not in known
    ]
    if strays:
        chapters.append(([(styled("Earlier shipments", "bold"),)], strays))
    for title, chapter in chapters:
        lines.extend(title)
        lines.extend(_steps(chapter, action_width, width) or [(styled("  nothing yet", "dim"),)])
        lines.append(())
    lines.append((styled("What happens next", "bold"),))
    for sentence, *advice in what_next(order, now=now):
        lines.extend(_marked("  → ", sentence, width))
        for line in advice:
            lines.extend(_marked("    - ", line, width))
    return lines


def _marked(mark: str, text: str, width: int) -> list[Line]:
    """The text behind the mark. A command at its end is never broken, so that it can be copied."""
    room = max(width - len(mark), 30)
    action, colon, command = text.partition(": packhouse ")
    if colon and width_of(text) > room:
        first, *rest = [*wrap(f"{action}:", room), f"packhouse {command}"]
    else:
        first, *rest = wrap(text, room)
    return [(f"{mark}{first}",), *((f"{' ' * len(mark)}{line}",) for line in rest)]


def what_next(order: Mapping[str, Any], *, now: float) -> list[tuple[str, ...]]:
    """What Packhouse will do by itself, and what an operator can do: sentences, each with its advice."""
    phase = str(order.get("phase", ""))
    holds = [hold for hold in _objects(order.get("holds")) if hold.get("released_at") is None]
    if phase == "held" or holds:
        return [advice_of(hold) for hold in holds] or [
            ("The order is held. packhouse holds list shows its holds.",)
        ]
    if phase == "shipped":
        numbers = [
            _label_of(shipment)
            for shipment in _objects(order.get("shipments"))
            if shipment.get("state") in ("fulfilled", "delivered")
        ]
        known = f"the store has the tracking number{_s(len(numbers))} {', '.join(numbers)}" if numbers else ""
        sentence = f"Nothing more to do: {known or 'every unit is fulfilled in the store'}."
        return [(sentence + _confirmation(order, now),)]
    if phase == "closed":
        reason = str(order.get("reason") or "") or "there is nothing to ship"
        return [(f"Nothing: the order is closed, because {_as_reason(reason)}.",)]
    return _open_advice(order, now)


def _confirmation(order: Mapping[str, Any], now: float) -> str:
    """When the store is asked whether it shows the fulfillment, and then when the trackers are; "" never."""
    due, fetched_at = order.get("due_at"), order.get("fetched_at")
    posted = [one for one in _objects(order.get("shipments")) if one.get("state") == "fulfilled"]
    if not posted or not isinstance(due, (int, float)) or not isinstance(fetched_at, (int, float)):
        return _tracking(posted, now)
    return f" Packhouse checks the order again in {span(due - now)}." if due > now else ""


def _tracking(posted: Sequence[Mapping[str, Any]], now: float) -> str:
    """When the next tracker of a posted parcel is asked; "" if none is."""
    labels = [one["label"] for one in posted if isinstance(one.get("label"), Mapping)]
    times = [at for one in labels if isinstance(at := one.get("track_due_at"), (int, float))]
    return f" Packhouse asks where its parcels are in {span(max(min(times) - now, 0))}." if times else ""


def _open_advice(order: Mapping[str, Any], now: float) -> list[tuple[str, ...]]:
    sentences: list[tuple[str, ...]] = []
    error = str(order.get("last_error") or "")
    waits = _objects(order.get("waiting"))
    sentences += [sentences_of(one, now) for one in waits if not _is_shown_below(one, error)]
    for shipment in _objects(order.get("shipments")):
        state = str(shipment.get("state", ""))
        if state in set(ShipmentState) and not ShipmentState(state).is_final and state != "fulfilled":
            meaning = MEANING[ShipmentState(state)]
            sentences.append((f"{_name_of(shipment)} is {state}: {meaning[:1].lower()}{meaning[1:]}",))
    if error:
        attempts = int(order.get("attempts") or 0)
        times = f" ({attempts} in a row)" if attempts > 1 else ""
        remedies = [str(one["remedy"]) for one in waits if _is_shown_below(one, error) and one.get("remedy")]
        sentences.append((f"The last attempt failed{times}: {error}", *remedies))
    if (next_step := _next_step(order, waits, now)) is not None:
        sentences.append((next_step,))
    return sentences


def _is_shown_below(waiting: Mapping[str, Any], error: str) -> bool:
    """Whether this reason is the last error itself, which is shown with the number of attempts."""
    return bool(error) and str(waiting.get("sentence") or "") in error


def _next_step(order: Mapping[str, Any], waits: Sequence[Mapping[str, Any]], now: float) -> str | None:
    """When Packhouse looks at the order again; None while a person must act first, or a wait says it."""
    kinds = {one.get("kind") for one in waits}
    due = order.get("due_at")
    wait = float(due) - now if isinstance(due, (int, float)) else 0.0
    if "paused" in kinds:
        return "Nothing is bought or posted until then."
    if kinds & {"queued", "processing"}:
        return None
    if wait <= 1:
        return "Packhouse is processing the order now."
    if any(isinstance(one.get("until"), (int, float)) for one in waits) and not order.get("last_error"):
        return None
    what = "tries" if order.get("last_error") else "checks the order"
    return f"Packhouse {what} again in {span(wait)}, at {clock_time(due)}."


def advice_of(hold: Mapping[str, Any]) -> tuple[str, ...]:
    """What is wrong, then each way to make the order continue. The daemon says both (model/hold.py)."""
    problem = hold.get("problem") or hold.get("sentence") or hold.get("code") or "The order is held."
    advice = hold.get("advice")
    return (str(problem), *(str(line) for line in (advice if isinstance(advice, list) else ())))


def _at_the_store(order: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], now: float) -> str:
    """The store's status, when it was read, and whether Packhouse has changed the order there since."""
    status = order.get("status") or "no status"
    fetched_at = order.get("fetched_at")
    if not isinstance(fetched_at, (int, float)):
        return f"at the store: {status} when last read"
    posted = any(
        entry.get("action") == "fulfilled" and float(entry.get("at") or 0) >= fetched_at for entry in entries
    )
    since = ", before the fulfillment was posted" if posted else ""
    return f"at the store: {status} when read {ago(fetched_at, now)}{since}"


def _headline(
    order: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], now: float, width: int
) -> list[Line]:
    phase = str(order.get("phase", "?"))
    site = [(str(order["site_slug"]),)] if order.get("site_slug") else []
    parts: list[Line] = [
        (styled(f"Order {order.get('id')}", "bold"),),
        *site,
        (_at_the_store(order, entries, now),),
        (styled(f"here: {phase}", _PHASE_STYLE.get(phase, "bold")),),
    ]
    return _dotted(parts, width)


def _dotted(parts: Sequence[Line], width: int) -> list[Line]:
    """The parts with dots between; a part that does not fit begins an indented line."""
    lines: list[Line] = [parts[0]]
    for part in parts[1:]:
        longer = (*lines[-1], "  ·  ", *part)
        if width_of(plain(longer)) <= width:
            lines[-1] = longer
        else:
            lines.append(("  ", *part))
    return lines


def _shipment_title(number: int, shipment: Mapping[str, Any], width: int) -> list[Line]:
    state = str(shipment.get("state", "?"))
    units = sum(int(row.get("quantity") or 0) for row in _objects(shipment.get("units")))
    before = [f"{units} unit{_s(units)}"] if units else []
    after = [_label_of(shipment)] if shipment.get("tracking_number") else []
    if cost := cost_of(shipment):
        after.append(cost)
    parts: list[Line] = [
        (styled(f"Shipment {number}", "bold"), f" ({shipment.get('id')})"),
        *((part,) for part in before),
        (styled(state, _STATE_STYLE.get(state, "bold")),),
        *((part,) for part in after),
    ]
    return _dotted(parts, width)


def cost_of(shipment: Mapping[str, Any]) -> str:
    """The cost of the shipment's label; "" where none was bought."""
    minor, currency = shipment.get("cost_minor"), shipment.get("currency")
    if not isinstance(minor, int) or not isinstance(currency, str):
        return ""
    from packhouse.model.money import Money

    return str(Money(minor, currency))


def _label_of(shipment: Mapping[str, Any]) -> str:
    return f"{shipment.get('carrier') or ''} {shipment.get('tracking_number') or ''}".strip()


def _steps(entries: Sequence[Mapping[str, Any]], action_width: int, width: int) -> list[Line]:
    lines: list[Line] = []
    today = ""
    for entry in entries:
        if day(entry.get("at")) != today:
            today = day(entry.get("at"))
            lines.append(("  ", styled(today, "dim")))
        action = escaped(entry.get("action")).replace("_", " ")
        why = escaped(entry.get("why"))
        actor = escaped(entry.get("actor"))
        if actor and actor != "packhouse":
            why = f"{why} (by {actor})".strip()
        time, gap = f"  {clock_time(entry.get('at'))}  ", " " * (action_width - len(action) + 2)
        head_width = width_of(f"{time}{action}{gap}")
        first, *rest = wrap(why, max(width - head_width, 30))
        lines.append((time, styled(action, "cyan"), f"{gap}{first}".rstrip()))
        lines.extend((" " * head_width + line,) for line in rest)
    return lines


def entry_line(entry: Mapping[str, Any]) -> Line:
    """One journal entry on one line: time, shipment or order, action, reason, and the operator if any."""
    action, actor = escaped(entry.get("action")).replace("_", " "), escaped(entry.get("actor"))
    about = entry.get("shipment_id") or entry.get("order_id") or "all orders"
    by = f" (by {actor})" if actor not in ("", "packhouse") else ""
    why = f"{escaped(entry.get('why'))}{by}".strip()
    gap = " " * (_ACTION_WIDTH - len(action))
    return (
        f"{clock_time(entry.get('at'))}  {about!s:<{_ID_WIDTH}}  ",
        styled(action, "cyan"),
        f"{gap}  {why}".rstrip(),
    )


def _as_reason(text: str) -> str:
    text = text.rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _name_of(shipment: Mapping[str, Any]) -> str:
    return f"Shipment {shipment.get('id')}"


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _s(count: int) -> str:
    return "" if count == 1 else "s"
