"""`packhouse labels get`: write a label's file."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import Option
from packhouse_cli.commands.labels.files import OPTIONS, fetch, report, save
from packhouse_cli.exit_codes import Exit, UsageError

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    shipment, content = fetch(arguments.shipment, invocation)
    if arguments.output == "-":
        if arguments.json:
            raise UsageError("--output - writes the label to standard output; it cannot be used with --json.")
        stdout = invocation.terminal.stdout
        stdout.flush()
        stdout.buffer.write(content)
        stdout.buffer.flush()
        return int(Exit.OK)
    kind = shipment["label"]["document_format"]
    name = save(content, arguments.output or f"{shipment['id']}.{kind}")
    return report(invocation, arguments, shipment, name, f"{name}: {len(content)} bytes of {kind}.")


COMMAND = Command(
    "fetch a label's file",
    _run,
    (
        *OPTIONS,
        Option(
            "--output",
            "-o",
            metavar="FILE",
            default="",
            help="write to FILE; - for standard output (default: SHIPMENT.pdf or similar)",
        ),
    ),
    examples=("packhouse labels get ord_1-1", "packhouse labels get ord_1 -o label.pdf"),
)
