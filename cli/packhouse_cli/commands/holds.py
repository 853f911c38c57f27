"""`packhouse holds`: list, place and release holds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse.model.printable import shell_word
from packhouse_cli.arguments.command import Command, Group
from packhouse_cli.arguments.options import JSON, LIMIT, REASON, Option, count
from packhouse_cli.exit_codes import Exit
from packhouse_cli.terminal.formats import day_and_time

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _list(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal = invocation.terminal
    with invocation.daemon() as daemon:
        active = {} if arguments.all else {"active": "true"}
        holds = daemon.holds(limit=min(arguments.limit, 500), **active)
    if arguments.json:
        terminal.json(holds)
    elif not holds:
        terminal.note("No holds." if arguments.all else "No active holds.")
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


def _place(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal = invocation.terminal
    with invocation.daemon() as daemon:
        hold = daemon.operate_on_order(arguments.order, "holds", reason=arguments.reason)
    if arguments.json:
        terminal.json(hold)
    else:
        number = hold.get("id")
        terminal.line(
            f"Order {arguments.order} is held (hold {number}). "
            f"To release it: packhouse holds release {shell_word(number)} --reason WHY"
        )
    return int(Exit.OK)


def _release(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal = invocation.terminal
    with invocation.daemon() as daemon:
        hold = daemon.release(arguments.hold, reason=arguments.reason)
    if arguments.json:
        terminal.json(hold)
    else:
        order = hold.get("order_id")
        terminal.line(
            f"Hold {arguments.hold} on order {order} is released. "
            f"packhouse why {shell_word(order)} shows what happens next."
        )
    return int(Exit.OK)


COMMAND = Group(
    "list, place and release holds",
    {
        "list": Command(
            "list the active holds, newest first",
            _list,
            (
                Option("--all", action="store_true", help="include released holds"),
                LIMIT,
                JSON.but(help="print a JSON array"),
            ),
            examples=("packhouse holds list", "packhouse holds list --json | jq -r '.[].order_id'"),
        ),
        "place": Command(
            "hold an order until the hold is released",
            _place,
            (Option("order", metavar="ORDER", help="the order's id, for example ord_1"), REASON, JSON),
            examples=('packhouse holds place ord_1 --reason "wait for Monday"',),
        ),
        "release": Command(
            "release one hold; the order continues when no other hold is active",
            _release,
            (Option("hold", metavar="HOLD", type=count, help="the hold's number"), REASON, JSON),
            examples=('packhouse holds release 7 --reason "asked the buyer"',),
        ),
    },
    examples=("packhouse holds list", 'packhouse holds release 7 --reason "asked the buyer"'),
)
