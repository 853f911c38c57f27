"""`packhouse orders get`: one order, as the store sent it or as people read it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.amounts import amount_text
from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, NO_WAIT, ORDER
from packhouse_cli.exit_codes import Exit
from packhouse_cli.terminal.formats import day_and_time

if TYPE_CHECKING:
    from packhouse.model.order import Address, Fulfillment, Order, RefundRecord
    from packhouse.model.returns import Return
    from packhouse_cli.invocation import Invocation


def _get(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal = invocation.terminal
    order = invocation.store(retries=not arguments.no_wait).order(arguments.order)
    if arguments.json:
        terminal.json(order.raw)
        return int(Exit.OK)
    from packhouse.store.returns import exchanges_of, returns_of

    terminal.fields(
        [
            ("order", order.id),
            ("status", order.status or "not given"),
            ("created", day_and_time(order.created_at)),
            ("site", order.site_slug),
            ("total", amount_text(order.total_minor, order.currency)),
            ("buyer", ", ".join(part for part in (order.buyer_name, order.buyer_email) if part)),
            ("ship to", _full_address(order.address)),
            ("shipping", order.shipping_option),
            *((f"parcel {number}", _parcel(row)) for number, row in enumerate(order.fulfillments or (), 1)),
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
                {True: "digital", False: "physical", None: "not given"}[line.is_digital],
            )
            for line in order.lines
        ],
    )
    return int(Exit.OK)


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
    status = f" ({row.status})" if row.status else ""
    return f"{amount_text(row.amount_minor, order.currency) or 'amount not given'}{status}{why}"


def _return(row: Return) -> str:
    units = ", ".join(f"{part.quantity} of {part.line_id}" for part in row.units) or "units not given"
    return " ".join(part for part in (row.id, row.status, row.rma) if part) + f": {units}"


def _parcel(row: Fulfillment) -> str:
    units = ", ".join(f"{part.quantity} of {part.line_id}" for part in row.units) or "units not given"
    status = f" ({row.status})" if row.status else ""
    return f"{row.carrier} {row.tracking_number}: {units}{status}".strip()


COMMAND = Command(
    "show one order",
    _get,
    (ORDER, JSON.but(help="print the order as the store sent it"), NO_WAIT),
    examples=("packhouse orders get ord_1", "packhouse orders get ord_1 --json | jq .shipping_address"),
)
