"""`packhouse labels get`: write a label's file."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import Option
from packhouse_cli.commands.labels.files import FORCE, OPTIONS, fetch, fetch_paper, report
from packhouse_cli.commands.labels.kinds import cleaned_name, kind_of, name_of
from packhouse_cli.commands.labels.saving import save
from packhouse_cli.exit_codes import Exit, UsageError

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    if arguments.paper:
        shipment, file, content = fetch_paper(arguments.shipment, arguments.paper, invocation)
    else:
        shipment, content = fetch(arguments.shipment, invocation)
        file = shipment["label"]
    if arguments.output == "-":
        if arguments.json:
            raise UsageError("--output - writes the label to standard output; it cannot be used with --json.")
        stdout = invocation.terminal.stdout
        if stdout.isatty():
            raise UsageError(
                "Standard output is a terminal, which would obey the label's bytes. Redirect it, or pass -o."
            )
        stdout.flush()
        stdout.buffer.write(content)
        stdout.buffer.flush()
        return int(Exit.OK)
    kind = kind_of(content)
    own = name_of(arguments.shipment, shipment["id"])
    suffix = f"-{cleaned_name(arguments.paper)}" if arguments.paper else ""
    name = save(content, arguments.output or f"{own}{suffix}.{kind}", force=arguments.force)
    line = f"{name}: {len(content)} bytes of {kind}."
    return report(invocation, arguments, shipment, kind, name, line, sha256=file["document"])


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
        FORCE,
        Option(
            "--paper",
            metavar="KIND",
            default="",
            help="fetch a paper that travels with the parcel instead, such as commercial_invoice",
        ),
    ),
    examples=(
        "packhouse labels get ord_1-1",
        "packhouse labels get ord_1 -o label.pdf",
        "packhouse labels get ord_1-1 --paper commercial_invoice",
    ),
)
