"""`packhouse shipments list`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, LIMIT, Option
from packhouse_cli.exit_codes import Exit

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    state = {"state": arguments.state} if arguments.state else {}
    with invocation.daemon() as daemon:
        shipments = daemon.shipments(limit=min(arguments.limit, 500), **state)
    terminal = invocation.terminal
    if arguments.json:
        terminal.json(shipments)
    elif not shipments:
        terminal.note("No shipments match.")
    else:
        from packhouse_cli.commands.why.timeline import cost_of

        terminal.table(
            ("SHIPMENT", "STATE", "UNITS", "CARRIER", "TRACKING", "COST"),
            [
                (
                    one.get("id"),
                    one.get("state"),
                    _units(one),
                    one.get("carrier"),
                    one.get("tracking_number"),
                    cost_of(one),
                )
                for one in shipments
            ],
        )
    return int(Exit.OK)


def _units(shipment: Mapping[str, Any]) -> int:
    return sum(int(row.get("quantity") or 0) for row in shipment.get("units", ()))


COMMAND = Command(
    "list shipments, most recently changed first",
    _run,
    (
        Option("--state", metavar="STATE", help="only shipments in this state, for example labeled"),
        LIMIT,
        JSON.but(help="print a JSON array"),
    ),
    examples=(
        "packhouse shipments list --state held",
        "packhouse shipments list --json | jq -r '.[].id'",
    ),
)
