"""`packhouse holds`: why things do not go on, and a person's word that they may."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from packhouse_cli.arguments.parsing import CommandParser, add_json, count
from packhouse_cli.exit_codes import Exit
from packhouse_cli.invocation import add_reason, asking, bound
from packhouse_cli.terminal.formats import day_and_time
from packhouse_cli.terminal.output import Terminal, safe


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Run one verb of `holds`."""
    noun = CommandParser(
        prog="packhouse holds",
        description="Why things do not go on, and a person's word that they may.",
        examples=["packhouse holds list", 'packhouse holds release 7 --reason "asked the buyer"'],
    )
    verbs = noun.verbs()
    listing = verbs.add(
        "list",
        bound(_list, terminal, environ),
        help="list the holds that stand, newest first",
        examples=["packhouse holds list", "packhouse holds list --json | jq -r '.[].order_id'"],
    )
    listing.add_argument("--all", action="store_true", help="released ones as well")
    listing.add_argument("--limit", metavar="N", type=count, default=50, help="at most so many (default 50)")
    add_json(listing, "print a JSON array")
    placing = verbs.add(
        "place",
        bound(_place, terminal, environ),
        help="stop an order until somebody releases the hold",
        examples=['packhouse holds place ord_1 --reason "wait for Monday"'],
    )
    placing.add_argument("order", metavar="ORDER", help="the order's id")
    add_reason(placing)
    add_json(placing)
    releasing = verbs.add(
        "release",
        bound(_release, terminal, environ),
        help="release one hold; the order goes on when no other stands",
        examples=['packhouse holds release 7 --reason "asked the buyer"'],
    )
    releasing.add_argument("hold", metavar="HOLD", type=count, help="the hold's number")
    add_reason(releasing)
    add_json(releasing)
    arguments = verbs.parse(argv)
    return int(arguments.run(arguments))


def _list(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    with asking(environ) as daemon:
        standing = {} if arguments.all else {"standing": "true"}
        holds = daemon.holds(limit=min(arguments.limit, 500), **standing)
    if arguments.json:
        terminal.json(holds)
    elif not holds:
        terminal.note("No hold stands." if not arguments.all else "There are no holds.")
    else:
        terminal.table(
            ("HOLD", "SINCE", "ORDER", "SHIPMENT", "CODE", "BY", "WHY"),
            [
                (
                    hold.get("id"),
                    day_and_time(hold.get("placed_at")),
                    hold.get("order_id"),
                    hold.get("shipment_id") or "all",
                    hold.get("code"),
                    hold.get("placed_by"),
                    hold.get("sentence"),
                )
                for hold in holds
            ],
        )
    return int(Exit.OK)


def _place(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    with asking(environ) as daemon:
        hold = daemon.act_on_order(arguments.order, "holds", reason=arguments.reason)
    if arguments.json:
        terminal.json(hold)
    else:
        number = safe(hold.get("id"))
        terminal.line(
            f"Order {safe(arguments.order)} is held (hold {number}). "
            f"To undo: packhouse holds release {number} --reason WHY"
        )
    return int(Exit.OK)


def _release(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    with asking(environ) as daemon:
        hold = daemon.release(arguments.hold, reason=arguments.reason)
    if arguments.json:
        terminal.json(hold)
    else:
        order = safe(hold.get("order_id"))
        terminal.line(
            f"Hold {arguments.hold} on order {order} is released. packhouse why {order} says what comes next."
        )
    return int(Exit.OK)
