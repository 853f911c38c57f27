"""`packhouse shipments retry --not-bought`: a person says that no label was bought."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from urllib.parse import quote

from packhouse_cli.daemon import Daemon
from packhouse_cli.exits import Exit, UsageError
from packhouse_cli.output import Terminal, safe
from packhouse_cli.parsing import CommandParser, add_json
from packhouse_cli.settings import CliSettings


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Run one verb of `shipments`."""
    noun = CommandParser(prog="packhouse shipments", description="Shipments that need a person.")
    verbs = noun.verbs()
    retry = verbs.add(
        "retry",
        lambda arguments: _retry(arguments, terminal, environ),
        help="buy a label anew for a shipment whose purchase nobody could tell the end of",
        examples=['packhouse shipments retry ord_1-1 --not-bought --reason "none in the account"'],
    )
    retry.add_argument("shipment", metavar="SHIPMENT", help="the shipment's id, for example ord_1-1")
    retry.add_argument("--not-bought", action="store_true", help="you looked: the carrier sold no label")
    retry.add_argument("--reason", metavar="WHY", required=True, help="why; it is written to the journal")
    add_json(retry)
    arguments = verbs.parse(argv)
    return int(arguments.run(arguments))


def _retry(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    if not arguments.not_bought:
        raise UsageError(
            "A label may have been bought. Look in the carrier's account; if none is there, add --not-bought."
        )
    settings = CliSettings(environ)
    daemon = Daemon(settings.daemon_url, settings.token)
    path = f"/api/v1/shipments/{quote(arguments.shipment, safe='')}/not-bought"
    shipment = daemon.act(path, reason=arguments.reason)
    daemon.close()
    if arguments.json:
        terminal.json(shipment)
    else:
        terminal.line(f"Shipment {safe(arguments.shipment)} is planned again; a label will be bought.")
    return int(Exit.OK)
