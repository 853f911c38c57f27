"""`packhouse orders list` and `get`: what the store has, as it sent it or as people read it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from packhouse_cli.arguments.amounts import amount_text
from packhouse_cli.arguments.parsing import Verbs, add_json, an_id
from packhouse_cli.changes.runner import declare_waiting
from packhouse_cli.exit_codes import Exit, UsageError
from packhouse_cli.terminal.formats import day_and_time, moment_in_utc
from packhouse_cli.terminal.output import Terminal, safe
from packhouse_cli.user.settings import CliSettings

if TYPE_CHECKING:
    from packhouse.model.order import Address, Fulfillment, Order, RefundRecord
    from packhouse.model.returns import Return
    from packhouse.store.requests import OrdersQuery
    from packhouse_cli.clients.store import PatientStore

T = TypeVar("T")
_PAGE = 100
_FEW = 25


def declare(verbs: Verbs, terminal: Terminal, environ: Mapping[str, str]) -> None:
    """Add `list` and `get` to `orders`."""
    program = terminal.program
    listing = verbs.add(
        "list",
        partial(_list, terminal=terminal, environ=environ),
        help="list orders, as the store sends them",
        examples=[
            f"{program} orders list --status pending",
            f"{program} orders list --created-after 2026-11-01 --json | jq -r '.[].id'",
            f"{program} orders list --limit all --jsonl > orders.jsonl",
        ],
    )
    add = listing.add_argument
    add("--site-slug", metavar="SITE", help="only this site's (default: PACKHOUSE_STORE__SITE_SLUG)")
    add(
        "--limit",
        metavar="N",
        type=_limit,
        help=f"at most so many, or all (default {_FEW}; with --jsonl all)",
    )
    add("--status", default="", help="pending, fulfilled, cancelled, refunded or returned (default: all)")
    add("--created-after", metavar="DATE", default="", help="a date (UTC) or an ISO 8601 time")
    add("--created-before", metavar="DATE", default="", help="likewise")
    add("--customer-id", metavar="ID", default="", help="only this customer's")
    add_json(listing, "print a JSON array of the orders as the store sent them")
    add("--jsonl", action="store_true", help="print one order a line, as the pages come in")
    declare_waiting(listing)

    getting = verbs.add(
        "get",
        partial(_get, terminal=terminal, environ=environ),
        help="show one order",
        examples=[f"{program} orders get ord_1", f"{program} orders get ord_1 --json | jq .shipping_address"],
    )
    getting.add_argument("order", metavar="ORDER", type=an_id, help="the order's id")
    add_json(getting, "print the order as the store sent it")
    declare_waiting(getting)


def _limit(text: str) -> int:
    """How many; 0 for all."""
    if text == "all":
        return 0
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{safe(text)!r} is neither a whole number of 1 or more nor all")
    return int(text)


def _list(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse.store.requests import OrdersQuery
    from packhouse_cli.clients.store import open_store

    if arguments.json and arguments.jsonl:
        raise UsageError("--json prints one array, --jsonl one order a line; give one of them.")
    settings = CliSettings(environ)
    limit = (0 if arguments.jsonl else _FEW) if arguments.limit is None else arguments.limit
    query = OrdersQuery(
        status=arguments.status,
        customer_id=arguments.customer_id,
        site_slug=settings.site_slug if arguments.site_slug is None else arguments.site_slug,
        created_after=moment_in_utc(arguments.created_after),
        created_before=moment_in_utc(arguments.created_before, "--created-before"),
        limit=min(_PAGE, limit or _PAGE),
    )
    store = open_store(settings, terminal, waits=not arguments.no_wait)
    more = False
    if arguments.jsonl:
        more = _stream(_raw_pages(store, query), limit, terminal)
    elif arguments.json:
        # As received: nothing is read that is not printed, and this line is run in loops.
        rows, more = _gathered(_raw_pages(store, query), limit)
        terminal.json(rows)
    else:
        orders, more = _gathered(_read_pages(store, query), limit)
        if orders:
            heads = ("ORDER", "CREATED", "STATUS", "SITE", "UNITS", "TOTAL", "TO")
            terminal.table(heads, [_row(order) for order in orders])
        else:
            terminal.note("No orders match.")
    if more:
        terminal.note(f"Stopped at --limit {limit}; there may be more orders. Use a higher --limit, or --limit all.")
    return int(Exit.OK)


def _raw_pages(
    store: PatientStore, query: OrdersQuery
) -> Iterator[tuple[Sequence[Mapping[str, object]], bool]]:
    """Pages as the store sent them, and whether another follows."""
    for page in store.order_rows(query):
        yield page.rows, bool(page.next_cursor) or page.truncated


def _read_pages(store: PatientStore, query: OrdersQuery) -> Iterator[tuple[Sequence[Order], bool]]:
    """Pages that were read, and whether another follows."""
    for page in store.order_pages(query):
        yield page.orders, bool(page.next_cursor) or page.truncated


def _gathered(pages: Iterable[tuple[Sequence[T], bool]], limit: int) -> tuple[list[T], bool]:
    """The first `limit` (0: all) of what the pages hold, and whether there is more."""
    found: list[T] = []
    for rows, follows in pages:
        found.extend(rows)
        if limit and len(found) >= limit:
            return found[:limit], len(found) > limit or follows
    return found, False


def _stream(
    pages: Iterable[tuple[Sequence[Mapping[str, object]], bool]], limit: int, terminal: Terminal
) -> bool:
    """Print one object a line as pages come in; whether there is more than `limit` (0: all)."""
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
        order.status or "?",
        order.site_slug,
        sum(line.quantity for line in order.lines),
        amount_text(order.total_minor, order.currency),
        _place(order.address),
    )


def _get(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse_cli.clients.store import open_store

    order = open_store(CliSettings(environ), terminal, waits=not arguments.no_wait).order(arguments.order)
    if arguments.json:
        terminal.json(order.raw)
        return int(Exit.OK)
    from packhouse.store.returns import exchanges_of, returns_of

    terminal.fields(
        [
            ("order", order.id),
            ("status", order.status or "not said"),
            ("created", day_and_time(order.created_at)),
            ("site", order.site_slug),
            ("total", amount_text(order.total_minor, order.currency)),
            ("buyer", ", ".join(part for part in (order.buyer_name, order.buyer_email) if part)),
            ("ship to", _full_address(order.address)),
            ("shipping", order.shipping_option),
            *((f"shipped {number}", _parcel(row)) for number, row in enumerate(order.fulfillments or (), 1)),
            *((f"refund {number}", _refund(row, order)) for number, row in enumerate(order.refunds or (), 1)),
            *((f"return {number}", _return(row)) for number, row in enumerate(returns_of(order) or (), 1)),
            *(
                (f"exchange {number}", _return(row))
                for number, row in enumerate(exchanges_of(order) or (), 1)
            ),
        ]
    )
    terminal.line()
    terminal.table(
        ("LINE", "UNITS", "NAME", "PRODUCT", "KIND"),
        [
            (
                line.id,
                line.quantity,
                line.name,
                line.variant_id or line.product_id,
                {True: "digital", False: "physical", None: "not said"}[line.is_digital],
            )
            for line in order.lines
        ],
    )
    return int(Exit.OK)


def _place(address: Address | None) -> str:
    if address is None:
        return "no address"
    return ", ".join(part for part in (address.city, address.state, address.country) if part)


def _full_address(address: Address | None) -> str:
    if address is None:
        return "no address"
    town = " ".join(part for part in (address.postcode, address.city) if part)
    parts = (
        address.name,
        address.company,
        address.street1,
        address.street2,
        town,
        address.state,
        address.country,
    )
    return ", ".join(part for part in parts if part)


def _refund(row: RefundRecord, order: Order) -> str:
    why = f": {row.reason}" if row.reason else ""
    return f"{amount_text(row.amount_minor, order.currency) or 'amount not said'}{why}"


def _return(row: Return) -> str:
    units = ", ".join(f"{part.quantity} of {part.line_id}" for part in row.units) or "units not said"
    return " ".join(part for part in (row.id, row.status, row.rma) if part) + f": {units}"


def _parcel(row: Fulfillment) -> str:
    units = ", ".join(f"{part.quantity} of {part.line_id}" for part in row.units) or "units not said"
    return f"{row.carrier} {row.tracking_number}: {units}".strip()
