"""`packhouse shipments release`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.commands.shipments.operation import EXAMPLE_REASON, OPTIONS, operate, report

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    shipment = operate("release", arguments, invocation)
    line = f"Shipment {arguments.shipment} has no active manual hold any more."
    return report(shipment, line, arguments, invocation)


COMMAND = Command(
    "release the manual holds of a shipment; a refused void is requested once more",
    _run,
    OPTIONS,
    examples=(f"packhouse shipments release ord_1-1 {EXAMPLE_REASON}",),
)
