"""`packhouse apply PLAN`: carry out a plan that somebody has looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packhouse_cli.arguments.parsing import CommandParser, add_json, count, rate
from packhouse_cli.clients.takeover import ALONE, NO_DAEMON, in_hand
from packhouse_cli.exit_codes import Exit, UsageError
from packhouse_cli.terminal.output import Terminal, safe

if TYPE_CHECKING:
    from packhouse_cli.bulk.apply import Summary
    from packhouse_cli.bulk.plan import Plan

CONCURRENCY = 32


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Apply one plan, or what is left of it."""
    parser = CommandParser(
        prog="packhouse apply",
        description="Carry out a plan. Interrupted, the same command goes on; finished, it does nothing.",
        examples=[
            "packhouse apply fulfill-20261123-081500.plan.jsonl",
            "packhouse apply refunds.plan.jsonl --yes --max-per-s 5 --json",
        ],
    )
    parser.add_argument("plan", metavar="PLAN", type=Path, help="a plan made with --from FILE or a filter")
    parser.add_argument("--yes", action="store_true", help="do not ask; needed where there is no terminal")
    parser.add_argument("--dry-run", action="store_true", help="print what is left to do, and do nothing")
    parser.add_argument(
        ALONE, dest="alone", action="store_true", help="although a daemon serves this store, do not ask it"
    )
    add_pace(parser.add_argument)
    add_json(parser, "print a JSON summary")
    arguments = parser.parse_args(argv)

    from packhouse.store.client import StoreClient
    from packhouse_cli.bulk.apply import apply_plan
    from packhouse_cli.bulk.display import Above, progress_on, show_left
    from packhouse_cli.bulk.plan import read_plan
    from packhouse_cli.user.settings import CliSettings

    path = arguments.plan
    plan = read_plan(path)
    if arguments.dry_run:
        show_left(plan, path, terminal, as_json=arguments.json)
        return int(Exit.OK)
    settings = CliSettings(environ)
    if plan.store_url != settings.store_url:
        raise UsageError(
            f"This plan is for the store at {safe(plan.store_url)}, and PACKHOUSE_STORE__URL is "
            f"{safe(settings.store_url)}."
        )
    # What the machine does to an order never clashes with a return.
    alone = arguments.alone or plan.action == "return"
    if not alone and not settings.knows_daemon:
        alone = True
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
        agree=partial(_agree, plan, terminal, yes=arguments.yes),
        taking=lambda act: in_hand(
            act.order_id, f"{plan.action}: {act.what}", environ, Above(progress, terminal), alone=alone
        ),
    )
    if arguments.json:
        terminal.json(summary.to_json())
    else:
        _tell(summary, path, terminal)
    if summary.error is not None:
        raise summary.error
    return int(summary.exit_code)


def add_pace(add: Callable[..., object]) -> None:
    """The options that say how hard the store is worked; `add` is the add_argument of a parser or a group."""
    add(
        "--concurrency",
        metavar="N",
        type=count,
        default=CONCURRENCY,
        help=f"orders at the same time (default {CONCURRENCY})",
    )
    add(
        "--max-per-s",
        metavar="N",
        type=rate,
        help="most calls a second, 0 for no limit of our own (default: PACKHOUSE_STORE__RATE_LIMIT_PER_S, else 0); "
        "a 429 is waited for in any case",
    )


def _agree(plan: Plan, terminal: Terminal, left: int, *, yes: bool) -> None:
    from packhouse_cli.bulk.display import amounts
    from packhouse_cli.terminal.prompt import agree

    worth = f" (the plan moves {amounts(plan.money)})" if plan.money else ""
    what = f"{plan.action}: {left:,} of {len(plan.acts):,} acts are left{worth} at {safe(plan.store_url)}."
    agree(f"{what} {plan.for_good} Do it?", terminal, yes=yes)


def _tell(summary: Summary, plan_path: Path, terminal: Terminal) -> None:
    from packhouse_cli.bulk.results import MEANING

    total = len(summary.plan.acts)
    if not summary.done_now and summary.finished:
        terminal.line(f"This plan is finished: nothing was left to do of its {total:,} acts.")
    terminal.table(
        ("STATE", "ACTS", "MEANING"),
        [
            (state.value, f"{summary.counts[state]:,}", MEANING[state])
            for state in MEANING
            if summary.counts[state]
        ],
    )
    terminal.line(f"Results: {safe(summary.results)}")
    if not summary.finished:
        terminal.note(f"To go on where this run ended: packhouse apply {safe(plan_path)}")
