"""`packhouse apply PLAN`: apply a plan that a person has checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packhouse_cli.arguments.parsing import CommandParser, add_json, count, rate
from packhouse_cli.clients.takeover import ALONE, NO_DAEMON, in_hand
from packhouse_cli.exit_codes import Exit
from packhouse_cli.terminal.output import Terminal

if TYPE_CHECKING:
    from packhouse_cli.bulk.apply import Summary
    from packhouse_cli.bulk.plan import Plan

CONCURRENCY = 32


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Apply one plan, or the remaining items of it."""
    parser = CommandParser(
        prog="packhouse apply",
        description="Apply a plan. If a run was interrupted, the same command resumes it.",
        examples=[
            "packhouse apply fulfill-20261123-081500.plan.jsonl",
            "packhouse apply refunds.plan.jsonl --yes --max-per-s 5 --json",
        ],
    )
    parser.add_argument("plan", metavar="PLAN", type=Path, help="a plan made with --from FILE or a filter")
    parser.add_argument(
        "--yes", action="store_true", help="skip the confirmation prompt; required without a terminal"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the remaining items without sending anything"
    )
    parser.add_argument(
        ALONE,
        dest="alone",
        action="store_true",
        help="do not contact the daemon, even if one serves this store",
    )
    add_rate_options(parser.add_argument)
    add_json(parser, "print a JSON summary")
    arguments = parser.parse_args(argv)

    from packhouse.store.blocking import BlockingStore
    from packhouse_cli.bulk.apply import apply_plan
    from packhouse_cli.bulk.display import TerminalAboveProgress, progress_for, show_remaining
    from packhouse_cli.bulk.plan import read_plan
    from packhouse_cli.user.settings import CliSettings

    path = arguments.plan
    plan = read_plan(path)
    if arguments.dry_run:
        show_remaining(plan, path, terminal, as_json=arguments.json)
        return int(Exit.OK)
    settings = CliSettings(environ)
    plan.check_store(settings.store_url)
    # Nothing that Packhouse does to an order conflicts with a return.
    alone = arguments.alone or plan.action == "return"
    if not alone and not settings.knows_daemon:
        alone = True
        terminal.note(NO_DAEMON)
    progress = progress_for(terminal)
    max_per_s = settings.store_max_per_s if arguments.max_per_s is None else arguments.max_per_s
    summary = apply_plan(
        plan,
        path,
        partial(BlockingStore, settings.store_url, settings.api_key, timeout_s=settings.store_timeout_s),
        progress,
        concurrency=arguments.concurrency,
        max_per_s=max_per_s,
        confirm=partial(_confirm, plan, terminal, yes=arguments.yes),
        take_over=lambda item: in_hand(
            item.order_id,
            item.summary,
            environ,
            TerminalAboveProgress(progress, terminal),
            alone=alone,
        ),
    )
    if arguments.json:
        terminal.json(summary.to_json())
    else:
        _print_summary(summary, path, terminal)
    if summary.error is not None:
        raise summary.error
    return int(summary.exit_code)


def add_rate_options(add: Callable[..., object]) -> None:
    """Add the options that limit the load on the store; `add` is `add_argument` of a parser or a group."""
    add(
        "--concurrency",
        metavar="N",
        type=count,
        default=CONCURRENCY,
        help=f"process N orders at the same time (default {CONCURRENCY})",
    )
    add(
        "--max-per-s",
        metavar="N",
        type=rate,
        help="limit calls to N a second; 0: no limit (default: PACKHOUSE_STORE__MAX_PER_S, else 0); after a "
        "429 the command always waits",
    )


def _confirm(plan: Plan, terminal: Terminal, left: int, *, yes: bool) -> None:
    from packhouse_cli.bulk.display import amounts
    from packhouse_cli.terminal.prompt import agree

    money = f" (the plan moves {amounts(plan.money)})" if plan.money else ""
    what = f"{plan.action}: {left:,} of {len(plan.items):,} items remain{money}, at {plan.store_url}."
    agree(f"{what} {plan.irreversible_note} Apply?", terminal, yes=yes)


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
