"""The report of a seed: the scenario, the broken promises, and the timeline of each order."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.simulation.plan import Scenario
from tests.simulation.replica import Environment
from tests.simulation.scheduler import Scheduler

REPLAY = ".venv/bin/python -m tests.simulation replay {seed}"
# Records that concern all orders.
_ABOUT_ALL_ORDERS = frozenset(
    {"is killed", "starts", "stops", "continues", "wall clock", "faults end", "shuts down", "end"}
)


def write_report(
    scenario: Scenario, environment: Environment, scheduler: Scheduler, problems: Sequence[str]
) -> str:
    """The report of the orders that a problem names; of all orders if no problem names one."""
    ids = [order.id for order in scheduler.orders]
    named = [one for one in ids if any(one in problem for problem in problems)] or ids
    parts = [
        str(scenario),
        "broken promises:" if problems else "no broken promises",
        *(f"  - {problem}" for problem in problems),
    ]
    for order_id in named:
        parts += ["", f"order {order_id} ({environment.sandbox.store.orders[order_id].sale.kind}):"]
        parts += [f"  {line}" for line in _timeline(environment, order_id)]
    return "\n".join(parts)


def _timeline(environment: Environment, order_id: str) -> list[str]:
    """What happened to one order, in virtual time; entries of the journal begin with a *."""
    database = environment.database
    refs = {
        str(row["provider_ref"])
        for row in database.rows("SELECT provider_ref FROM shipments WHERE order_id = ?", order_id)
    } | {
        one.id
        for one in environment.sandbox.easypost.shipments.values()
        if one.reference.startswith(f"{order_id}/")
    }
    refs.discard("")
    lines: list[tuple[float, int, str]] = []
    for at, who, what, rest in environment.trace.records:
        if order_id in rest or what in _ABOUT_ALL_ORDERS or any(ref in rest for ref in refs):
            lines.append((at, 0, f"{who:<6} {what} {_short(rest, order_id)}"))
    for row in database.rows("SELECT * FROM journal WHERE order_id IN (?, '') ORDER BY id", order_id):
        data = json.loads(row["data"]) if row["data"] else ""
        shipment = row["shipment_id"].removeprefix(order_id)
        what = f"* {row['actor']} {row['action']} {shipment} {row['why']} {data}".rstrip()
        lines.append((database.committed_at(row["id"]), 1, _short(what, order_id)))
    shown = [f"{at:10.3f} {line.rstrip()}" for at, _, line in sorted(lines, key=lambda one: (one[0], one[1]))]
    return [*_fold_repeats(shown), *_end_state(environment, order_id)]


def _end_state(environment: Environment, order_id: str) -> list[str]:
    """The final state in the ledger, at the store and at the provider."""
    rows = environment.database.rows
    shop = environment.sandbox.store.orders[order_id]
    lines = [
        f"store:   {shop.status}, unshipped {shop.unshipped()}, "
        f"fulfillments {[_row(row) for row in shop.fulfillments]}"
    ]
    lines += [
        f"provider: {one.reference} {one.tracking} {one.cost_minor}"
        f" {'live' if one.live else 'voided' if one.voided else 'void pending'}"
        for one in environment.sandbox.audit.purchases()
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
        lines.append(f"ledger:  held {row['shipment_id'] or 'order'}: {row['code']} {row['note']}")
    return lines


def _row(row: object) -> str:
    return f"{row.line_id}x{row.quantity} {row.tracking_number} {row.recorded_by or 'packhouse'}"  # type: ignore[attr-defined]


def _short(text: str, order_id: str) -> str:
    text = text.replace("/api/storefront/v1/merchant", "").replace("/easypost/v2", "")
    return text.replace(order_id, "ORDER")[:220]


def _fold_repeats(lines: Sequence[str]) -> list[str]:
    """Show repeated lines once, with their number."""
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
