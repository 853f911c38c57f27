"""`packhouse orders fulfill`: a person tells the store which units left with which tracking number."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from packhouse_cli.arguments.parsing import CommandParser, add_json, an_id
from packhouse_cli.changes.runner import add_change_arguments, run_change
from packhouse_cli.clients.takeover import ALONE
from packhouse_cli.commands import bulk
from packhouse_cli.exit_codes import Exit, UsageError
from packhouse_cli.terminal.output import Terminal, safe

if TYPE_CHECKING:
    from packhouse.model.order import Order, Units
    from packhouse_cli.changes.change import Change, ChangeResult
    from packhouse_cli.clients.store import PatientStore
    from packhouse_cli.clients.takeover import InHand

EXAMPLES = (
    "packhouse orders fulfill ord_1 --carrier USPS --tracking 9400100000000000000000",
    "packhouse orders fulfill ord_1 --carrier UPS --tracking 1Z999 --item li_1:2 --item li_3:1",
    *bulk.EXAMPLES["fulfill"],
)


def declare(parser: CommandParser) -> None:
    """The arguments of `fulfill`."""
    parser.add_argument("order", metavar="ORDER", nargs="?", type=an_id, help="the order's id")
    parser.add_argument("--carrier", default="", help="the transport company, for example USPS")
    parser.add_argument("--tracking", metavar="NUMBER", default="", help="the parcel's tracking number")
    parser.add_argument(
        "--item",
        metavar="LINE:QTY",
        action="append",
        default=[],
        help="these units only; repeatable (default: all unshipped)",
    )
    add_change_arguments(parser, key_of="order, carrier, number and units", confirms=True, dry_run=False)
    parser.add_argument(
        ALONE, dest="alone", action="store_true", help="although a daemon serves this store, do not ask it"
    )
    add_json(parser)
    bulk.declare(parser)


def plan_many(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Make a plan of what fulfilling many orders would do."""
    if arguments.item:
        raise UsageError("--item is for one order; rows name units in a column `items`, such as li_1:2.")
    given = {"carrier": arguments.carrier.strip(), "tracking": arguments.tracking.strip()}
    return bulk.run("fulfill", arguments, given, terminal, environ)


def run(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Work out the units, take the order from the machine, post them, and say what the store now has."""
    if bulk.wanted(arguments):
        return plan_many(arguments, terminal, environ)
    from packhouse_cli.changes import line_items
    from packhouse_cli.changes.digital_lines import mark_digital_lines
    from packhouse_cli.changes.fulfill import fulfill_change

    carrier, tracking = arguments.carrier.strip(), arguments.tracking.strip()
    if not carrier or not tracking:
        raise UsageError("--carrier and --tracking are needed and must not be empty.")
    named = [line_items.parse_item(text) for text in arguments.item]
    left_out: dict[str, str] = {}

    def prepare(store: PatientStore, order: Order) -> Change:
        order = mark_digital_lines(store, order, terminal.note)
        if not named:
            left_out.update((line.id, line.name) for line in line_items.digital_lines(order))
        return fulfill_change(order, carrier, tracking, named, key=arguments.idempotency_key or "")

    def check(hand: InHand, change: Change) -> None:
        hand.refuse_other_labels(_units(change), tracking)

    done = run_change(arguments, terminal, environ, prepare, takes_over=True, check=check)
    if done is None or not done.already_recorded:
        for line_id, name in left_out.items():
            terminal.note(f"Line {safe(line_id)} ({safe(name)}) is digital and is left out.")
    if done is not None:
        _tell(done, carrier, tracking, terminal, as_json=arguments.json)
    return int(Exit.OK)


def _tell(done: ChangeResult, carrier: str, tracking: str, terminal: Terminal, *, as_json: bool) -> None:
    order_id, units = done.change.order.id, _units(done.change)
    if as_json:
        terminal.json(
            {
                "order_id": order_id,
                "carrier": carrier,
                "tracking_number": tracking,
                "items": [{"line_item_id": part.line_id, "quantity": part.quantity} for part in units],
                "idempotency_key": done.change.key,
                "already_recorded": done.already_recorded,
            }
        )
    elif done.already_recorded:
        terminal.line(f"The store already has tracking number {safe(tracking)} on order {safe(order_id)}.")
    else:
        what = ", ".join(f"{part.quantity} of {safe(part.line_id)}" for part in units)
        terminal.line(f"Order {safe(order_id)}: {what} fulfilled with {safe(carrier)} {safe(tracking)}.")


def _units(change: Change) -> list[Units]:
    """The units that the act names."""
    import json

    from packhouse.model.order import Units

    said = json.loads(change.request.body or b"{}").get("items", [])
    return [Units(item["line_item_id"], item["quantity"]) for item in said]
