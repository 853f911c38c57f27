"""`packhouse orders`: read and fulfilled straight at the store; `why` asks the daemon."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from packhouse_cli.amounts import amount_text
from packhouse_cli.commands import bulk, fulfillment, why
from packhouse_cli.exits import Exit, UsageError
from packhouse_cli.moments import day_and_time
from packhouse_cli.output import Terminal, safe
from packhouse_cli.parsing import CommandParser, add_json, count
from packhouse_cli.settings import CliSettings

if TYPE_CHECKING:
    from packhouse.model.order import Address, Order
    from packhouse.store.blocking import BlockingStore

T = TypeVar("T")
_PAGE = 100


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Run one verb of `orders`."""
    noun = CommandParser(
        prog="packhouse orders",
        description="The store's orders.",
        examples=["packhouse orders list --status pending", "packhouse orders get ord_1"],
    )
    verbs = noun.verbs()
    listing = verbs.add(
        "list",
        partial(_list, terminal=terminal, environ=environ),
        help="list orders, as the store sends them",
        examples=[
            "packhouse orders list --status pending",
            "packhouse orders list --created-after 2026-11-01 --json | jq -r '.[].id'",
        ],
    )
    listing.add_argument(
        "--site-slug", metavar="SITE", help="only this site's (default: PACKHOUSE_STORE__SITE_SLUG)"
    )
    listing.add_argument("--limit", metavar="N", type=count, default=25, help="at most so many (default 25)")
    listing.add_argument(
        "--status", default="", help="pending, fulfilled, cancelled, refunded or returned (default: all)"
    )
    listing.add_argument(
        "--created-after", metavar="DATE", default="", help="a date (UTC) or an ISO 8601 time"
    )
    listing.add_argument("--customer-id", metavar="ID", default="", help="only this customer's")
    add_json(listing, "print a JSON array of the orders as the store sent them")

    getting = verbs.add(
        "get",
        partial(_get, terminal=terminal, environ=environ),
        help="show one order",
        examples=["packhouse orders get ord_1", "packhouse orders get ord_1 --json | jq .shipping_address"],
    )
    getting.add_argument("order", metavar="ORDER", help="the order's id")
    add_json(getting, "print the order as the store sent it")

    parcel = verbs.add(
        "fulfill",
        lambda arguments: (
            fulfillment.plan_many(arguments, terminal, environ)
            if bulk.wanted(arguments)
            else fulfillment.run(arguments, _store(CliSettings(environ)), terminal, environ)
        ),
        help="tell the store that units left with a tracking number; this cannot be taken back",
        examples=fulfillment.EXAMPLES,
    )
    fulfillment.declare(parcel)

    telling = verbs.add(
        "why",
        lambda arguments: why.tell(arguments.order, terminal, environ, as_json=arguments.json),
        help="the whole story of one order, from the daemon",
        examples=["packhouse orders why ord_1"],
    )
    why.declare(telling)

    arguments = verbs.parse(argv)
    return int(arguments.run(arguments))


def _store(settings: CliSettings) -> BlockingStore:
    from packhouse.store.blocking import BlockingStore

    return BlockingStore(settings.store_url, settings.api_key, timeout_s=settings.store_timeout_s)


def _list(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    settings = CliSettings(environ)
    site = settings.site_slug if arguments.site_slug is None else arguments.site_slug
    created_after = moment_in_utc(arguments.created_after)
    store = _store(settings)
    from packhouse.store.requests import OrdersQuery

    query = OrdersQuery(
        status=arguments.status,
        customer_id=arguments.customer_id,
        site_slug=site,
        created_after=created_after,
        limit=min(_PAGE, arguments.limit),
    )
    limit = arguments.limit
    if arguments.json:
        # As received: nothing is read that is not printed, and this line is run in loops.
        rows, more = _gathered(((page.rows, page.next_cursor) for page in store.order_rows(query)), limit)
        terminal.json(rows)
    else:
        pages = store.order_pages(query)
        orders, more = _gathered(((page.orders, page.next_cursor) for page in pages), limit)
        if orders:
            heads = ("ORDER", "CREATED", "STATUS", "SITE", "UNITS", "TOTAL", "TO")
            terminal.table(heads, [_row(order) for order in orders])
        else:
            terminal.note("No orders match.")
    if more:
        terminal.note(f"There are more than {arguments.limit}; ask for them with --limit.")
    return int(Exit.OK)


def _gathered(pages: Iterable[tuple[Sequence[T], str | None]], limit: int) -> tuple[list[T], bool]:
    """The first `limit` of what the pages hold, and whether there is more."""
    found: list[T] = []
    for rows, next_cursor in pages:
        found.extend(rows)
        if len(found) >= limit:
            return found[:limit], len(found) > limit or bool(next_cursor)
    return found, False


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
    order = _store(CliSettings(environ)).order(arguments.order)
    if arguments.json:
        terminal.json(order.raw)
        return int(Exit.OK)
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


def moment_in_utc(text: str) -> str:
    """A date or an ISO 8601 time as the store wants it: full, in UTC, ending in Z. Raises UsageError."""
    if not text:
        return ""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--created-after {safe(text)!r} is no date; write 2026-11-01 or 2026-11-01T08:00:00Z."
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


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


def _parcel(row: object) -> str:
    from packhouse.model.order import Fulfillment

    assert isinstance(row, Fulfillment)
    units = ", ".join(f"{part.quantity} of {part.line_id}" for part in row.units) or "units not said"
    return f"{row.carrier} {row.tracking_number}: {units}".strip()
