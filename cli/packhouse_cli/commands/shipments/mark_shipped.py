"""`packhouse shipments mark-shipped`: post a parcel that was sent without Packhouse's label."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import CARRIER, TRACKING, YES
from packhouse_cli.commands.shipments.operation import EXAMPLE_REASON, OPTIONS, operate, report
from packhouse_cli.terminal.prompt import confirm

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    from packhouse_cli.arguments.tracking import tracking_number

    name, number = arguments.shipment, tracking_number(arguments.tracking)
    confirm(
        f"Post {arguments.carrier} {number} for {name}? The store notifies the buyer, and the fulfillment "
        "cannot be removed.",
        invocation.terminal,
        yes=arguments.yes,
    )
    shipment = operate(
        "mark-shipped", arguments, invocation, carrier=arguments.carrier, tracking_number=number
    )
    line = f"Shipment {name} was sent as {number}. Packhouse posts the number and buys no label."
    return report(shipment, line, arguments, invocation)


COMMAND = Command(
    "post the tracking number of a shipment that you sent yourself; no label is bought",
    _run,
    (*OPTIONS, CARRIER, TRACKING, YES),
    examples=(
        "packhouse shipments mark-shipped ord_1-1 --carrier UPS --tracking 1Z999AA10123456784 --yes "
        f"{EXAMPLE_REASON}",
    ),
)
