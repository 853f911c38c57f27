"""`packhouse orders list`: the store's orders, as the store sent them or as a table."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from packhouse_cli.arguments.amounts import amount_text
from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import (
    CREATED_AFTER,
    CREATED_BEFORE,
    CUSTOMER,
    JSON,
    NO_WAIT,
    SITE,
    Option,
    count_or_all,
)
from packhouse_cli.exit_codes import CommandError, Exit, UsageError
from packhouse_cli.terminal.formats import day_and_time, moment_in_utc

if TYPE_CHECKING:
    from packhouse.model.order import Address, Order
    from packhouse.store.requests import OrdersQuery
    from packhouse_cli.clients.store import RetryingStore
    from packhouse_cli.invocation import Invocation
    from packhouse_cli.terminal.output import Terminal

T = TypeVar("T")
_PAGE = 100
_FEW = 25


def _list(arguments: argparse.Namespace, invocation: Invocation) -> int:
    from packhouse.store.requests import OrdersQuery

    if arguments.json and arguments.jsonl:
        raise UsageError("--json prints one array, --jsonl one order per line. Pass one of them.")
    terminal = invocation.terminal
    limit = (0 if arguments.jsonl else _FEW) if arguments.limit is None else arguments.limit
    query = OrdersQuery(
        status=arguments.status,
        customer_id=arguments.customer_id,
        site_slug=invocation.settings.site_slug if arguments.site_slug is None else arguments.site_slug,
        created_after=moment_in_utc(arguments.created_after),
        created_before=moment_in_utc(arguments.created_before, "--created-before"),
        limit=min(_PAGE, limit or _PAGE),
    )
    store = invocation.store(retries=not arguments.no_wait)
    more = False
    if arguments.jsonl:
        more = _stream(_uncut(_raw_pages(store, query)), limit, terminal)
    elif arguments.json:
        # As received: scripts call this in loops, so nothing is read that is not printed.
        rows, more = _gathered(_uncut(_raw_pages(store, query)), limit)
        terminal.json(rows)
    else:
        orders, more = _gathered(_uncut(_read_pages(store, query)), limit)
        if orders:
            heads = ("ORDER", "CREATED", "STATUS", "SITE", "UNITS", "TOTAL", "TO")
            terminal.table(heads, [_row(order) for order in orders])
        else:
            terminal.note("No orders match.")
    if more:
        terminal.note(f"There are more than {limit} orders. Use --limit N, or --limit all.")
    return int(Exit.OK)


def _raw_pages(
    store: RetryingStore, query: OrdersQuery
) -> Iterator[tuple[Sequence[Mapping[str, object]], bool]]:
    """Pages as the store sent them, each with whether another follows."""
    for page in store.order_rows(query):
        yield page.rows, bool(page.next_cursor) or page.truncated


def _read_pages(store: RetryingStore, query: OrdersQuery) -> Iterator[tuple[Sequence[Order], bool]]:
    """Pages as values, each with whether another follows."""
    for page in store.order_pages(query):
        yield page.orders, bool(page.next_cursor) or page.truncated


def _uncut(pages: Iterable[tuple[Sequence[T], bool]]) -> Iterator[tuple[Sequence[T], bool]]:
    """The same pages. Raises CommandError where the store cut its list short and it cannot be continued."""
    from packhouse.errors import StoreUnreadable
    from packhouse.store.paging import CUT_SHORT

    try:
        yield from pages
    except StoreUnreadable as error:
        if error.code != CUT_SHORT:
            raise
        raise CommandError(
            "The store cut its list short and names no next page, so not all orders were read. Narrow the "
            "list with --created-after and --created-before.",
            Exit.UNKNOWN,
            "truncated",
        ) from error


def _gathered(pages: Iterable[tuple[Sequence[T], bool]], limit: int) -> tuple[list[T], bool]:
    """The first `limit` rows of the pages (0: all), and whether there are more."""
    found: list[T] = []
    for rows, follows in pages:
        found.extend(rows)
        if limit and len(found) >= limit:
            return found[:limit], len(found) > limit or follows
    return found, False


def _stream(
    pages: Iterable[tuple[Sequence[Mapping[str, object]], bool]], limit: int, terminal: Terminal
) -> bool:
    """Print one object per line as pages come in. Returns whether there are more than `limit` (0: all)."""
    from packhouse_cli.terminal.output import json_text

    printed = 0
    for rows, follows in pages:
        fitting = rows[: limit - printed] if limit else rows
        for row in fitting:
            terminal.line(json_text(row))
        terminal.stdout.flush()
        printed += len(fitting)
        if limit and printed >= limit:
            return len(rows) > len(fitting) or follows
    return False


def _row(order: Order) -> Sequence[object]:
    return (
        order.id,
        day_and_time(order.created_at),
        _status(order),
        order.site_slug,
        sum(line.quantity for line in order.lines),
        amount_text(order.total_minor, order.currency),
        _place(order.address),
    )


def _status(order: Order) -> str:
    """The store's status, and how many units have shipped if not all have, as the daemon counts them."""
    from packhouse.model.line_units import line_units

    status = order.status or "?"
    counts = line_units(order).values()
    ordered = sum(line.quantity for line in order.lines)
    least, most = sum(one.shipped_least for one in counts), sum(one.shipped for one in counts)
    if not most or least >= ordered:
        return status
    shipped = f"{least}" if least == most else f"{least} to {most}"
    return f"{status}, {shipped} of {ordered} shipped"


def _place(address: Address | None) -> str:
    if address is None:
        return "no address"
    return ", ".join(part for part in (address.city, address.state, address.country) if part)


COMMAND = Command(
    "list orders",
    _list,
    (
        SITE.but(default=None, help="only this site (default: PACKHOUSE_STORE__SITE_SLUG)"),
        Option(
            "--limit",
            metavar="N",
            type=count_or_all,
            help=f"print at most N orders, or all (default {_FEW}; with --jsonl all)",
        ),
        Option(
            "--status",
            default="",
            help="only this status: pending, fulfilled, cancelled, refunded or returned (default: all)",
        ),
        CREATED_AFTER,
        CREATED_BEFORE,
        CUSTOMER,
        JSON.but(help="print a JSON array of the orders as the store sent them"),
        Option("--jsonl", action="store_true", help="print one order per line as JSON, page by page"),
        NO_WAIT,
    ),
    examples=(
        "packhouse orders list --status pending",
        "packhouse orders list --created-after 2026-11-01 --json | jq -r '.[].id'",
        "packhouse orders list --limit all --jsonl > orders.jsonl",
    ),
)
