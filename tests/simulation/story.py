"""A failing seed, told so that a person can follow it: what was drawn, what broke, and each order's days."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.simulation.director import Director
from tests.simulation.plan import Scenario
from tests.simulation.replica import Ground

REPLAY = ".venv/bin/python -m tests.simulation replay {seed}"
# What is told of every order: it befell all of them.
_FOR_ALL = frozenset(
    {"dies", "starts", "stops", "goes on", "wall clock", "quiet", "stops in order", "the end"}
)


def tell(scenario: Scenario, ground: Ground, director: Director, problems: Sequence[str]) -> str:
    """The whole story, of those orders that a problem names; of all where none does."""
    ids = [order.id for order in director.orders]
    named = [one for one in ids if any(one in problem for problem in problems)] or ids
    parts = [str(scenario), "broken:", *(f"  - {problem}" for problem in problems)]
    for order_id in named:
        parts += ["", f"order {order_id} ({ground.world.store.orders[order_id].sale.kind}):"]
        parts += [f"  {line}" for line in _days(ground, order_id)]
    return "\n".join(parts)


def _days(ground: Ground, order_id: str) -> list[str]:
    """What happened to one order, by the simulation's clock; the journal's entries begin with a *."""
    database = ground.database
    refs = {
        str(row["provider_ref"])
        for row in database.rows("SELECT provider_ref FROM shipments WHERE order_id = ?", order_id)
    } | {
        one.id for one in ground.world.easypost.shipments.values() if one.reference.startswith(f"{order_id}/")
    }
    refs.discard("")
    lines: list[tuple[float, int, str]] = []
    for at, who, what, rest in ground.trace.notes:
        if order_id in rest or what in _FOR_ALL or any(ref in rest for ref in refs):
            lines.append((at, 0, f"{who:<6} {what} {_short(rest, order_id)}"))
    for row in database.rows("SELECT * FROM journal WHERE order_id IN (?, '') ORDER BY id", order_id):
        data = json.loads(row["data"]) if row["data"] else ""
        shipment = row["shipment_id"].removeprefix(order_id)
        what = f"* {row['actor']} {row['action']} {shipment} {row['why']} {data}".rstrip()
        lines.append((database.told_at(row["id"]), 1, _short(what, order_id)))
    told = [f"{at:10.3f} {line.rstrip()}" for at, _, line in sorted(lines, key=lambda one: (one[0], one[1]))]
    return [*_folded(told), *_standing(ground, order_id)]


def _standing(ground: Ground, order_id: str) -> list[str]:
    """How it ended, in our books and in theirs."""
    rows = ground.database.rows
    shop = ground.world.store.orders[order_id]
    lines = [
        f"store:   {shop.status}, left {shop.unshipped()}, rows {[_row(row) for row in shop.fulfillments]}"
    ]
    lines += [
        f"carrier: {one.reference} {one.tracking} {one.cost_minor}"
        f" {'live' if one.live else 'voided' if one.voided else 'on its way back'}"
        for one in ground.world.audit.purchases()
        if one.order_id == order_id
    ]
    for row in rows("SELECT * FROM orders WHERE id = ?", order_id):
        lines.append(f"ledger:  {row['phase']}, due {row['due_at']}, lease {row['lease']}: {row['reason']}")
    for row in rows(
        "SELECT s.*, l.tracking_number, l.state AS label_state FROM shipments s "
        "LEFT JOIN labels l ON l.shipment_id = s.id WHERE s.order_id = ?",
        order_id,
    ):
        label = f", label {row['tracking_number']} {row['label_state']}" if row["tracking_number"] else ""
        lines.append(f"ledger:  {row['id']} is {row['state']}, units {row['units']}{label}")
    for row in rows("SELECT * FROM holds WHERE order_id = ? AND released_at IS NULL", order_id):
        lines.append(f"ledger:  held {row['shipment_id'] or 'whole'}: {row['code']} {row['note']}")
    return lines


def _row(row: object) -> str:
    return f"{row.line_id}x{row.quantity} {row.tracking_number} {row.recorded_by or 'us'}"  # type: ignore[attr-defined]


def _short(text: str, order_id: str) -> str:
    text = text.replace("/api/storefront/v1/merchant", "").replace("/easypost/v2", "")
    return text.replace(order_id, "ORDER")[:220]


def _folded(lines: Sequence[str]) -> list[str]:
    """Long stretches of the same thing, shown once with their number."""
    folded: list[str] = []
    count = 0
    for line in lines:
        same = bool(folded) and folded[-1].partition(" ... ")[0][11:] == line[11:]
        count = count + 1 if same else 0
        if same:
            folded[-1] = folded[-1].partition(" ... ")[0] + f" ... and {count} times more"
        else:
            folded.append(line)
    return folded
