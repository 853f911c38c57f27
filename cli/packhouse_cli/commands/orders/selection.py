"""Selects many orders, by rows of a file or by a filter, and makes the plan for `packhouse apply`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    from packhouse_cli.bulk.rows import Fault, Row
    from packhouse_cli.invocation import Invocation
    from packhouse_cli.terminal.output import Terminal
    from packhouse_cli.user.settings import CliSettings

_FILTERS = ("status", "created_after", "created_before", "customer_id", "site_slug", "limit")
_PAGE = 100

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
    """Whether many orders are selected. Raises UsageError where none is, or one and many are."""
    filters = [name for name in _FILTERS if getattr(arguments, name) not in (None, "")]
    many = arguments.rows_from is not None or bool(filters)
    if many and arguments.order:
        raise UsageError("Pass one ORDER, or select many with --from or a filter, not both.")
    if arguments.rows_from is not None and filters:
        option = filters[0].replace("_", "-")
        raise UsageError(f"--from and --{option} both select orders. Pass one of them.")
    if many and arguments.idempotency_key:
        raise UsageError("--idempotency-key is for one order; in a plan each change has its own key.")
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
    action: str, arguments: argparse.Namespace, given: Mapping[str, str], invocation: Invocation
) -> int:
    """Make the plan and write it, or print it with --dry-run. `given` has the values for empty cells."""
    from functools import partial
    from threading import Event

    from packhouse.store.client import StoreClient
    from packhouse_cli.bulk import planner
    from packhouse_cli.bulk.actions import ACTIONS
    from packhouse_cli.bulk.display import progress_on, show_plan
    from packhouse_cli.bulk.throttled_client import Pace

    terminal, settings = invocation.terminal, invocation.settings
    most = settings.store_max_per_s if arguments.max_per_s is None else arguments.max_per_s
    open_store = partial(
        StoreClient, settings.store_url, settings.api_key, timeout_s=settings.store_timeout_s
    )
    rows, faults, source = _rows(action, arguments, given, settings, open_store)
    desk = planner.Desk(
        open_store, settings.store_url, Pace(most, Event()), arguments.concurrency, progress_on(terminal)
    )
    plan = planner.make_plan(
        ACTIONS[action],
        rows,
        desk,
        made_at=_now(),
        source=source,
        faults=faults,
        skip_bad=arguments.skip_bad,
        again=getattr(arguments, "again", False),
    )
    for warning in plan.warnings:
        terminal.note(warning)
    if arguments.dry_run:
        show_plan(plan, terminal, as_json=arguments.json)
    else:
        _write(plan, arguments.plan_out or _free_name(action), terminal, as_json=arguments.json)
    return int(Exit.OK)


def _write(plan: Plan, path: Path, terminal: Terminal, *, as_json: bool) -> None:
    """Write the plan, unless it is empty, and print its totals."""
    from packhouse_cli.bulk.display import summed_up
    from packhouse_cli.bulk.plan import write_plan

    if plan.acts:
        write_plan(plan, path)
    if as_json:
        left_out = [one.to_json() for one in plan.left_out]
        written = str(path) if plan.acts else None
        terminal.json({"plan": written, "id": plan.id, **plan.head(), "left_out": left_out})
    else:
        for one in plan.left_out:
            terminal.line(f"Left out: {one}")
        terminal.line(
            summed_up(plan) if plan.acts else f"There is nothing to {plan.action}. No plan was written."
        )
    if plan.acts:
        terminal.note(f"The plan is in {path}. Check it, then run: packhouse apply {path}")


def _rows(
    action: str,
    arguments: argparse.Namespace,
    given: Mapping[str, str],
    settings: CliSettings,
    open_store: Callable[[], StoreClient],
) -> tuple[list[Row], Sequence[Fault], dict[str, Any]]:
    """The rows of the file or filter, the errors in the file, and the source as the plan names it."""
    from packhouse_cli.bulk.rows import decoded, read_rows, rows_for

    if arguments.rows_from is not None:
        rows, faults = read_rows(decoded(_content(arguments.rows_from)), action, given)
        return rows, faults, {"from": arguments.rows_from}
    if action == "fulfill" and "{order}" not in given.get("tracking", ""):
        raise UsageError(
            "With a filter, every order needs a tracking number of its own. --tracking 'VAN-{order}' "
            "inserts the order's id. For labels that you bought, use --from FILE."
        )
    from packhouse_cli.terminal.formats import moment_in_utc

    asked = {name: getattr(arguments, name) for name in _FILTERS}
    asked["created_after"] = moment_in_utc(arguments.created_after)
    asked["created_before"] = moment_in_utc(arguments.created_before)
    if arguments.site_slug is None:
        asked["site_slug"] = settings.site_slug
    with open_store() as store:
        ids = _found(store, asked)
    used = {name: value for name, value in asked.items() if value}
    return rows_for(ids, action, given), (), {"filter": used}


def _found(store: StoreClient, asked: Mapping[str, Any]) -> list[str]:
    """The ids of all orders that match, each once. Raises UsageError where the store cuts its list short."""
    from packhouse.store.protocol import OrdersQuery

    limit = asked["limit"]
    query = OrdersQuery(**{**asked, "limit": min(_PAGE, limit or _PAGE)})
    ids: dict[str, None] = {}
    for page in store.order_pages(query):
        ids |= dict.fromkeys(order.id for order in page.orders)
        if limit and len(ids) >= limit:
            break
        if page.truncated:
            raise UsageError(
                "The store cut its list short and names no next page. Narrow the list with --created-after "
                "and --created-before."
            )
    return list(ids)[:limit]


def _content(name: str) -> bytes:
    import sys

    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read {name}: {error.strerror}.") from None


def _free_name(action: str) -> Path:
    """A file name for the plan that does not exist yet."""
    import itertools
    import time

    stem = f"{action.replace(' ', '-')}-{time.strftime('%Y%m%d-%H%M%S')}"
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    paths = (Path(f"{name}.plan.jsonl") for name in names)
    return next(path for path in paths if not path.exists())


def _now() -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
