"""`packhouse orders fulfill`: post to the store which units were shipped with which tracking number."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import (
    CARRIER,
    ITEM,
    JSON,
    ORDER,
    TRACKING,
    WITHOUT_DAEMON,
    change_options,
)
from packhouse_cli.changes.runner import run_change
from packhouse_cli.commands.orders import selection
from packhouse_cli.exit_codes import Exit, UsageError

if TYPE_CHECKING:
    from packhouse.model.order import Order, Units
    from packhouse_cli.changes.change import Change, ChangeResult
    from packhouse_cli.clients.store import RetryingStore
    from packhouse_cli.clients.takeover import Takeover
    from packhouse_cli.invocation import Invocation
    from packhouse_cli.terminal.output import Terminal


def _plan_many(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Make a plan of what fulfilling many orders would do."""
    if arguments.item:
        raise UsageError(
            "--item is for one order; in a file, rows name units in the column `items`, such as li_1:2."
        )
    given = {"carrier": arguments.carrier.strip(), "tracking": arguments.tracking.strip()}
    return selection.make_plan("fulfill", arguments, given, invocation)


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Work out the units, take the order over from the daemon, post them, and print the result."""
    if selection.is_many(arguments):
        return _plan_many(arguments, invocation)
    from packhouse_cli.arguments.tracking import tracking_number
    from packhouse_cli.changes import line_items
    from packhouse_cli.changes.digital_lines import mark_digital_lines
    from packhouse_cli.changes.fulfill import fulfill_change

    terminal = invocation.terminal
    carrier = arguments.carrier.strip()
    if not carrier or not arguments.tracking.strip():
        raise UsageError("--carrier and --tracking are required and must not be empty.")
    tracking = tracking_number(arguments.tracking)
    named = [line_items.parse_item(text) for text in arguments.item]
    left_out: dict[str, str] = {}

    def prepare(store: RetryingStore, order: Order) -> Change:
        order = mark_digital_lines(store, order, terminal.note)
        if not named:
            left_out.update((line.id, line.name) for line in line_items.digital_lines(order))
        return fulfill_change(order, carrier, tracking, named, key=arguments.idempotency_key or "")

    def check(takeover: Takeover, change: Change) -> None:
        takeover.refuse_other_labels(_units(change), tracking)

    done = run_change(arguments, invocation, prepare, takes_over=True, check=check)
    if done is None or not done.already_recorded:
        for line_id, name in left_out.items():
            terminal.note(f"Line {line_id} ({name}) is digital and is skipped.")
    if done is not None:
        _print(done, carrier, tracking, terminal, as_json=arguments.json)
    return int(Exit.OK)


def _print(done: ChangeResult, carrier: str, tracking: str, terminal: Terminal, *, as_json: bool) -> None:
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
        terminal.line(f"The store already has tracking number {tracking} on order {order_id}.")
    else:
        what = ", ".join(f"{part.quantity} of {part.line_id}" for part in units)
        terminal.line(f"Order {order_id}: {what} fulfilled with {carrier} {tracking}.")


def _units(change: Change) -> list[Units]:
    """The units that the change names."""
    import json

    from packhouse.model.order import Units

    items = json.loads(change.request.body or b"{}").get("items", [])
    return [Units(item["line_item_id"], item["quantity"]) for item in items]


COMMAND = Command(
    "post a tracking number for units that were shipped; this cannot be undone",
    _run,
    (
        ORDER.but(nargs="?"),
        CARRIER.but(required=False, default="", metavar=None, help="the carrier, for example USPS"),
        TRACKING.but(required=False, default=""),
        ITEM.but(
            required=False,
            default=[],
            help="only these units; repeatable (default: all units that are not shipped)",
        ),
        *change_options(key_from="order, carrier, number and units", confirms=True, dry_run=False),
        WITHOUT_DAEMON,
        JSON,
        selection.OPTIONS,
    ),
    examples=(
        "packhouse orders fulfill ord_1 --carrier USPS --tracking 9400100000000000000000",
        "packhouse orders fulfill ord_1 --carrier UPS --tracking 1Z999 --item li_1:2 --item li_3:1",
        "packhouse orders fulfill --from labels.csv --carrier USPS",
        "packhouse orders fulfill --status pending --carrier Courier --tracking 'VAN-{order}' --dry-run",
    ),
)
