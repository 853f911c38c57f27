"""`packhouse apply PLAN`: carry out a plan after it was checked."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import DRY_RUN, JSON, PACE, WITHOUT_DAEMON, YES, Option
from packhouse_cli.clients.takeover import NO_DAEMON
from packhouse_cli.exit_codes import Exit, UsageError

if TYPE_CHECKING:
    from packhouse_cli.bulk.apply import Summary
    from packhouse_cli.bulk.plan import Plan
    from packhouse_cli.invocation import Invocation
    from packhouse_cli.terminal.output import Terminal


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Apply one plan, or the rest of it."""
    from packhouse.store.client import StoreClient
    from packhouse_cli.bulk.apply import apply_plan
    from packhouse_cli.bulk.display import Above, progress_on, show_left
    from packhouse_cli.bulk.plan import read_plan

    terminal, settings, path = invocation.terminal, invocation.settings, arguments.plan
    plan = read_plan(path)
    if arguments.dry_run:
        show_left(plan, path, terminal, as_json=arguments.json)
        return int(Exit.OK)
    if plan.store_url != settings.store_url:
        raise UsageError(
            f"This plan is for the store at {plan.store_url}, but PACKHOUSE_STORE__URL is "
            f"{settings.store_url}."
        )
    # Nothing that the daemon does conflicts with a return.
    without_daemon = arguments.without_daemon or plan.action == "return"
    if not without_daemon and not settings.knows_daemon:
        without_daemon = True
        terminal.note(NO_DAEMON)
    progress = progress_on(terminal)
    most = settings.store_max_per_s if arguments.max_per_s is None else arguments.max_per_s
    summary = apply_plan(
        plan,
        path,
        partial(StoreClient, settings.store_url, settings.api_key, timeout_s=settings.store_timeout_s),
        progress,
        concurrency=arguments.concurrency,
        max_per_s=most,
        agree=partial(_confirm, plan, terminal, yes=arguments.yes),
        taking=lambda act: invocation.take_over(
            act.order_id,
            f"{plan.action}: {act.what}",
            without_daemon=without_daemon,
            note=Above(progress, terminal).note,
        ),
    )
    if arguments.json:
        terminal.json(summary.to_json())
    else:
        _print(summary, path, terminal)
    if summary.error is not None:
        raise summary.error
    return int(summary.exit_code)


def _confirm(plan: Plan, terminal: Terminal, left: int, *, yes: bool) -> None:
    from packhouse_cli.bulk.display import amounts
    from packhouse_cli.terminal.prompt import confirm

    worth = f" (the plan moves {amounts(plan.money)})" if plan.money else ""
    what = f"{plan.action}: {left:,} of {len(plan.acts):,} changes are left{worth} at {plan.store_url}."
    confirm(f"{what} {plan.for_good} Continue?", terminal, yes=yes)


def _print(summary: Summary, plan_path: Path, terminal: Terminal) -> None:
    from packhouse_cli.bulk.results import MEANING

    total = len(summary.plan.acts)
    if not summary.done_now and summary.finished:
        terminal.line(f"This plan is finished: all of its {total:,} changes were done before.")
    terminal.table(
        ("STATE", "CHANGES", "MEANING"),
        [
            (state.value, f"{summary.counts[state]:,}", MEANING[state])
            for state in MEANING
            if summary.counts[state]
        ],
    )
    terminal.line(f"Results: {summary.results}")
    if not summary.finished:
        terminal.note(f"To continue where this run stopped: packhouse apply {plan_path}")


COMMAND = Command(
    "carry out a plan for many orders",
    _run,
    (
        Option("plan", metavar="PLAN", type=Path, help="a plan made with --from FILE or a filter"),
        YES.but(help="confirm beforehand; needed where there is no terminal"),
        DRY_RUN.but(help="print the changes that are left, and do nothing"),
        WITHOUT_DAEMON,
        *PACE,
        JSON.but(help="print a JSON summary"),
    ),
    description="Carry out a plan that `orders fulfill --from FILE` or a similar command made. After an\n"
    "interruption the same command continues; for a finished plan it does nothing.",
    examples=(
        "packhouse apply fulfill-20261123-081500.plan.jsonl",
        "packhouse apply refunds.plan.jsonl --yes --max-per-s 5 --json",
    ),
)
