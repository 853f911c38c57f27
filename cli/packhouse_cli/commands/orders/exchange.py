"""`packhouse orders exchange create`: units come back, and units of another variant are sent instead."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command, Group
from packhouse_cli.arguments.options import (
    ITEM,
    JSON,
    ORDER,
    STORE_REASON,
    Option,
    change_options,
    resource_id,
)
from packhouse_cli.commands.orders.returns import created, in_answer, units_of

if TYPE_CHECKING:
    from packhouse.model.order import Order
    from packhouse.model.returns import Return
    from packhouse_cli.changes.change import Change, ChangeResult
    from packhouse_cli.invocation import Invocation

_EXAMPLE = (
    'packhouse orders exchange create ord_1 --item li_1:1 --new-variant-id var_2 --reason "Wrong color"'
)


def _create(arguments: argparse.Namespace, invocation: Invocation) -> int:
    from packhouse.store import returns as wire
    from packhouse_cli.changes.line_items import named_units
    from packhouse_cli.changes.returns import exchange_change, newest_match

    reason, units = arguments.reason.strip(), units_of(arguments)

    def change_of(order: Order) -> Change:
        return exchange_change(
            order,
            units,
            arguments.new_variant_id,
            reason,
            key=arguments.idempotency_key or "",
            again=arguments.again,
        )

    def read(done: ChangeResult) -> Return | None:
        rows = [
            row
            for row in wire.exchanges_of(done.order) or ()
            if row.new_variant_id in ("", arguments.new_variant_id)
        ]
        return in_answer(done, wire.read_exchange) or newest_match(
            rows, named_units(done.change.order, units), reason
        )

    return created("exchange", change_of, read, arguments, invocation)


_CREATE = Command(
    "exchange units for units of another variant; this cannot be undone",
    _create,
    (
        ORDER,
        ITEM,
        STORE_REASON,
        Option(
            "--new-variant-id",
            metavar="VARIANT",
            required=True,
            type=resource_id,
            help="the variant to send instead",
        ),
        *change_options(
            key_from="order, units, variant and reason",
            again="create another exchange, even if the order has the same one",
            asks=True,
        ),
        JSON.but(help="print the exchange as the store sent it"),
    ),
    examples=(_EXAMPLE,),
)

COMMAND = Group("exchange units for another variant", {"create": _CREATE}, examples=(_EXAMPLE,))
