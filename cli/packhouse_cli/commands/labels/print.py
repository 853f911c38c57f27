"""`packhouse labels print`: send a label to a printer with lp, which is called without a shell."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import Option
from packhouse_cli.commands.labels.files import OPTIONS, fetch, report
from packhouse_cli.commands.labels.kinds import PRINTER_LANGUAGES, UNKNOWN, kind_of, name_of
from packhouse_cli.exit_codes import CommandError, Exit, UsageError

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation

_TIMEOUT_S = 30.0


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    if arguments.copies < 1:
        raise UsageError("--copies must be 1 or more.")
    shipment, content = fetch(arguments.shipment, invocation)
    kind, name = kind_of(content), name_of(arguments.shipment, shipment["id"])
    if kind == UNKNOWN:
        raise CommandError(
            f"The label's file of {arguments.shipment} cannot be printed. Save it as it came with packhouse "
            "labels get, and see packhouse why for what is wrong.",
            Exit.CONFLICT,
            "not_printable",
        )
    message = send(
        content,
        kind,
        name,
        invocation.environ,
        printer=arguments.printer,
        copies=arguments.copies,
    )
    line = f"The label of {name} was sent to the printer. {message}".strip()
    return report(invocation, arguments, shipment, kind, None, line, printer=message)


def send(
    content: bytes, kind: str, title: str, environ: Mapping[str, str], *, printer: str, copies: int
) -> str:
    """Send the label to lp and return its message. ZPL and EPL, printers' languages, are sent unchanged."""
    program = shutil.which("lp", path=environ.get("PATH"))
    if program is None:
        raise CommandError(
            "Nothing was printed: this machine has no `lp`. Install CUPS (on Debian: cups-client), or fetch "
            "the file with packhouse labels get.",
            Exit.UNKNOWN,
            "no_printer",
        )
    words = [program, "-t", title, "-n", str(copies)]
    words += ["-d", printer] if printer else []
    words += ["-o", "raw"] if kind in PRINTER_LANGUAGES else []
    try:
        done = subprocess.run(  # noqa: S603 - a program of this system, found by its name
            [*words, "-"],
            input=content,
            env=dict(environ),
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(
            f"lp did not accept the label ({error}). lpstat -p lists the printers.", Exit.UNKNOWN, "printer"
        ) from error
    message = (done.stdout if done.returncode == 0 else done.stderr).decode(errors="replace").strip()
    if done.returncode != 0:
        raise CommandError(
            f"lp did not accept the label: {message or 'it gives no reason'}. lpstat -p lists the printers.",
            Exit.UNKNOWN,
            "printer",
        )
    return message


COMMAND = Command(
    "send a label to a printer of this machine, with lp",
    _run,
    (
        *OPTIONS,
        Option(
            "--printer",
            "-d",
            metavar="NAME",
            default="",
            help="the printer's name in lp (default: lp's default printer)",
        ),
        Option("--copies", metavar="N", type=int, default=1, help="print N copies (default 1)"),
    ),
    examples=("packhouse labels print ord_1 --printer zebra",),
)
