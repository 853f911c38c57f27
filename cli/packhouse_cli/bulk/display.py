"""What people see of a plan: its acts in a table, its sum in words, and how far a run has come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from packhouse_cli.arguments.amounts import amount_text
from packhouse_cli.bulk.plan import Plan
from packhouse_cli.bulk.progress import Progress
from packhouse_cli.bulk.results import FINAL, Standing, read_results, results_path
from packhouse_cli.terminal.output import Terminal
from packhouse_cli.terminal.text import escaped


def progress_on(terminal: Terminal) -> Progress:
    """Where progress is shown: on standard error, a bar where a line can be written over."""
    can_draw = terminal.can_draw and terminal.stderr.isatty()
    return Progress(terminal.stderr, can_draw=can_draw, width=terminal.size[0])


class Above(Terminal):
    """A terminal whose notes stay above the bar."""

    def __init__(self, progress: Progress, terminal: Terminal) -> None:
        super().__init__(terminal.stdout, terminal.stderr, {})
        self._progress = progress

    def note(self, text: str) -> None:
        """One line beside the result, for people."""
        self._progress.say(escaped(text))


def amounts(money: Mapping[str, int]) -> str:
    """Sums of money in words, "" where none moves."""
    return ", ".join(amount_text(minor, currency) for currency, minor in money.items())


def summed_up(plan: Plan) -> str:
    """A plan in one sentence."""
    acts = "1 act" if len(plan.acts) == 1 else f"{len(plan.acts):,} acts"
    orders = "1 order" if plan.orders == 1 else f"{plan.orders:,} orders"
    money = f", {amounts(plan.money)} in all" if plan.money else ""
    return f"{plan.action}: {acts} on {orders}{money}. {plan.for_good}"


def show_plan(plan: Plan, terminal: Terminal, *, as_json: bool) -> None:
    """The whole plan: a table for eyes, the file's lines in an array for programs."""
    if as_json:
        acts, left_out = [act.to_json() for act in plan.acts], [one.to_json() for one in plan.left_out]
        terminal.json({**plan.head(), "acts": acts, "left_out": left_out})
        return
    if plan.acts:
        terminal.table(
            ("ACT", "LINE", "ORDER", "STATUS", "WHAT"),
            [(act.number, act.line or "", act.order_id, act.relied.status, act.what) for act in plan.acts],
        )
    for one in plan.left_out:
        terminal.line(f"Left out: {one}")
    terminal.line(summed_up(plan))


def show_left(plan: Plan, path: Path, terminal: Terminal, *, as_json: bool) -> None:
    """What another run would do: the acts that have no end yet."""
    found, _ = read_results(results_path(path), plan)
    standing = {act.number: found.get(act.number, Standing()) for act in plan.acts}
    left = [act for act in plan.acts if standing[act.number].state not in FINAL]
    if as_json:
        acts = [{**act.to_json(), "state": standing[act.number].state.value} for act in left]
        terminal.json({"plan": plan.id, "action": plan.action, "left": len(left), "acts": acts})
        return
    if left:
        terminal.table(
            ("ACT", "LINE", "ORDER", "STATE", "WHAT"),
            [(a.number, a.line or "", a.order_id, standing[a.number].state.value, a.what) for a in left],
        )
    terminal.line(f"{len(left):,} of {len(plan.acts):,} acts are left to do. {plan.for_good}")
