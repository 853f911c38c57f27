"""The totals of the demo: the records of Packhouse, the store and the provider must agree. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packhouse.model.hold import KINDS, HoldCode
from packhouse.model.money import Money
from packhouse.model.printable import escaped
from packhouse.model.waiting import WAIT_MEANING, Waiting
from packhouse_cli.clients.http import rows_of
from packhouse_cli.demo.snapshot import OrderProgress, Place, Snapshot
from packhouse_cli.terminal.waits import stops_of


@dataclass(frozen=True, slots=True)
class Group:
    """Orders with the same reason. `members` are (order id, detail), `remedy` is what to do, if anything."""

    reason: str
    members: tuple[tuple[str, str], ...]
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals of one run.

    Money is in minor units by currency. `discrepancies` are sentences; none if all agree.

    The groups are the largest first. An order with several holds is in several groups of `held`. `waiting`
    has the unprocessed orders, and what stops work for all orders.
    """

    orders: int
    shipped: int
    orders_held: int
    held: tuple[Group, ...]
    waiting: tuple[Group, ...]
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
            f"Packhouse recorded {money_text(spent)} for labels, "
            f"but the provider charged {money_text(charged)}."
        )
    return Totals(
        orders=len(snapshot.orders),
        shipped=snapshot.count(Place.SHIPPED),
        orders_held=snapshot.count(Place.HELD),
        held=_held(snapshot, ours),
        waiting=_waiting(snapshot),
        closed=_grouped(
            (o.reason or o.label, "", o.id, "")
            for o in snapshot.orders
            if o.place is Place.CLOSED and o.processed
        ),
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
    if len(snapshot.orders) == snapshot.expected:
        return []
    return [f"{snapshot.expected} orders were requested, but the store has {len(snapshot.orders)}."]


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
            for hold in rows_of(order, "holds"):
                rows.append((*_explained(hold), str(order.get("id"))))
    return _grouped((problem, remedy, name, detail) for problem, detail, remedy, name in rows)


def _explained(hold: Mapping[str, Any]) -> tuple[str, str, str]:
    """What is wrong, the detail, and what to do."""
    code = str(hold.get("code"))
    if code not in set(HoldCode):
        return str(hold.get("sentence") or code), "", ""
    kind = KINDS[HoldCode(code)]
    problem, detail = kind.split(str(hold.get("note") or ""))
    return f"{problem}.", detail, kind.remedy


def _waiting(snapshot: Snapshot) -> tuple[Group, ...]:
    """The unprocessed orders by what they wait for, and what stops work although no order waits for it."""
    waits = [(order, order.waiting) for order in snapshot.orders if not order.processed]
    by_cause: dict[tuple[str, str], list[tuple[OrderProgress, Waiting | None]]] = {}
    for order, waiting in waits:
        cause = (waiting.kind.value, waiting.account) if waiting else ("", "")
        by_cause.setdefault(cause, []).append((order, waiting))
    groups = []
    for found in by_cause.values():
        waiting = found[0][1]
        if waiting is None:
            groups.append(Group("Packhouse is processing them.", tuple((one.id, "") for one, _ in found)))
            continue
        sentences = [one.sentence if one else "" for _, one in found]
        is_same = len(set(sentences)) == 1
        reason = sentences[0] if is_same else WAIT_MEANING[waiting.kind]
        members = tuple(
            (order.id, "" if is_same else said) for (order, _), said in zip(found, sentences, strict=True)
        )
        groups.append(Group(reason, members, waiting.remedy))
    groups += [
        Group(str(one.get("sentence") or one.get("kind")), (), str(one.get("remedy") or ""))
        for one in stops_of(snapshot.status)
        if (str(one.get("kind")), str(one.get("account") or "")) not in by_cause
    ]
    return tuple(sorted(groups, key=lambda group: -len(group.members)))


def _grouped(rows: Iterable[tuple[str, str, str, str]]) -> tuple[Group, ...]:
    """Groups of (reason, remedy, order id, detail)."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for reason, remedy, order_id, detail in rows:
        groups.setdefault((reason, remedy), []).append((order_id, detail))
    found = (Group(reason, tuple(members), remedy) for (reason, remedy), members in groups.items())
    return tuple(sorted(found, key=lambda group: -len(group.members)))


def _sum(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for currency, minor in amounts:
        total[currency] = total.get(currency, 0) + minor
    return total


def money_text(amounts: Mapping[str, int]) -> str:
    return ", ".join(str(Money(minor, currency)) for currency, minor in amounts.items()) or "nothing"
