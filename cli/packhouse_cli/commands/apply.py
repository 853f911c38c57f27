"""`packhouse apply PLAN`: apply a plan that a person has checked."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import DRY_RUN, JSON, PACE, WITHOUT_DAEMON, YES, Option
from packhouse_cli.clients.takeover import NO_DAEMON
from packhouse_cli.exit_codes import Exit

if TYPE_CHECKING:
    from packhouse_cli.bulk.apply import Summary
    from packhouse_cli.bulk.plan import Plan
    from packhouse_cli.invocation import Invocation
    from packhouse_cli.terminal.output import Terminal


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Apply one plan, or the remaining items of it."""
    from packhouse.store.client import StoreClient
    from packhouse_cli.bulk.apply import apply_plan
    from packhouse_cli.bulk.display import progress_for, show_remaining
    from packhouse_cli.bulk.plan import read_plan

    terminal, settings, path = invocation.terminal, invocation.settings, arguments.plan
    plan = read_plan(path)
    if arguments.dry_run:
        show_remaining(plan, path, terminal, as_json=arguments.json)
        return int(Exit.OK)
    plan.check_store(settings.store_url)
    # Nothing that the daemon does conflicts with a return.
    without_daemon = arguments.without_daemon or plan.action == "return"
    if not without_daemon and not settings.knows_daemon:
        without_daemon = True
        terminal.note(NO_DAEMON)
    progress = progress_for(terminal)
    summary = apply_plan(
        plan,
        path,
        partial(StoreClient, settings.store_url, settings.api_key, timeout_s=settings.store_timeout_s),
        progress,
        concurrency=arguments.concurrency,
        limiter=invocation.limiter(arguments.max_per_s),
        confirm=partial(_confirm, plan, terminal, yes=arguments.yes),
        take_over=lambda item: invocation.take_over(
            item.order_id,
            item.summary,
            without_daemon=without_daemon,
            note=progress.print,
        ),
    )
    if arguments.json:
        terminal.json(summary.to_json())
    else:
        _print_summary(summary, path, terminal)
    if summary.error is not None:
        raise summary.error
    return int(summary.exit_code)


def _confirm(plan: Plan, terminal: Terminal, left: int, *, yes: bool) -> None:
    from packhouse_cli.bulk.display import amounts
    from packhouse_cli.terminal.prompt import confirm

    money = f" (the plan moves {amounts(plan.money)})" if plan.money else ""
    what = f"{plan.action}: {left:,} of {len(plan.items):,} items remain{money}, at {plan.store_url}."
    confirm(f"{what} {plan.irreversible_note} Apply?", terminal, yes=yes)


def _print_summary(summary: Summary, plan_path: Path, terminal: Terminal) -> None:
    from packhouse_cli.bulk.results import STATE_DESCRIPTION

    total = len(summary.plan.items)
    if not summary.finished_now and summary.finished:
        terminal.line(f"This plan was already finished: all {total:,} items are final.")
    terminal.table(
        ("STATE", "ITEMS", "MEANING"),
        [
            (state.value, f"{summary.counts[state]:,}", STATE_DESCRIPTION[state])
            for state in STATE_DESCRIPTION
            if summary.counts[state]
        ],
    )
    terminal.line(f"Results: {summary.results}")
    if not summary.finished:
        terminal.note(f"To resume, run: packhouse apply {plan_path}")


COMMAND = Command(
    "apply a plan for many orders",
    _run,
    (
        Option("plan", metavar="PLAN", type=Path, help="a plan made with --from FILE or a filter"),
        YES.but(help="do not ask for confirmation; required without a terminal"),
        DRY_RUN.but(help="print the remaining items, and do nothing"),
        WITHOUT_DAEMON,
        *PACE,
        JSON.but(help="print a JSON summary"),
    ),
    description="Apply a plan that `orders fulfill --from FILE` or a similar command made. "
    "After an interruption, the same command resumes. For a finished plan it does nothing.",
    examples=(
        "packhouse apply fulfill-20261123-081500.plan.jsonl",
        "packhouse apply refunds.plan.jsonl --yes --max-per-s 5 --json",
    ),
)
