"""`packhouse resume`: allow buying and posting again after `packhouse pause`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse.model.printable import escaped
from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, REASON
from packhouse_cli.exit_codes import Exit

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    with invocation.daemon() as daemon:
        status = daemon.operate("/api/v1/resume", reason=arguments.reason)
    if arguments.json:
        invocation.terminal.json(status)
    elif status.get("paused"):
        why = escaped(str(status.get("paused_by") or "").rstrip("."))
        invocation.terminal.line(f"Resumed, but still paused: {why}. To see the rest: packhouse status")
    else:
        invocation.terminal.line("Resumed: Packhouse buys and posts again.")
    return int(Exit.OK)


COMMAND = Command(
    "allow buying and posting again",
    _run,
    (REASON, JSON),
    examples=('packhouse resume --reason "stock is counted"',),
)
