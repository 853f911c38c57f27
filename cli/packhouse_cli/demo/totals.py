"""The reckoning: our record, the store's and the carrier's side by side, which must agree. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packhouse.model.hold import SENTENCE, HoldCode
from packhouse.model.money import Money
from packhouse_cli.clients.http import rows_of
from packhouse_cli.demo.snapshot import Look, Place
from packhouse_cli.terminal.output import safe
from packhouse_cli.terminal.text import wrap

Paint = Callable[..., str]
_SHOWN_OF_A_GROUP = 3


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What came of it. Money is in minor units by currency; `faults` are sentences, none if all agrees.

    `held` and `left_alone` are (what it is, [(order id, sentence), ...]) groups, largest first.
    """

    orders: int
    shipped: int
    held: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    left_alone: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    unsettled: tuple[str, ...]
    labels_live: int
    labels_given_back: int
    shipments_checked: int
    spent: Mapping[str, int]
    carrier_took: Mapping[str, int]
    faults: tuple[str, ...]

    @property
    def adds_up(self) -> bool:
        """Nothing is missing and nobody disagrees."""
        return not self.faults and not self.unsettled


def reckon(
    look: Look, ours: Sequence[Mapping[str, Any]], books: Mapping[str, Any], problems: Iterable[object]
) -> Reckoning:
    """Lay the three records side by side.

    `ours` are the daemon's orders, `books` the sandbox's {"purchases", "fulfillments"}, `problems` what the
    sandbox's own checker found.
    """
    purchases = rows_of(books, "purchases")
    live = [row for row in purchases if row.get("live")]
    labels = _our_live_labels(ours)
    faults = [f"The sandbox found: {safe(problem)}." for problem in problems]
    faults += _count_faults(look)
    faults += _label_faults(labels, live)
    faults += _post_faults(ours, rows_of(books, "fulfillments"))
    spent = _sum((str(row.get("currency")), int(row.get("cost_minor") or 0)) for row in labels.values())
    taken = _sum((str(row.get("currency")), int(row.get("cost_minor") or 0)) for row in live)
    if spent != taken:
        faults.append(f"Our books say {_money(spent)} was spent, the carrier's {_money(taken)}.")
    return Reckoning(
        orders=len(look.orders),
        shipped=look.count(Place.SHIPPED),
        held=_held(look, ours),
        left_alone=_grouped((o.why or o.word, o.id, "") for o in look.orders if o.place is Place.LEFT_ALONE),
        unsettled=tuple(order.id for order in look.orders if not order.settled),
        labels_live=len(live),
        labels_given_back=len(purchases) - len(live),
        shipments_checked=len(labels),
        spent=spent,
        carrier_took=taken,
        faults=tuple(faults),
    )


def _our_live_labels(ours: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Shipments that hold a paid label, by tracking number."""
    return {
        str(shipment["tracking_number"]): {**shipment, "order_id": order.get("id")}
        for order in ours
        for shipment in rows_of(order, "shipments")
        if shipment.get("tracking_number") and shipment.get("state") not in ("voided", "voiding", "cancelled")
    }


def _count_faults(look: Look) -> list[str]:
    places = Counter(order.place for order in look.orders)
    ended = places[Place.SHIPPED] + places[Place.HELD] + places[Place.LEFT_ALONE]
    faults = []
    if len(look.orders) != look.expected:
        faults.append(f"{look.expected} orders were asked for, and the store has {len(look.orders)}.")
    if ended != len(look.orders):
        faults.append(f"{len(look.orders) - ended} orders are neither shipped, held nor left alone.")
    return faults


def _label_faults(labels: Mapping[str, Mapping[str, Any]], live: Sequence[Mapping[str, Any]]) -> list[str]:
    sold = Counter(str(row.get("tracking")) for row in live)
    of_shipment = Counter(str(row.get("reference", "")).rpartition("/")[0] for row in live)
    faults = [f"Shipment {safe(name)} has {n} live labels." for name, n in of_shipment.items() if n > 1]
    faults += [
        f"Label {safe(number)} of order {safe(row.get('order_id'))} is not live in the carrier's books."
        for number, row in labels.items()
        if sold[number] != 1
    ]
    faults += [
        f"The carrier sold {safe(number)}, which our books lack." for number in sold if number not in labels
    ]
    return faults


def _post_faults(ours: Sequence[Mapping[str, Any]], fulfillments: Sequence[Mapping[str, Any]]) -> list[str]:
    at_store = {
        (str(row.get("order_id")), str(row.get("tracking")))
        for row in fulfillments
        if row.get("by", "api") == "api"
    }
    posted = {
        (str(order.get("id")), str(shipment.get("tracking_number")))
        for order in ours
        for shipment in rows_of(order, "shipments")
        if shipment.get("state") in ("fulfilled", "delivered")
    }
    faults = [
        f"Order {safe(o)}: the store lacks tracking number {safe(n)}." for o, n in sorted(posted - at_store)
    ]
    faults += [
        f"Order {safe(o)}: we do not know that we posted {safe(n)}." for o, n in sorted(at_store - posted)
    ]
    return faults


def _held(
    look: Look, ours: Sequence[Mapping[str, Any]]
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    held = {order.id for order in look.orders if order.place is Place.HELD}
    rows = []
    for order in ours:
        if order.get("id") in held:
            holds = rows_of(order, "holds") or [{"code": "held", "sentence": ""}]
            code = str(holds[0].get("code"))
            meaning = SENTENCE[HoldCode(code)] if code in set(HoldCode) else safe(code)
            particulars = " ".join(safe(hold.get("sentence")) for hold in holds).removeprefix(meaning).strip()
            rows.append((meaning, str(order.get("id")), particulars))
    return _grouped(rows)


def _grouped(rows: Iterable[tuple[str, str, str]]) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for title, order_id, sentence in rows:
        groups.setdefault(title, []).append((order_id, sentence))
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return tuple((title, tuple(members)) for title, members in ordered)


def _sum(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for currency, minor in amounts:
        total[currency] = total.get(currency, 0) + minor
    return total


def _money(amounts: Mapping[str, int]) -> str:
    return ", ".join(str(Money(minor, currency)) for currency, minor in amounts.items()) or "nothing"


def told(reckoning: Reckoning, *, seconds: float, width: int, paint: Paint) -> list[str]:
    """The summary, as lines of about `width` cells."""
    r = reckoning
    held = sum(len(members) for _, members in r.held)
    alone = sum(len(members) for _, members in r.left_alone)
    parts = [f"{r.shipped} shipped", f"{held} held", f"{alone} left alone"]
    parts += [f"{len(r.unsettled)} not settled"] if r.unsettled else []
    lines = [paint(f"{r.orders} orders = {' + '.join(parts)}", "bold") + f"   in {seconds:.0f} s", ""]
    lines += _section("Held, waiting for a person", r.held, "yellow", width, paint)
    lines += _section("Left alone", r.left_alone, "dim", width, paint)
    back = f", {r.labels_given_back} more given back" if r.labels_given_back else ""
    lines += [
        paint("Money", "bold"),
        f"  labels       {r.labels_live} paid for{back}",
        f"  shipments    {r.shipments_checked}, one live label each",
        f"  our books    {_money(r.spent)}",
        f"  the carrier  {_money(r.carrier_took)}",
        "",
    ]
    if r.unsettled:
        lines += [paint("Not settled: ", "red") + ", ".join(safe(name) for name in r.unsettled[:8])]
    if r.faults:
        lines += [paint("The books do not agree:", "bold", "red"), *(f"  {fault}" for fault in r.faults[:20])]
    elif not r.unsettled:
        lines += [paint("It adds up: our books, the store's and the carrier's agree.", "bold", "green")]
    return lines


def _section(
    title: str,
    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...],
    style: str,
    width: int,
    paint: Paint,
) -> list[str]:
    if not groups:
        return []
    lines = [paint(title, "bold")]
    for reason, members in groups:
        first, *rest = wrap(reason, max(width - 8, 30))
        lines.append(f"  {paint(f'{len(members):>4}', style)}  {first}")
        lines += [f"        {line}" for line in rest]
        with_sentence = [(name, sentence) for name, sentence in members if sentence]
        for name, sentence in with_sentence[:_SHOWN_OF_A_GROUP]:
            head = f"        {safe(name)}  "
            first, *rest = wrap(sentence, max(width - len(head), 30))
            lines.append(paint(head, "dim") + first)
            lines += [" " * len(head) + line for line in rest]
        plain = [name for name, sentence in members if not sentence]
        names = [safe(name) for name in plain[:_SHOWN_OF_A_GROUP]]
        if names:
            lines.append(paint("        " + ", ".join(names), "dim"))
        unshown = len(members) - min(len(with_sentence), _SHOWN_OF_A_GROUP) - len(names)
        if unshown:
            lines.append(paint(f"        and {unshown} more", "dim"))
    return [*lines, ""]
