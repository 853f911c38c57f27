"""`packhouse pause`: stop all buying and posting, until `packhouse resume`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, REASON
from packhouse_cli.exit_codes import Exit

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    with invocation.daemon() as daemon:
        status = daemon.operate("/api/v1/pause", reason=arguments.reason)
    if arguments.json:
        invocation.terminal.json(status)
    else:
        invocation.terminal.line(
            "Paused: Packhouse buys and posts nothing. To continue: packhouse resume --reason WHY"
        )
    return int(Exit.OK)


COMMAND = Command(
    "stop all buying and posting",
    _run,
    (REASON, JSON),
    description="Stop all buying and posting. Webhooks are still accepted, so no order is lost.",
    examples=('packhouse pause --reason "counting stock"',),
)
