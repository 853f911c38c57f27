"""The picture of one moment: frames for a terminal, lines for a log. Pure: a Look comes in, text leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packhouse.model.money import Money
from packhouse_cli.demo.snapshot import Look, OrderSeen, Place
from packhouse_cli.terminal.formats import clock_time
from packhouse_cli.terminal.output import safe
from packhouse_cli.terminal.text import cut, width_of

Paint = Callable[..., str]
STYLE = {
    Place.AT_STORE: "dim",
    Place.ON_THE_WAY: "cyan",
    Place.SHIPPED: "green",
    Place.HELD: "yellow",
    Place.LEFT_ALONE: "dim",
}
_NAME_CELLS = 6
_WORD_CELLS = (10, 20)  # at least, and at most where the terminal is wide
_ACTION_CELLS = 10
_REST_CELLS = _NAME_CELLS + 1 + 7 + 1
_ACTS = 6
_FIXED_LINES = 8


@dataclass(frozen=True, slots=True)
class Signs:
    """What is drawn with."""

    done: str
    open: str
    joint: str
    full: str
    empty: str


UNICODE = Signs("●", "○", "─", "█", "░")
ASCII = Signs("#", ".", "-", "#", ".")


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands around the picture: addresses and the time since the start, in seconds."""

    daemon_url: str
    labels_folder: str
    elapsed_s: float


def frame(look: Look, caption: Caption, *, columns: int, lines: int, paint: Paint, signs: Signs) -> list[str]:
    """One screen of at most `columns` by `lines` cells."""
    acts = min(_ACTS, max(0, lines - _FIXED_LINES - 4))
    rows = max(1, lines - _FIXED_LINES - (acts + 2 if acts else 0))
    title = f"Packhouse demo  {_minutes(caption.elapsed_s)}"
    around = cut(f"daemon {caption.daemon_url}", max(0, columns - len(title) - 3))
    picture = [
        f"{paint(title, 'bold')}   {paint(around, 'dim')}",
        _bar(look, columns, paint, signs),
        _counts(look, columns, paint),
        "",
        paint(cut(_legend(signs), columns), "dim"),
        *_grid(look, columns, rows, paint, signs),
    ]
    if acts:
        picture += ["", paint("last acts", "bold")]
        picture += [_act(act, columns, paint) for act in look.acts[-acts:]]
    footer = f"Ctrl-C ends it.  Labels: {caption.labels_folder}"
    picture += ["", paint(cut(footer, columns), "dim")]
    return picture[:lines]


def progress(look: Look, elapsed_s: float) -> str:
    """One line for a log."""
    moving = look.count(Place.ON_THE_WAY) + look.count(Place.AT_STORE)
    ended = len(look.orders) - moving
    return (
        f"{_minutes(elapsed_s):>5}  {ended:>4} of {look.expected} settled: "
        f"{look.count(Place.SHIPPED)} shipped, {look.count(Place.HELD)} held, "
        f"{look.count(Place.LEFT_ALONE)} left alone, {moving} on the way; {_labels(look.status)}"
    )


def act_line(act: Mapping[str, Any], columns: int | None, paint: Paint) -> str:
    """One entry of the journal on one line."""
    return _act(act, columns or 10_000, paint)


def _bar(look: Look, columns: int, paint: Paint, signs: Signs) -> str:
    total = max(look.expected, len(look.orders), 1)
    cells = max(10, columns)
    bar, used, counted = "", 0, 0
    for place in (Place.SHIPPED, Place.HELD, Place.LEFT_ALONE, Place.ON_THE_WAY):
        counted += look.count(place)
        upto = counted * cells // total
        sign = signs.empty if place is Place.ON_THE_WAY else signs.full
        bar += paint(sign * (upto - used), STYLE[place])
        used = upto
    return bar + paint(signs.empty * (cells - used), "dim")


def _counts(look: Look, columns: int, paint: Paint) -> str:
    expected = max(look.expected, len(look.orders))
    missing = expected - len(look.orders) + look.count(Place.AT_STORE)
    pieces = [
        (f"{look.count(place)} {place}", STYLE[place])
        for place in (Place.SHIPPED, Place.HELD, Place.LEFT_ALONE)
    ]
    pieces.append((f"{look.count(Place.ON_THE_WAY)} on the way", STYLE[Place.ON_THE_WAY]))
    pieces.append((f"{missing} to come", "dim"))
    pieces.append((_labels(look.status), "bold"))
    head = f"{expected} orders: "
    text = head + " · ".join(piece for piece, _ in pieces)
    if width_of(text) > columns:
        return cut(text, columns)
    return head + " · ".join(paint(piece, style) for piece, style in pieces)


def _labels(status: Mapping[str, Any]) -> str:
    spent = status.get("spent")
    money = (
        [str(Money(int(minor), str(name))) for name, minor in spent.items()]
        if isinstance(spent, dict)
        else []
    )
    number = status.get("labels") or 0
    return f"{number} label{'' if number == 1 else 's'}" + (f", {' + '.join(money)}" if money else "")


def _legend(signs: Signs) -> str:
    d, o, j = signs.done, signs.open, signs.joint
    return "   ".join(
        f"{j.join([d] * n + [o] * (4 - n))} {word}"
        for n, word in enumerate(("received", "decided", "label", "posted"), 1)
    )


def _grid(look: Look, columns: int, rows: int, paint: Paint, signs: Signs) -> list[str]:
    across = max(1, (columns + 2) // (_REST_CELLS + _WORD_CELLS[0] + 2))
    word_cells = max(4, min(_WORD_CELLS[1], (columns + 2) // across - 2 - _REST_CELLS))
    shown = _most_lively(look.orders, across * rows)
    height = -(-len(shown) // across) if shown else 0
    # Filled downwards, so that an order keeps its place while later ones arrive below and beside it.
    height = max(height, min(rows, -(-min(look.expected, across * rows) // across)))
    lines = []
    for row in range(height):
        cells = [_cell(order, word_cells, paint, signs) for order in shown[row::height]] if height else []
        lines.append("  ".join(cells))
    return lines


def _most_lively(orders: Sequence[OrderSeen], room: int) -> list[OrderSeen]:
    """At most `room` orders, those that moved last, in the store's sequence."""
    if len(orders) <= room:
        return list(orders)
    lively = sorted(orders, key=lambda order: (order.settled, -order.changed_at))[:room]
    wanted = {order.id for order in lively}
    return [order for order in orders if order.id in wanted]


def _cell(order: OrderSeen, word_cells: int, paint: Paint, signs: Signs) -> str:
    name = safe(order.id.partition("_")[2] or order.id)[:_NAME_CELLS].ljust(_NAME_CELLS)
    way = signs.joint.join([signs.done] * order.steps + [signs.open] * (4 - order.steps))
    word = safe(order.word)
    if order.place is Place.HELD and width_of(word) > word_cells:
        word = "held"
    word = cut(word, word_cells).ljust(word_cells)
    return f"{paint(name, 'dim')} {paint(f'{way} {word}', STYLE[order.place])}"


def _act(act: Mapping[str, Any], columns: int, paint: Paint) -> str:
    action = safe(act.get("action")).replace("_", " ").ljust(_ACTION_CELLS)
    head = f"{clock_time(act.get('at'))}  {safe(act.get('order_id'))}  "
    room = columns - width_of(head)
    shown = cut(action, max(room, 4))
    why = cut(safe(act.get("why")), max(room - width_of(shown) - 2, 0))
    return f"{paint(head, 'dim')}{paint(shown, 'cyan')}  {why}".rstrip()


def _minutes(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
