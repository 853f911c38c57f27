"""`packhouse labels void` and `shipments void`: a label that will not be used."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse.model.printable import shell_word
from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import YES, Option
from packhouse_cli.commands.shipments.operation import OPTIONS, operate, report
from packhouse_cli.terminal.prompt import confirm

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    name = arguments.shipment
    question = f"Void the label of {name}? A voided label cannot be used any more."
    confirm(question, invocation.terminal, yes=arguments.yes)
    shipment = operate("void", arguments, invocation, again=arguments.again)
    after = "buys a new one" if arguments.again else "holds the order"
    line = (
        f"Packhouse voids the label of {name} as soon as that is safe, then {after}. "
        f"packhouse why {shell_word(shipment.get('order_id'))} shows the result."
    )
    return report(shipment, line, arguments, invocation)


COMMAND = Command(
    "void a label whose tracking number is not posted yet",
    _run,
    (
        *OPTIONS,
        Option("--again", action="store_true", help="then buy a new label (default: then hold the order)"),
        YES,
    ),
    examples=('{prog} ord_1-1 --yes --reason "wrong box"',),
)
