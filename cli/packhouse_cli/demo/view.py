"""Renders a snapshot: frames for a terminal, lines for a log. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packhouse.model.money import Money
from packhouse.model.printable import escaped
from packhouse_cli.demo.snapshot import OrderProgress, Place, Snapshot
from packhouse_cli.terminal.formats import clock_time
from packhouse_cli.terminal.text import cut, padded, width_of, wrap
from packhouse_cli.terminal.waits import stops_of

Paint = Callable[..., str]
STYLE = {
    Place.QUEUED: "dim",
    Place.IN_PROGRESS: "cyan",
    Place.SHIPPED: "green",
    Place.HELD: "yellow",
    Place.CLOSED: "dim",
}
_NAME_CELLS = 6
_LABEL_CELLS = (10, 20)  # minimum, and maximum on a wide terminal
_ACTION_CELLS = 14
_ORDER_CELLS = 16  # an order id of the sandbox
_FIXED_CELLS = _NAME_CELLS + 1 + 7 + 1
_ENTRY_LINES = 6
_FIXED_LINES = 8
_SEPARATOR = " · "


@dataclass(frozen=True, slots=True)
class Symbols:
    """The characters of bars and steps."""

    done: str
    open: str
    joint: str
    full: str
    empty: str


UNICODE = Symbols("●", "○", "─", "█", "░")
ASCII = Symbols("#", ".", "-", "#", ".")


@dataclass(frozen=True, slots=True)
class Caption:
    """The text around the orders: addresses, and the seconds since the start."""

    daemon_url: str
    labels_folder: str
    elapsed_s: float


def frame(
    snapshot: Snapshot, caption: Caption, *, columns: int, lines: int, paint: Paint, symbols: Symbols
) -> list[str]:
    """One screen of at most `columns` by `lines` cells."""
    entries = min(_ENTRY_LINES, max(0, lines - _FIXED_LINES - 4))
    rows = max(1, lines - _FIXED_LINES - (entries + 2 if entries else 0))
    picture = [
        _title(snapshot, caption, columns, paint),
        _bar(snapshot, columns, paint, symbols),
        _counts(snapshot, columns, paint),
        paint(cut(stopped(snapshot.status), columns), "yellow"),
        paint(cut(_legend(symbols), columns), "dim"),
        *_grid(snapshot, columns, rows, paint, symbols),
    ]
    if entries:
        picture += ["", paint("Journal", "bold")]
        picture += [_entry(entry, columns, paint) for entry in snapshot.entries[-entries:]]
    footer = f"Press Ctrl-C to stop.  Labels: {caption.labels_folder}"
    picture += ["", paint(cut(footer, columns), "dim")]
    return picture[:lines]


def progress(snapshot: Snapshot, elapsed_s: float) -> str:
    """One line for a log."""
    waiting = snapshot.count(Place.IN_PROGRESS) + snapshot.count(Place.QUEUED)
    processed = len(snapshot.orders) - waiting
    return (
        f"{_minutes(elapsed_s):>5}  {processed:>4} of {snapshot.expected} processed: "
        f"{snapshot.count(Place.SHIPPED)} shipped, {snapshot.count(Place.HELD)} held, "
        f"{snapshot.count(Place.CLOSED)} closed, {waiting} in progress; {_labels(snapshot.status)}"
    ) + (f". {reason}" if (reason := stopped(snapshot.status)) else "")


def stopped(status: Mapping[str, Any]) -> str:
    """What stops work, as one line; "" if nothing does."""
    return " ".join(f"{escaped(one.get('sentence')).rstrip('.')}." for one in stops_of(status))


def entry_lines(entry: Mapping[str, Any], columns: int | None, paint: Paint) -> list[str]:
    """One journal entry in full: on one line, or with its text on the lines below."""
    line = _entry(entry, 10_000, paint)
    why = escaped(entry.get("why"))
    if columns is None or width_of(_entry(entry, 10_000, lambda text, *_: text)) <= columns:
        return [line]
    return [line.removesuffix(why).rstrip(), *(f"  {part}" for part in wrap(why, max(columns - 2, 30)))]


def _bar(snapshot: Snapshot, columns: int, paint: Paint, symbols: Symbols) -> str:
    total = max(snapshot.expected, len(snapshot.orders), 1)
    cells = max(10, columns)
    bar, used, counted = "", 0, 0
    for place in (Place.SHIPPED, Place.HELD, Place.CLOSED, Place.IN_PROGRESS):
        counted += snapshot.count(place)
        upto = counted * cells // total
        sign = symbols.empty if place is Place.IN_PROGRESS else symbols.full
        bar += paint(sign * (upto - used), STYLE[place])
        used = upto
    return bar + paint(symbols.empty * (cells - used), "dim")


def _title(snapshot: Snapshot, caption: Caption, columns: int, paint: Paint) -> str:
    name = f"Packhouse demo  {_minutes(caption.elapsed_s)}"
    labels = f"   {_labels(snapshot.status)}"
    if len(name) + width_of(labels) > columns:
        labels = ""
    address = f"daemon {caption.daemon_url}"
    room = columns - len(name) - width_of(labels) - 3
    return paint(name, "bold") + labels + (f"   {paint(cut(address, room), 'dim')}" if room > 0 else "")


def _counts(snapshot: Snapshot, columns: int, paint: Paint) -> str:
    """The counting line. On a narrow terminal it loses its last counts, never its colours."""
    expected = max(snapshot.expected, len(snapshot.orders))
    queued = expected - len(snapshot.orders) + snapshot.count(Place.QUEUED)
    counts = [(snapshot.count(place), place) for place in Place if place is not Place.QUEUED]
    pieces = [(f"{count} {place}", STYLE[place]) for count, place in (*counts, (queued, Place.QUEUED))]
    for head in (f"{expected} orders: ", f"{expected}: ", ""):
        if width_of(head + _SEPARATOR.join(text for text, _ in pieces)) <= columns:
            break
    while pieces and width_of(head + _SEPARATOR.join(text for text, _ in pieces)) > columns:
        pieces.pop()
    return head + _SEPARATOR.join(paint(text, style) for text, style in pieces)


def _labels(status: Mapping[str, Any]) -> str:
    spent = status.get("spent")
    money = (
        [escaped(Money(minor, str(name))) for name, minor in spent.items() if isinstance(minor, int)]
        if isinstance(spent, dict)
        else []
    )
    number = status.get("labels") or 0
    return f"{number} label{'' if number == 1 else 's'}" + (f", {' + '.join(money)}" if money else "")


def _legend(symbols: Symbols) -> str:
    d, o, j = symbols.done, symbols.open, symbols.joint
    return "   ".join(
        f"{j.join([d] * n + [o] * (4 - n))} {label}"
        for n, label in enumerate(("received", "decided", "label", "posted"), 1)
    )


def _grid(snapshot: Snapshot, columns: int, rows: int, paint: Paint, symbols: Symbols) -> list[str]:
    across = max(1, (columns + 2) // (_FIXED_CELLS + _LABEL_CELLS[0] + 2))
    label_cells = max(4, min(_LABEL_CELLS[1], (columns + 2) // across - 2 - _FIXED_CELLS))
    shown = _most_recent(snapshot.orders, across * rows)
    height = -(-len(shown) // across) if shown else 0
    # Filled column by column, so that an order keeps its place while later orders arrive.
    height = max(height, min(rows, -(-min(snapshot.expected, across * rows) // across)))
    lines = []
    for row in range(height):
        cells = [_cell(order, label_cells, paint, symbols) for order in shown[row::height]] if height else []
        lines.append("  ".join(cells))
    return lines


def _most_recent(orders: Sequence[OrderProgress], room: int) -> list[OrderProgress]:
    """At most `room` orders: those that changed last, in the order of the store."""
    if len(orders) <= room:
        return list(orders)
    recent = sorted(orders, key=lambda order: (order.processed, -order.changed_at))[:room]
    wanted = {order.id for order in recent}
    return [order for order in orders if order.id in wanted]


def _cell(order: OrderProgress, label_cells: int, paint: Paint, symbols: Symbols) -> str:
    name = padded(cut(escaped(order.id.partition("_")[2] or order.id), _NAME_CELLS, ""), _NAME_CELLS)
    steps = symbols.joint.join([symbols.done] * order.steps + [symbols.open] * (4 - order.steps))
    label = escaped(order.label)
    if order.place is Place.HELD and width_of(label) > label_cells:
        label = "held"
    label = padded(cut(label, label_cells), label_cells)
    return f"{paint(name, 'dim')} {paint(f'{steps} {label}', STYLE[order.place])}"


def _entry(entry: Mapping[str, Any], columns: int, paint: Paint) -> str:
    action = padded(escaped(entry.get("action")).replace("_", " "), _ACTION_CELLS)
    head = f"{clock_time(entry.get('at'))}  {escaped(entry.get('order_id')).ljust(_ORDER_CELLS)}  "
    room = columns - width_of(head)
    shown = cut(action, max(room, 4))
    why = cut(escaped(entry.get("why")), max(room - width_of(shown) - 2, 0))
    return f"{paint(head, 'dim')}{paint(shown, 'cyan')}  {why}".rstrip()


def _minutes(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
