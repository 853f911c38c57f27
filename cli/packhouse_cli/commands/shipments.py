"""`packhouse shipments`: what leaves together, and what a person does with it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from packhouse_cli import adoption
from packhouse_cli.arguments.parsing import CommandParser, add_json, count
from packhouse_cli.commands import shipment_acts as acts
from packhouse_cli.exit_codes import Exit
from packhouse_cli.invocation import add_reason, add_yes, asking, bound
from packhouse_cli.terminal.formats import day_and_time
from packhouse_cli.terminal.output import Terminal

_WHY = '--reason "the buyer called"'


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Run one verb of `shipments`."""
    noun = CommandParser(
        prog="packhouse shipments",
        description="What leaves together, and what a person does with it.",
        examples=["packhouse shipments list --state held", "packhouse shipments show ord_1-1"],
    )
    verbs = noun.verbs()
    listing = verbs.add(
        "list",
        bound(_list, terminal, environ),
        help="list shipments, last changed first",
        examples=[
            "packhouse shipments list --state held",
            "packhouse shipments list --json | jq -r '.[].id'",
        ],
    )
    listing.add_argument("--state", metavar="STATE", help="only those in this state, for example labeled")
    listing.add_argument("--limit", metavar="N", type=count, default=50, help="at most so many (default 50)")
    add_json(listing, "print a JSON array")

    def verb(name: str, run: Any, help: str, *more: str, reason: bool = True) -> CommandParser:
        words = " ".join((f"packhouse shipments {name} ord_1-1", *more, *([_WHY] if reason else [])))
        parser = verbs.add(name, bound(run, terminal, environ), help=help, examples=[words])
        parser.add_argument("shipment", metavar="SHIPMENT", help="the shipment's id, for example ord_1-1")
        if reason:
            add_reason(parser)
        add_json(parser)
        return parser

    verb("show", _show, "show one shipment in full", reason=False)
    verb("hold", acts.hold, "stop one shipment until somebody releases it")
    verb("release", acts.release, "undo a hold of a person's; a refused void is asked for once more")
    ship = verb(
        "ship", acts.ship, "ship it although Packhouse has doubts that a person may set aside", "--yes"
    )
    add_yes(ship)
    retry = verb(
        "retry", acts.retry, "look at it again now, or buy anew where nobody could tell of a purchase"
    )
    retry.add_argument("--not-bought", action="store_true", help="you looked: the carrier sold no label")
    void = verb("void", acts.void, "take back a label that the store does not know yet", "--yes")
    void.add_argument("--again", action="store_true", help="buy a new one then (else the order is held)")
    add_yes(void)
    adopt = verbs.add(
        "adopt",
        bound(adoption.adopt, terminal, environ),
        help=adoption.HELP,
        examples=[adoption.example("shipments")],
    )
    adoption.declare(adopt)
    sent = verb(
        "mark-shipped",
        acts.mark_shipped,
        "say that you sent it off yourself: the number is posted, no label is bought",
        "--carrier UPS --tracking 1Z999AA10123456784 --yes",
    )
    sent.add_argument("--carrier", metavar="NAME", required=True, help="who carries it, for example UPS")
    sent.add_argument("--tracking", metavar="NUMBER", required=True, help="the parcel's tracking number")
    add_yes(sent)
    arguments = verbs.parse(argv)
    return int(arguments.run(arguments))


def _list(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    state = {"state": arguments.state} if arguments.state else {}
    with asking(environ) as daemon:
        shipments = daemon.shipments(limit=min(arguments.limit, 500), **state)
    if arguments.json:
        terminal.json(shipments)
    elif not shipments:
        terminal.note("No shipments match.")
    else:
        from packhouse_cli.story import cost_of

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


def _show(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    with asking(environ) as daemon:
        shipment = daemon.shipment(arguments.shipment)
        order = daemon.order(str(shipment.get("order_id", "")))
    if arguments.json:
        terminal.json(shipment)
        return int(Exit.OK)
    from packhouse_cli.story import advice_of, cost_of

    label = shipment.get("label") or {}
    units = ", ".join(f"{row['quantity']} of {row['line_id']}" for row in shipment.get("units", ()))
    holds = [
        hold
        for hold in order.get("holds", ())
        if hold.get("released_at") is None and hold.get("shipment_id") in ("", shipment.get("id"))
    ]
    terminal.fields(
        [
            ("shipment", shipment.get("id")),
            ("order", shipment.get("order_id")),
            ("state", shipment.get("state")),
            ("units", units),
            ("label", " ".join((str(label.get("carrier", "")), str(label.get("service", "")))).strip()),
            ("tracking", label.get("tracking_number")),
            ("cost", cost_of(shipment)),
            ("bought", day_and_time(label.get("bought_at"))),
            ("label file", label.get("document_format") if label.get("document") else ""),
            *((f"hold {hold.get('id')}", advice_of(hold)) for hold in holds),
        ]
    )
    return int(Exit.OK)


def _units(shipment: Mapping[str, Any]) -> int:
    return sum(int(row.get("quantity") or 0) for row in shipment.get("units", ()))
