"""The totals of the demo: the records of Packhouse, the store and the provider must agree. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packhouse.model.hold import KINDS, HoldCode
from packhouse.model.money import Money
from packhouse_cli.clients.http import rows_of
from packhouse_cli.demo.snapshot import Place, Snapshot
from packhouse_cli.terminal.text import escaped, wrap

Paint = Callable[..., str]
Group = tuple[str, tuple[tuple[str, str], ...]]
_SHOWN_OF_A_GROUP = 3


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals of one run.

    Money is in minor units by currency. `discrepancies` are sentences; none if all agree.

    `held` and `closed` are groups, largest first: (reason, ((order id, detail), ...)).
    """

    orders: int
    shipped: int
    held: tuple[Group, ...]
    closed: tuple[Group, ...]
    unprocessed: tuple[str, ...]
    labels_active: int
    labels_voided: int
    shipments_checked: int
    spent: Mapping[str, int]
    provider_charged: Mapping[str, int]
    discrepancies: tuple[str, ...]

    @property
    def is_consistent(self) -> bool:
        """Whether every order is processed and all records agree."""
        return not self.discrepancies and not self.unprocessed


def compute_totals(
    snapshot: Snapshot,
    ours: Sequence[Mapping[str, Any]],
    audit: Mapping[str, Any],
    problems: Iterable[object],
) -> Totals:
    """Compare the three records.

    `ours` are the daemon's orders, `audit` the sandbox's {"purchases", "fulfillments"}, and `problems` the
    findings of the sandbox's own check.
    """
    purchases = rows_of(audit, "purchases")
    active = [row for row in purchases if row.get("live")]
    labels = _active_labels(ours)
    discrepancies = [f"The sandbox found: {escaped(problem)}." for problem in problems]
    discrepancies += _count_discrepancies(snapshot)
    discrepancies += _label_discrepancies(labels, active)
    discrepancies += _post_discrepancies(ours, rows_of(audit, "fulfillments"))
    spent = _sum((str(row.get("currency")), int(row.get("cost_minor") or 0)) for row in labels.values())
    charged = _sum((str(row.get("currency")), int(row.get("cost_minor") or 0)) for row in active)
    if spent != charged:
        discrepancies.append(
            f"Packhouse recorded {_money(spent)} for labels, but the provider charged {_money(charged)}."
        )
    return Totals(
        orders=len(snapshot.orders),
        shipped=snapshot.count(Place.SHIPPED),
        held=_held(snapshot, ours),
        closed=_grouped((o.reason or o.label, o.id, "") for o in snapshot.orders if o.place is Place.CLOSED),
        unprocessed=tuple(order.id for order in snapshot.orders if not order.processed),
        labels_active=len(active),
        labels_voided=len(purchases) - len(active),
        shipments_checked=len(labels),
        spent=spent,
        provider_charged=charged,
        discrepancies=tuple(discrepancies),
    )


def _active_labels(ours: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The shipments with a paid label, by tracking number."""
    return {
        str(shipment["tracking_number"]): {**shipment, "order_id": order.get("id")}
        for order in ours
        for shipment in rows_of(order, "shipments")
        if shipment.get("tracking_number") and shipment.get("state") not in ("voided", "voiding", "cancelled")
    }


def _count_discrepancies(snapshot: Snapshot) -> list[str]:
    places = Counter(order.place for order in snapshot.orders)
    ended = places[Place.SHIPPED] + places[Place.HELD] + places[Place.CLOSED]
    discrepancies = []
    if len(snapshot.orders) != snapshot.expected:
        discrepancies.append(
            f"{snapshot.expected} orders were requested, but the store has {len(snapshot.orders)}."
        )
    if ended != len(snapshot.orders):
        discrepancies.append(f"{len(snapshot.orders) - ended} orders are neither shipped, held nor closed.")
    return discrepancies


def _label_discrepancies(
    labels: Mapping[str, Mapping[str, Any]], active: Sequence[Mapping[str, Any]]
) -> list[str]:
    sold = Counter(str(row.get("tracking")) for row in active)
    of_shipment = Counter(str(row.get("reference", "")).rpartition("/")[0] for row in active)
    discrepancies = [
        f"Shipment {escaped(name)} has {n} active labels." for name, n in of_shipment.items() if n > 1
    ]
    discrepancies += [
        f"Label {escaped(number)} of order {escaped(row.get('order_id'))} is not active at the provider."
        for number, row in labels.items()
        if sold[number] != 1
    ]
    discrepancies += [
        f"The provider sold label {escaped(number)}, which Packhouse did not record."
        for number in sold
        if number not in labels
    ]
    return discrepancies


def _post_discrepancies(
    ours: Sequence[Mapping[str, Any]], fulfillments: Sequence[Mapping[str, Any]]
) -> list[str]:
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
    discrepancies = [
        f"Order {escaped(o)}: the store has no tracking number {escaped(n)}."
        for o, n in sorted(posted - at_store)
    ]
    discrepancies += [
        f"Order {escaped(o)}: Packhouse did not record that it posted {escaped(n)}."
        for o, n in sorted(at_store - posted)
    ]
    return discrepancies


def _held(snapshot: Snapshot, ours: Sequence[Mapping[str, Any]]) -> tuple[Group, ...]:
    held = {order.id for order in snapshot.orders if order.place is Place.HELD}
    rows = []
    for order in ours:
        if order.get("id") in held:
            holds = rows_of(order, "holds") or [{"code": "held", "sentence": ""}]
            code = str(holds[0].get("code"))
            problem = KINDS[HoldCode(code)].describe("") if code in set(HoldCode) else escaped(code)
            detail = "; ".join(escaped(hold["note"]) for hold in holds if hold.get("note"))
            rows.append((problem, str(order.get("id")), detail))
    return _grouped(rows)


def _grouped(rows: Iterable[tuple[str, str, str]]) -> tuple[Group, ...]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for reason, order_id, detail in rows:
        groups.setdefault(reason, []).append((order_id, detail))
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return tuple((reason, tuple(members)) for reason, members in ordered)


def _sum(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for currency, minor in amounts:
        total[currency] = total.get(currency, 0) + minor
    return total


def _money(amounts: Mapping[str, int]) -> str:
    return ", ".join(str(Money(minor, currency)) for currency, minor in amounts.items()) or "nothing"


def totals_lines(totals: Totals, *, seconds: float, width: int, paint: Paint) -> list[str]:
    """The summary, in lines of about `width` cells."""
    r = totals
    held = sum(len(members) for _, members in r.held)
    closed = sum(len(members) for _, members in r.closed)
    parts = [f"{r.shipped} shipped", f"{held} held", f"{closed} closed"]
    parts += [f"{len(r.unprocessed)} not processed"] if r.unprocessed else []
    lines = [paint(f"{r.orders} orders = {' + '.join(parts)}", "bold") + f"   in {seconds:.0f} s", ""]
    lines += _section("Held, waiting for a person", r.held, "yellow", width, paint)
    lines += _section("Closed, nothing to ship", r.closed, "dim", width, paint)
    voided = f", {r.labels_voided} more voided" if r.labels_voided else ""
    lines += [
        paint("Money", "bold"),
        f"  labels       {r.labels_active} paid{voided}",
        f"  shipments    {r.shipments_checked}, one active label each",
        f"  Packhouse    {_money(r.spent)}",
        f"  provider     {_money(r.provider_charged)}",
        "",
    ]
    if r.unprocessed:
        lines += [paint("Not processed: ", "red") + ", ".join(escaped(name) for name in r.unprocessed[:8])]
    if r.discrepancies:
        lines += [
            paint("The records do not agree:", "bold", "red"),
            *(f"  {one}" for one in r.discrepancies[:20]),
        ]
    elif not r.unprocessed:
        lines += [paint("All totals agree: Packhouse, the store and the provider.", "bold", "green")]
    return lines


def _section(
    title: str,
    groups: Sequence[Group],
    style: str,
    width: int,
    paint: Paint,
) -> list[str]:
    if not groups:
        return []
    lines = [paint(title, "bold")]
    for reason, members in groups:
        first, *rest = wrap(escaped(reason), max(width - 8, 30))
        lines.append(f"  {paint(f'{len(members):>4}', style)}  {first}")
        lines += [f"        {line}" for line in rest]
        with_detail = [(name, detail) for name, detail in members if detail]
        for name, detail in with_detail[:_SHOWN_OF_A_GROUP]:
            head = f"        {escaped(name)}  "
            first, *rest = wrap(escaped(detail), max(width - len(head), 30))
            lines.append(paint(head, "dim") + first)
            lines += [" " * len(head) + line for line in rest]
        plain = [name for name, detail in members if not detail]
        names = [escaped(name) for name in plain[:_SHOWN_OF_A_GROUP]]
        if names:
            lines.append(paint("        " + ", ".join(names), "dim"))
        unshown = len(members) - min(len(with_detail), _SHOWN_OF_A_GROUP) - len(names)
        if unshown:
            lines.append(paint(f"        and {unshown} more", "dim"))
    return [*lines, ""]
