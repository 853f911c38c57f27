"""`packhouse orders refund`: money back to the buyer. The store accepts it first and moves it later."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from packhouse_cli.arguments.parsing import CommandParser, add_json, an_id, minor_units, seconds
from packhouse_cli.changes.runner import add_change_arguments, run_change
from packhouse_cli.clients.takeover import ALONE
from packhouse_cli.commands import bulk
from packhouse_cli.exit_codes import CommandError, Exit, UsageError
from packhouse_cli.terminal.output import Terminal, safe

if TYPE_CHECKING:
    from packhouse.model.order import Order
    from packhouse_cli.changes.change import Change, ChangeResult
    from packhouse_cli.clients.store import PatientStore
    from packhouse_cli.clients.takeover import InHand

EXAMPLES = (
    'packhouse orders refund ord_1 --reason "Buyer request"',
    'packhouse orders refund ord_1 --amount 1500 --reason "Damaged in transit" --wait',
    *bulk.EXAMPLES["refund"],
)
_LOOK_S = 0.25
_LONGEST_LOOK_S = 5.0


def declare(parser: CommandParser) -> None:
    """The arguments of `refund`."""
    parser.add_argument("order", metavar="ORDER", nargs="?", type=an_id, help="the order's id")
    parser.add_argument(
        "--amount",
        metavar="MINOR",
        type=minor_units,
        help="in minor units, 1500 for $15.00 (default: all that is left)",
    )
    parser.add_argument("--reason", metavar="WHY", default="", help="kept by the store")
    parser.add_argument("--wait", action="store_true", help="follow it until the store shows it")
    parser.add_argument(
        "--wait-s", metavar="S", type=seconds, default=120.0, help="how long --wait follows (default 120)"
    )
    add_change_arguments(
        parser,
        key_of="order, amount and reason",
        again="although the order has a refund of this amount and reason already",
        confirms=True,
        dry_run=False,
    )
    parser.add_argument(
        ALONE, dest="alone", action="store_true", help="although a daemon serves this store, do not ask it"
    )
    add_json(parser)
    bulk.declare(parser)


def run(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Refund one order, or plan the refunds of many."""
    reason = arguments.reason.strip()
    if bulk.wanted(arguments):
        if arguments.wait:
            raise UsageError("--wait is for one order; `packhouse apply` says how each act ended.")
        given = {"amount": str(arguments.amount or ""), "reason": reason}
        return bulk.run("refund", arguments, given, terminal, environ)
    from packhouse_cli.changes import refund

    def prepare(_: PatientStore, order: Order) -> Change:
        return refund.refund_change(
            order, arguments.amount, reason, key=arguments.idempotency_key or "", again=arguments.again
        )

    confirmed = False

    def follow(store: PatientStore, done: ChangeResult, hand: InHand | None) -> ChangeResult:
        nonlocal confirmed
        confirmed = refund.is_confirmed(done, arguments.amount, reason)
        if arguments.wait and not confirmed:
            if hand is not None:
                hand.stays("The refund is not confirmed yet.")
            done = _followed(store, done, arguments, reason, terminal)
            confirmed = True
            if hand is not None:
                hand.stays("")
        if hand is not None and hand.coordinated and not confirmed:
            hand.stays("The refund is requested and not confirmed yet.")
        return done

    done = run_change(arguments, terminal, environ, prepare, takes_over=True, follow=follow)
    if done is not None:
        _tell(done, arguments, reason, terminal, confirmed=confirmed)
    return int(Exit.OK)


def _followed(
    store: PatientStore, done: ChangeResult, arguments: argparse.Namespace, reason: str, terminal: Terminal
) -> ChangeResult:
    """Read the order until it shows the refund. Raises CommandError when that takes too long."""
    from packhouse.errors import StoreError
    from packhouse_cli.changes.change import ChangeResult
    from packhouse_cli.changes.refund import is_settled

    until, pause_s = time.monotonic() + arguments.wait_s, _LOOK_S
    before = done.change.order
    while True:
        try:
            order = store.order(before.id)
        except StoreError as error:
            if not error.transient:
                raise
        else:
            if is_settled(done, order, arguments.amount, reason):
                return ChangeResult(done.change, order, done.answer, done.already_recorded)
        if time.monotonic() + pause_s > until:
            raise CommandError(
                f"The refund of order {safe(before.id)} is requested, and not confirmed after "
                f"{arguments.wait_s:g} s. Look again with: packhouse orders get {safe(before.id)}",
                Exit.NOT_CONFIRMED,
                "not_confirmed",
            )
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _LONGEST_LOOK_S)


def _tell(
    done: ChangeResult, arguments: argparse.Namespace, reason: str, terminal: Terminal, *, confirmed: bool
) -> None:
    import json

    from packhouse_cli.changes.refund import money

    order = done.change.order
    sent = json.loads(done.change.request.body or b"{}").get("amount")
    amount = arguments.amount if arguments.amount is not None else sent
    if arguments.json:
        terminal.json(
            {
                "order_id": order.id,
                "amount": amount,
                "currency": order.currency,
                "reason": reason,
                "status": "confirmed" if confirmed else "requested",
                "idempotency_key": done.change.key,
                "already_recorded": done.already_recorded,
            }
        )
    elif done.already_recorded and done.change.already_recorded:
        what = money(order, amount) if amount else "everything"
        terminal.line(
            f"Nothing was sent: order {safe(order.id)} has this refund already ({what}). "
            "--again asks for another one."
        )
    elif confirmed:
        terminal.line(f"Order {safe(order.id)}: refund of {money(order, amount)} confirmed.")
    else:
        terminal.line(
            f"Order {safe(order.id)}: refund of {money(order, amount)} requested; the store moves the money "
            "later. --wait follows it."
        )
