"""Many orders at once (`orders fulfill --from FILE`, or a filter) become a plan for `packhouse apply`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packhouse_cli.arguments.parsing import CommandParser, count
from packhouse_cli.commands.apply import add_pace
from packhouse_cli.exit_codes import Exit, UsageError
from packhouse_cli.terminal.output import Terminal, safe

if TYPE_CHECKING:
    from packhouse.store.client import StoreClient
    from packhouse_cli.bulk.plan import Plan
    from packhouse_cli.bulk.rows import Fault, Row
    from packhouse_cli.user.settings import CliSettings

_FILTERS = ("status", "created_after", "created_before", "customer_id", "site_slug", "limit")
_PAGE = 100
EXAMPLES = {
    "fulfill": (
        "packhouse orders fulfill --from labels.csv --carrier USPS",
        "packhouse orders fulfill --status pending --carrier Courier --tracking 'VAN-{order}' --dry-run",
    ),
    "return": ('packhouse orders return create --from returns.csv --reason "Recall"',),
    "refund": (
        "packhouse orders refund --from refunds.csv --plan-out recall.plan.jsonl",
        "packhouse orders refund --status cancelled --created-after 2026-11-01 --reason 'Order cancelled'",
    ),
}


def declare(parser: CommandParser) -> None:
    """The arguments that make it many orders."""
    many = parser.add_argument_group("many orders: a plan is made, and `packhouse apply` carries it out")
    add = many.add_argument
    add(
        "--from",
        dest="rows_from",
        metavar="FILE",
        help="CSV with column names, JSON lines, or ids; - for stdin",
    )
    add("--status", default="", help="all orders of this status")
    add("--created-after", metavar="DATE", default="", help="a date (UTC) or an ISO 8601 time")
    add("--created-before", metavar="DATE", default="", help="likewise")
    add("--customer-id", metavar="ID", default="", help="all orders of this customer")
    add("--site-slug", metavar="SITE", help="all orders of this site")
    add("--limit", metavar="N", type=count, help="at most so many of those (default: all)")
    add("--skip-bad", action="store_true", help="plan the good rows although others cannot be done")
    add("--plan-out", metavar="FILE", type=Path, help="where the plan goes (default: named by time)")
    add("--dry-run", action="store_true", help="say what would be sent or planned, and change nothing")
    add_pace(add)


def wanted(arguments: argparse.Namespace) -> bool:
    """Whether many orders are meant. Raises UsageError where it is neither one nor many, or both."""
    filters = [name for name in _FILTERS if getattr(arguments, name) not in (None, "")]
    many = arguments.rows_from is not None or bool(filters)
    if many and arguments.order:
        raise UsageError("Name one order, or many with --from or a filter; not both.")
    if arguments.rows_from is not None and filters:
        option = filters[0].replace("_", "-")
        raise UsageError(f"--from says which orders, and so does --{option}; give one of them.")
    if many and arguments.idempotency_key:
        raise UsageError("--idempotency-key is for one order; in a plan each act has its own.")
    if many:
        return True
    if not arguments.order:
        raise UsageError("Name an order, or many with --from FILE or a filter such as --status pending.")
    if arguments.plan_out is not None or arguments.skip_bad:
        raise UsageError("--plan-out and --skip-bad are for many orders: name them with --from or a filter.")
    return False


def run(
    action: str,
    arguments: argparse.Namespace,
    given: Mapping[str, str],
    terminal: Terminal,
    environ: Mapping[str, str],
) -> int:
    """Make the plan and write it, or only print it. `given` fills what a row leaves empty."""
    from functools import partial
    from threading import Event

    from packhouse.store.client import StoreClient
    from packhouse_cli.bulk.actions import ACTIONS
    from packhouse_cli.bulk.display import progress_on, show_plan
    from packhouse_cli.bulk.planner import Desk, make_plan
    from packhouse_cli.bulk.throttled_client import Pace
    from packhouse_cli.user.settings import CliSettings

    settings = CliSettings(environ)
    most = settings.store_max_per_s if arguments.max_per_s is None else arguments.max_per_s
    open_store = partial(
        StoreClient, settings.store_url, settings.api_key, timeout_s=settings.store_timeout_s
    )
    rows, faults, source = _rows(action, arguments, given, settings, open_store)
    desk = Desk(
        open_store, settings.store_url, Pace(most, Event()), arguments.concurrency, progress_on(terminal)
    )
    plan = make_plan(
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
    """Write the plan, if there is anything in it, and say what it comes to."""
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
            terminal.line(f"Left out: {safe(one)}")
        terminal.line(
            summed_up(plan) if plan.acts else f"There is nothing to {plan.action}: no plan was written."
        )
    if plan.acts:
        terminal.note(f"The plan is {safe(path)}. Look at it, then: packhouse apply {safe(path)}")


def _rows(
    action: str,
    arguments: argparse.Namespace,
    given: Mapping[str, str],
    settings: CliSettings,
    open_store: Callable[[], StoreClient],
) -> tuple[list[Row], Sequence[Fault], dict[str, Any]]:
    """The rows of the file or filter, what is wrong in the file, and what the plan says of its source."""
    from packhouse_cli.bulk.rows import decoded, read_rows, rows_for

    if arguments.rows_from is not None:
        rows, faults = read_rows(decoded(_content(arguments.rows_from)), action, given)
        return rows, faults, {"from": safe(arguments.rows_from)}
    if action == "fulfill" and "{order}" not in given.get("tracking", ""):
        raise UsageError(
            "With a filter each order needs a tracking number of its own: --tracking 'VAN-{order}' puts the "
            "order's id in its place. Bought labels come with --from FILE."
        )
    from packhouse_cli.terminal.formats import moment_in_utc

    asked = {name: getattr(arguments, name) for name in _FILTERS}
    asked["created_after"] = moment_in_utc(arguments.created_after)
    asked["created_before"] = moment_in_utc(arguments.created_before)
    if arguments.site_slug is None:
        asked["site_slug"] = settings.site_slug
    with open_store() as store:
        ids = _found(store, asked)
    told = {name: value for name, value in asked.items() if value}
    return rows_for(ids, action, given), (), {"filter": told}


def _found(store: StoreClient, asked: Mapping[str, Any]) -> list[str]:
    """The ids of all orders that match, each once."""
    from packhouse.store.protocol import OrdersQuery

    limit = asked["limit"]
    query = OrdersQuery(**{**asked, "limit": min(_PAGE, limit or _PAGE)})
    ids: dict[str, None] = {}
    for page in store.order_pages(query):
        ids |= dict.fromkeys(order.id for order in page.orders)
        if limit and len(ids) >= limit:
            break
    return list(ids)[:limit]


def _content(name: str) -> bytes:
    import sys

    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{safe(name)} cannot be read: {error.strerror}.") from None


def _free_name(action: str) -> Path:
    """A name for a plan that no file has, neither a plan's nor that of its results."""
    import itertools
    import time

    stem = f"{action.replace(' ', '-')}-{time.strftime('%Y%m%d-%H%M%S')}"
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    paths = (Path(f"{name}.plan.jsonl") for name in names)
    return next(path for path in paths if not path.exists())


def _now() -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
