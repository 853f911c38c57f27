"""Prints plans: a table of the items, a one-line summary, what remains to do, and the results of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from packhouse_cli.arguments.amounts import amount_text
from packhouse_cli.bulk.plan import Plan
from packhouse_cli.bulk.progress import Progress
from packhouse_cli.bulk.results import FINAL, ResultRow, read_results, results_path
from packhouse_cli.terminal.output import Terminal


def progress_for(terminal: Terminal) -> Progress:
    """Progress on standard error: a bar if the terminal can overwrite a line, lines elsewhere."""
    can_draw = terminal.can_draw and terminal.stderr.isatty()
    return Progress(terminal.stderr, can_draw=can_draw, width=terminal.size[0])


def amounts(money: Mapping[str, int]) -> str:
    """Amounts of money for people; "" if there are none."""
    return ", ".join(amount_text(minor, currency) for currency, minor in money.items())


def plan_summary(plan: Plan) -> str:
    """The plan in one line."""
    changes = "1 change" if len(plan.items) == 1 else f"{len(plan.items):,} changes"
    orders = "1 order" if plan.orders == 1 else f"{plan.orders:,} orders"
    money = f", {amounts(plan.money)} in total" if plan.money else ""
    return f"{plan.action}: {changes} to {orders}{money}. {plan.irreversible_note}"


def show_plan(plan: Plan, terminal: Terminal, *, as_json: bool) -> None:
    """Print the whole plan: a table for people, one JSON object for programs."""
    if as_json:
        items, skipped = [item.to_json() for item in plan.items], [one.to_json() for one in plan.skipped]
        terminal.json({**plan.head(), "items": items, "skipped": skipped})
        return
    if plan.items:
        terminal.table(
            ("ITEM", "LINE", "ORDER", "STATUS", "CHANGE"),
            [
                (item.number, item.line or "", item.order_id, item.preconditions.status, item.summary)
                for item in plan.items
            ],
        )
    for one in plan.skipped:
        terminal.line(f"Skipped: {one}")
    terminal.line(plan_summary(plan))


def show_remaining(plan: Plan, path: Path, terminal: Terminal, *, as_json: bool) -> None:
    """Print what another run would do: the items that are not final."""
    found, _ = read_results(results_path(path), plan)
    rows = {item.number: found.get(item.number, ResultRow()) for item in plan.items}
    remaining = [item for item in plan.items if rows[item.number].state not in FINAL]
    if as_json:
        items = [{**item.to_json(), "state": rows[item.number].state.value} for item in remaining]
        terminal.json({"plan": plan.id, "action": plan.action, "remaining": len(remaining), "items": items})
        return
    if remaining:
        terminal.table(
            ("ITEM", "LINE", "ORDER", "STATE", "CHANGE"),
            [
                (one.number, one.line or "", one.order_id, rows[one.number].state.value, one.summary)
                for one in remaining
            ],
        )
    terminal.line(f"{len(remaining):,} of {len(plan.items):,} items remain. {plan.irreversible_note}")
