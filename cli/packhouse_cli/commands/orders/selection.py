"""Selects many orders, by rows of a file or by a filter, and makes the plan for `packhouse apply`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from packhouse_cli.arguments.options import (
    CREATED_AFTER,
    CREATED_BEFORE,
    CUSTOMER,
    DRY_RUN,
    PACE,
    SITE,
    Option,
    OptionGroup,
    count,
)
from packhouse_cli.exit_codes import Exit, UsageError

if TYPE_CHECKING:
    from packhouse.store.client import StoreClient
    from packhouse_cli.bulk.plan import Plan
    from packhouse_cli.bulk.selection import Selection
    from packhouse_cli.invocation import Invocation
    from packhouse_cli.terminal.output import Terminal
    from packhouse_cli.user.settings import CliSettings

_FILTERS = ("status", "created_after", "created_before", "customer_id", "site_slug", "limit")

OPTIONS = OptionGroup(
    "many orders (makes a plan for `packhouse apply`)",
    (
        Option(
            "--from",
            dest="rows_from",
            metavar="FILE",
            help="select the orders of this file: CSV with column names, JSON lines, or ids; - for stdin",
        ),
        Option("--status", default="", help="select all orders of this status"),
        CREATED_AFTER.but(help="select orders created after this date (UTC) or ISO 8601 time"),
        CREATED_BEFORE.but(help="select orders created before this date (UTC) or ISO 8601 time"),
        CUSTOMER.but(help="select all orders of this customer"),
        SITE.but(default=None, help="select all orders of this site"),
        Option("--limit", metavar="N", type=count, help="select at most N orders (default: all)"),
        Option("--skip-bad", action="store_true", help="plan the valid rows, even if others are invalid"),
        Option(
            "--plan-out", metavar="FILE", type=Path, help="write the plan to FILE (default: named by time)"
        ),
        DRY_RUN.but(help="print what would be sent or planned, and change nothing"),
        *PACE,
    ),
)


def is_many(arguments: argparse.Namespace) -> bool:
    """Whether many orders are selected. Raises UsageError if none is, or if one and many are."""
    filters = [name for name in _FILTERS if getattr(arguments, name) not in (None, "")]
    many = arguments.rows_from is not None or bool(filters)
    if many and arguments.order:
        raise UsageError("Pass one ORDER, or select many with --from or a filter, not both.")
    if arguments.rows_from is not None and filters:
        option = filters[0].replace("_", "-")
        raise UsageError(f"--from and --{option} both select orders. Pass one of them.")
    if many and arguments.idempotency_key:
        raise UsageError("--idempotency-key is for one order. Each item of a plan has its own key.")
    if many:
        return True
    if not arguments.order:
        raise UsageError(
            "No order is selected. Pass an ORDER, --from FILE, or a filter such as --status pending."
        )
    if arguments.plan_out is not None or arguments.skip_bad:
        raise UsageError("--plan-out and --skip-bad need many orders: select them with --from or a filter.")
    return False


def make_plan(
    action: str, arguments: argparse.Namespace, defaults: Mapping[str, str], invocation: Invocation
) -> int:
    """Make the plan and write it, or print it with --dry-run. `defaults` fills empty cells."""
    from functools import partial

    from packhouse.store.client import StoreClient
    from packhouse_cli.bulk import planner
    from packhouse_cli.bulk.actions import ACTIONS
    from packhouse_cli.bulk.display import progress_for, show_plan
    from packhouse_cli.bulk.plan import unused_plan_path

    terminal, settings = invocation.terminal, invocation.settings
    open_store = partial(
        StoreClient, settings.store_url, settings.api_key, timeout_s=settings.store_timeout_s
    )
    selection = _select(action, arguments, defaults, settings, open_store)
    context = planner.PlanContext(
        open_store,
        settings.store_url,
        invocation.limiter(arguments.max_per_s),
        arguments.concurrency,
        progress_for(terminal),
    )
    plan = planner.make_plan(
        ACTIONS[action],
        selection.rows,
        context,
        made_at=_now(),
        source=selection.source,
        bad_rows=selection.bad_rows,
        skip_bad=arguments.skip_bad,
        again=getattr(arguments, "again", False),
    )
    for warning in plan.warnings:
        terminal.note(warning)
    if arguments.dry_run:
        show_plan(plan, terminal, as_json=arguments.json)
    else:
        _write(plan, arguments.plan_out or unused_plan_path(action), terminal, as_json=arguments.json)
    return int(Exit.OK)


def _write(plan: Plan, path: Path, terminal: Terminal, *, as_json: bool) -> None:
    """Write the plan, unless it is empty, and print its totals."""
    from packhouse_cli.bulk.display import plan_summary
    from packhouse_cli.bulk.plan import write_plan

    if plan.items:
        write_plan(plan, path)
    if as_json:
        skipped = [one.to_json() for one in plan.skipped]
        written = str(path) if plan.items else None
        terminal.json({"plan": written, "id": plan.id, **plan.head(), "skipped": skipped})
    else:
        for one in plan.skipped:
            terminal.line(f"Skipped: {one}")
        terminal.line(plan_summary(plan) if plan.items else f"Nothing to {plan.action}. No plan was written.")
    if plan.items:
        terminal.note(f"The plan is in {path}. Check it, then run: packhouse apply {path}")


def _select(
    action: str,
    arguments: argparse.Namespace,
    defaults: Mapping[str, str],
    settings: CliSettings,
    open_store: Callable[[], StoreClient],
) -> Selection:
    """The rows that the arguments name: those of the file, or one for each order that matches the filter."""
    from packhouse_cli.bulk.selection import check_filter, select_by_filter, select_from_file
    from packhouse_cli.terminal.formats import moment_in_utc

    if arguments.rows_from is not None:
        return select_from_file(arguments.rows_from, action, defaults)
    check_filter(action, defaults)
    query = {name: getattr(arguments, name) for name in _FILTERS}
    query["created_after"] = moment_in_utc(arguments.created_after)
    query["created_before"] = moment_in_utc(arguments.created_before)
    if arguments.site_slug is None:
        query["site_slug"] = settings.site_slug
    with open_store() as store:
        return select_by_filter(store, query, action, defaults)


def _now() -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
