"""Adopting a label, the same for `labels adopt` and `shipments adopt`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from packhouse_cli.arguments.parsing import CommandParser, add_json, count
from packhouse_cli.exit_codes import Exit
from packhouse_cli.invocation import add_reason, asking
from packhouse_cli.terminal.output import Terminal, safe

HELP = "take the label you found in the carrier's account for a shipment nobody could tell of"


def example(noun: str) -> str:
    """A whole command line."""
    return (
        f"packhouse {noun} adopt ord_1-1 --tracking 9400111202555582846137 --carrier USPS --cost 549 "
        '--reason "found in the account"'
    )


def declare(parser: CommandParser) -> None:
    """The arguments."""
    parser.add_argument("shipment", metavar="SHIPMENT", help="the shipment's id, for example ord_1-1")
    parser.add_argument("--tracking", metavar="NUMBER", required=True, help="the label's tracking number")
    parser.add_argument("--carrier", metavar="NAME", required=True, help="who carries it, for example USPS")
    parser.add_argument(
        "--cost", metavar="MINOR", required=True, type=count, help="what it cost, in minor units"
    )
    parser.add_argument("--currency", metavar="CODE", default="USD", help="of the cost (default USD)")
    add_reason(parser)
    add_json(parser)


def adopt(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Tell the daemon which label it is."""
    with asking(environ) as daemon:
        shipment = daemon.act_on_shipment(
            arguments.shipment,
            "adopt",
            reason=arguments.reason,
            tracking_number=arguments.tracking,
            carrier=arguments.carrier,
            cost_minor=arguments.cost,
            currency=arguments.currency,
        )
    if arguments.json:
        terminal.json(shipment)
    else:
        terminal.line(f"Shipment {safe(arguments.shipment)} has the label {safe(arguments.tracking)} now.")
    return int(Exit.OK)
