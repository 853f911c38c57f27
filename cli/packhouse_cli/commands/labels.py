"""`packhouse labels adopt`: a person says which label was bought."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from urllib.parse import quote

from packhouse_cli.daemon import Daemon
from packhouse_cli.exits import Exit
from packhouse_cli.output import Terminal, safe
from packhouse_cli.parsing import CommandParser, add_json, count
from packhouse_cli.settings import CliSettings


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Run one verb of `labels`."""
    noun = CommandParser(prog="packhouse labels", description="Labels that a person knows of.")
    verbs = noun.verbs()
    adopt = verbs.add(
        "adopt",
        lambda arguments: _adopt(arguments, terminal, environ),
        help="take the label you found in the carrier's account for a shipment nobody could tell of",
        examples=[
            "packhouse labels adopt ord_1-1 --tracking 9400111202555582846137 --carrier USPS --cost 549 "
            '--reason "found in the account"'
        ],
    )
    adopt.add_argument("shipment", metavar="SHIPMENT", help="the shipment's id, for example ord_1-1")
    adopt.add_argument("--tracking", metavar="NUMBER", required=True, help="the label's tracking number")
    adopt.add_argument("--carrier", metavar="NAME", required=True, help="who carries it, for example USPS")
    adopt.add_argument(
        "--cost", metavar="MINOR", required=True, type=count, help="what it cost, in minor units"
    )
    adopt.add_argument("--currency", metavar="CODE", default="USD", help="of the cost (default USD)")
    adopt.add_argument("--reason", metavar="WHY", required=True, help="why; it is written to the journal")
    add_json(adopt)
    arguments = verbs.parse(argv)
    return int(arguments.run(arguments))


def _adopt(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    settings = CliSettings(environ)
    daemon = Daemon(settings.daemon_url, settings.token)
    shipment = daemon.act(
        f"/api/v1/shipments/{quote(arguments.shipment, safe='')}/adopt",
        reason=arguments.reason,
        tracking_number=arguments.tracking,
        carrier=arguments.carrier,
        cost_minor=arguments.cost,
        currency=arguments.currency,
    )
    daemon.close()
    if arguments.json:
        terminal.json(shipment)
    else:
        terminal.line(f"Shipment {safe(arguments.shipment)} has the label {safe(arguments.tracking)} now.")
    return int(Exit.OK)
