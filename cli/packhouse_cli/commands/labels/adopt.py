"""`packhouse labels adopt` and `shipments adopt`: record a label whose purchase has no known result."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import CARRIER, TRACKING, Option, count
from packhouse_cli.commands.shipments.operation import OPTIONS, operate, report

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    from packhouse_cli.arguments.tracking import tracking_number

    number = tracking_number(arguments.tracking)
    shipment = operate(
        "adopt",
        arguments,
        invocation,
        tracking_number=number,
        carrier=arguments.carrier,
        cost_minor=arguments.cost,
        currency=arguments.currency,
    )
    line = f"Shipment {arguments.shipment} now has the label {number}."
    return report(shipment, line, arguments, invocation)


COMMAND = Command(
    "record a label that you found in the provider's account",
    _run,
    (
        *OPTIONS,
        TRACKING,
        CARRIER,
        Option("--cost", metavar="MINOR", required=True, type=count, help="the label's cost in minor units"),
        Option("--currency", metavar="CODE", default="USD", help="the currency of the cost (default USD)"),
    ),
    description="Record a label that you found in the provider's account, for a shipment whose purchase "
    "has no known result.",
    examples=(
        "{prog} ord_1-1 --tracking 9400111202555582846137 --carrier USPS --cost 549 "
        '--reason "found in the account"',
    ),
)
