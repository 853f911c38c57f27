"""`packhouse shipments ship`: override the holds that an operator may override."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import YES
from packhouse_cli.commands.shipments.operation import EXAMPLE_REASON, OPTIONS, operate, report
from packhouse_cli.terminal.prompt import confirm

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    name = arguments.shipment
    confirm(
        f"Ship {name} even if it is held? Packhouse buys a label, and the store notifies the buyer.",
        invocation.terminal,
        yes=arguments.yes,
    )
    shipment = operate("ship", arguments, invocation)
    return report(shipment, f"Packhouse ships {name} now.", arguments, invocation)


COMMAND = Command(
    "ship a held shipment, if its holds may be overridden",
    _run,
    (*OPTIONS, YES),
    examples=(f"packhouse shipments ship ord_1-1 --yes {EXAMPLE_REASON}",),
)
