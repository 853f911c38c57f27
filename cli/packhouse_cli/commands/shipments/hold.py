"""`packhouse shipments hold`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse.model.printable import shell_word
from packhouse_cli.arguments.command import Command
from packhouse_cli.commands.shipments.operation import EXAMPLE_REASON, OPTIONS, operate, report

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    hold = operate("holds", arguments, invocation)
    name = arguments.shipment
    line = (
        f"Shipment {name} is held (hold {hold.get('id')}). "
        f"To release it: packhouse shipments release {shell_word(name)} --reason WHY"
    )
    return report(hold, line, arguments, invocation)


COMMAND = Command(
    "hold one shipment until it is released",
    _run,
    OPTIONS,
    examples=(f"packhouse shipments hold ord_1-1 {EXAMPLE_REASON}",),
)
