"""`packhouse shipments retry`: process a shipment again, or end the doubt about its purchase."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import Option
from packhouse_cli.commands.shipments.operation import EXAMPLE_REASON, OPTIONS, operate, report
from packhouse_cli.exit_codes import UsageError

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    name = arguments.shipment
    if arguments.not_bought:
        shipment = operate("not-bought", arguments, invocation)
        line = f"Shipment {name} is planned again. Packhouse buys a label for it."
        return report(shipment, line, arguments, invocation)
    with invocation.daemon() as daemon:
        order = daemon.order(str(daemon.shipment(name).get("order_id", "")))
        if _purchase_is_unclear(order, name):
            raise UsageError(
                "It is not known whether a label was bought. Check the provider's account. If it has no "
                "label, pass --not-bought; if it has one, use packhouse labels adopt."
            )
        order = daemon.operate_on_order(str(order["id"]), "retry", reason=arguments.reason)
    return report(order, f"Packhouse processes order {order.get('id')} now.", arguments, invocation)


def _purchase_is_unclear(order: Mapping[str, Any], shipment_id: str) -> bool:
    unclear = any(
        one.get("id") == shipment_id and one.get("state") in ("unknown", "buying")
        for one in order.get("shipments", ())
    )
    return unclear or any(
        one.get("code") == "purchase_unknown"
        and one.get("released_at") is None
        and one.get("shipment_id") == shipment_id
        for one in order.get("holds", ())
    )


COMMAND = Command(
    "process a shipment again now",
    _run,
    (
        *OPTIONS,
        Option(
            "--not-bought",
            action="store_true",
            help="confirm that the provider's account has no label for it; a label is bought",
        ),
    ),
    examples=(
        f"packhouse shipments retry ord_1-1 {EXAMPLE_REASON}",
        'packhouse shipments retry ord_1-1 --not-bought --reason "checked the account"',
    ),
)
