"""`packhouse orders fulfill`: a person tells the store which units left with which tracking number."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from packhouse_cli.commands import bulk
from packhouse_cli.exits import Exit, UsageError
from packhouse_cli.in_hand import ALONE, in_hand
from packhouse_cli.output import Terminal, safe
from packhouse_cli.parsing import CommandParser, add_json

if TYPE_CHECKING:
    from packhouse.model.order import Units
    from packhouse.store.blocking import BlockingStore

EXAMPLES = (
    "packhouse orders fulfill ord_1 --carrier USPS --tracking 9400100000000000000000",
    "packhouse orders fulfill ord_1 --carrier UPS --tracking 1Z999 --item li_1:2 --item li_3:1",
    *bulk.EXAMPLES["fulfill"],
)


def declare(parser: CommandParser) -> None:
    """The arguments of `fulfill`."""
    parser.add_argument("order", metavar="ORDER", nargs="?", default="", help="the order's id")
    parser.add_argument("--carrier", default="", help="the transport company, for example USPS")
    parser.add_argument("--tracking", metavar="NUMBER", default="", help="the parcel's tracking number")
    parser.add_argument(
        "--item",
        metavar="LINE:QTY",
        action="append",
        default=[],
        help="these units only; repeatable (default: all unshipped)",
    )
    parser.add_argument(
        "--idempotency-key",
        metavar="KEY",
        default="",
        help="default: derived from order, carrier, number and units",
    )
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


def run(
    arguments: argparse.Namespace, store: BlockingStore, terminal: Terminal, environ: Mapping[str, str]
) -> int:
    """Work out the units, take the order from the machine, post them, and say what the store now has."""
    from packhouse_cli import fulfilling

    carrier, tracking = arguments.carrier.strip(), arguments.tracking.strip()
    if not carrier or not tracking:
        raise UsageError("--carrier and --tracking are needed and must not be empty.")
    named = [fulfilling.read_item(text) for text in arguments.item]
    order = store.order(arguments.order)
    units = fulfilling.named_units(order, named)
    doing = f"fulfill {', '.join(arguments.item) or 'all that is left'} with {carrier} {tracking}"
    with in_hand(order.id, doing, environ, terminal, alone=arguments.alone) as hand:
        if hand.coordinated:
            order = store.order(order.id)
        key = arguments.idempotency_key
        already = fulfilling.is_recorded(order, tracking, units)
        if already:
            units = units or fulfilling.recorded_units(order, tracking)
        else:
            if not units:
                units = fulfilling.unshipped_units(order)
                for line in fulfilling.digital_lines(order):
                    terminal.note(f"Line {safe(line.id)} ({safe(line.name)}) is digital and is left out.")
            hand.refuse_other_labels(units, tracking)
            key = key or fulfilling.key_for(order.id, carrier, tracking, units)
            hand.sending()
            already = _send(store, order.id, units, carrier, tracking, key, terminal)
    if arguments.json:
        terminal.json(
            {
                "order_id": order.id,
                "carrier": carrier,
                "tracking_number": tracking,
                "items": [{"line_item_id": part.line_id, "quantity": part.quantity} for part in units],
                "idempotency_key": key or None,
                "already_recorded": already,
            }
        )
    elif already:
        terminal.line(f"The store already has tracking number {safe(tracking)} on order {safe(order.id)}.")
    else:
        what = ", ".join(f"{part.quantity} of {safe(part.line_id)}" for part in units)
        terminal.line(f"Order {safe(order.id)}: {what} fulfilled with {safe(carrier)} {safe(tracking)}.")
    return int(Exit.OK)


def _send(
    store: BlockingStore,
    order_id: str,
    units: tuple[Units, ...],
    carrier: str,
    tracking: str,
    key: str,
    terminal: Terminal,
) -> bool:
    """Post the fulfillment. True if it turns out that the store had recorded it all the same."""
    from packhouse.errors import Conflict, Refused, StoreError, StoreUnanswered, StoreUnavailable
    from packhouse.store.protocol import fulfill_body
    from packhouse_cli.fulfilling import is_recorded

    try:
        store.fulfill(order_id, fulfill_body(units, carrier, tracking), key)
    except (Conflict, Refused, StoreUnanswered, StoreUnavailable) as error:
        # None of these says what happened: the store's record does.
        try:
            if is_recorded(store.order(order_id), tracking, units):
                return True
        except StoreError:
            terminal.note("The store could not be asked what it has recorded.")
        if not isinstance(error, (Conflict, Refused)):
            terminal.note(
                "Whether it is recorded is not known; run the same command again, it sends the same key."
            )
        raise
    return False
