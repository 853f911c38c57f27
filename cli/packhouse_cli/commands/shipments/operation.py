"""What the changes of a shipment share: one call to the daemon, and one line about the result."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from packhouse_cli.arguments.options import JSON, REASON, SHIPMENT
from packhouse_cli.exit_codes import Exit

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation

OPTIONS = (SHIPMENT, REASON, JSON)
EXAMPLE_REASON = '--reason "the buyer called"'


def operate(
    operation: str, arguments: argparse.Namespace, invocation: Invocation, **values: object
) -> dict[str, Any]:
    """Ask the daemon for an operation on the shipment. Returns its response."""
    with invocation.daemon() as daemon:
        return daemon.operate_on_shipment(arguments.shipment, operation, reason=arguments.reason, **values)


def report(answer: dict[str, Any], line: str, arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the response as JSON, or one line for people."""
    if arguments.json:
        invocation.terminal.json(answer)
    else:
        invocation.terminal.line(line)
    return int(Exit.OK)
