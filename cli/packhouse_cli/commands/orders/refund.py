"""`packhouse orders refund`: money back to the buyer. The store accepts a refund first and pays it later."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from packhouse.model.printable import shell_word
from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import (
    JSON,
    ORDER,
    STORE_REASON,
    WITHOUT_DAEMON,
    Option,
    amount,
    change_options,
    seconds,
)
from packhouse_cli.changes.runner import run_change
from packhouse_cli.commands.orders import selection
from packhouse_cli.exit_codes import CommandError, Exit, UsageError

if TYPE_CHECKING:
    from packhouse.model.order import Order
    from packhouse_cli.arguments.given_amount import GivenAmount
    from packhouse_cli.changes.change import Change, ChangeResult
    from packhouse_cli.clients.store import RetryingStore
    from packhouse_cli.clients.takeover import Takeover
    from packhouse_cli.invocation import Invocation
    from packhouse_cli.terminal.output import Terminal

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Refund one order, or plan the refunds of many."""
    reason = arguments.reason.strip()
    if selection.is_many(arguments):
        if arguments.wait:
            raise UsageError("--wait is for one order; `packhouse apply` prints the result of every change.")
        given = {"amount": str(arguments.amount or ""), "reason": reason}
        return selection.make_plan("refund", arguments, given, invocation)
    from packhouse_cli.changes import refund

    terminal = invocation.terminal
    minor: int | None = None

    def prepare(_: RetryingStore, order: Order) -> Change:
        nonlocal minor
        if arguments.amount is not None:
            if minor is None:
                _warn_of_less_than_one(arguments.amount, order, terminal)
            minor = arguments.amount.minor(order.currency)
        return refund.refund_change(
            order, minor, reason, key=arguments.idempotency_key or "", again=arguments.again
        )

    confirmed = False

    def follow(store: RetryingStore, done: ChangeResult, takeover: Takeover | None) -> ChangeResult:
        nonlocal confirmed
        confirmed = refund.is_confirmed(done, minor, reason)
        if arguments.wait and not confirmed:
            if takeover is not None:
                takeover.keep("The refund is not confirmed yet.")
            done = _wait_for(store, done, minor, reason, arguments.wait_s)
            confirmed = True
            if takeover is not None:
                takeover.keep("")
        if takeover is not None and takeover.coordinated and not confirmed:
            takeover.keep("The refund is requested, and not confirmed yet.")
        return done

    done = run_change(arguments, invocation, prepare, takes_over=True, follow=follow)
    if done is not None:
        _print(done, minor, reason, terminal, confirmed=confirmed, as_json=arguments.json)
    return int(Exit.OK)


def _warn_of_less_than_one(amount: GivenAmount, order: Order, terminal: Terminal) -> None:
    """Without a terminal, the sum is not confirmed: print it if the number may have been meant as units."""
    import sys

    from packhouse_cli.arguments.given_amount import is_suspicious
    from packhouse_cli.changes.refund import money

    if is_suspicious(amount, order.currency) and not (sys.stdin.isatty() and terminal.stderr.isatty()):
        terminal.note(
            f"Warning: --amount {amount} is {money(order, amount.minor(order.currency))}. Whole numbers are "
            f"minor units; {amount}.00 would be {amount}.00 {order.currency}."
        )


def _wait_for(
    store: RetryingStore, done: ChangeResult, amount: int | None, reason: str, wait_s: float
) -> ChangeResult:
    """Read the order until it shows the refund. Raises CommandError when that takes too long."""
    from packhouse.errors import StoreError
    from packhouse_cli.changes.change import ChangeResult
    from packhouse_cli.changes.refund import is_settled

    until, pause_s = time.monotonic() + wait_s, _FIRST_PAUSE_S
    before = done.change.order
    while True:
        try:
            order = store.order(before.id)
        except StoreError as error:
            if not error.transient:
                raise
        else:
            if is_settled(done, order, amount, reason):
                return ChangeResult(done.change, order, done.answer, done.already_recorded)
        if time.monotonic() + pause_s > until:
            raise CommandError(
                f"The refund of order {before.id} is requested, but not confirmed after "
                f"{wait_s:g} s. Check it later: packhouse orders get {shell_word(before.id)}",
                Exit.NOT_CONFIRMED,
                "not_confirmed",
            )
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)


def _print(
    done: ChangeResult,
    minor: int | None,
    reason: str,
    terminal: Terminal,
    *,
    confirmed: bool,
    as_json: bool,
) -> None:
    import json

    from packhouse_cli.changes.refund import money

    order = done.change.order
    sent = json.loads(done.change.request.body or b"{}").get("amount")
    amount = minor if minor is not None else sent
    if as_json:
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
            f"Nothing was sent: order {order.id} has this refund already ({what}). "
            "--again requests another one."
        )
    elif confirmed:
        terminal.line(f"Order {order.id}: refund of {money(order, amount)} confirmed.")
    else:
        terminal.line(
            f"Order {order.id}: refund of {money(order, amount)} requested. The store sends the money "
            "later; --wait waits until it is confirmed."
        )


COMMAND = Command(
    "send money back to the buyer; this cannot be undone",
    _run,
    (
        ORDER.but(nargs="?"),
        Option(
            "--amount",
            metavar="AMOUNT",
            type=amount,
            help="the amount: 1500 (minor units), 15.00 or 15.00USD (default: all that is not refunded yet)",
        ),
        STORE_REASON,
        Option("--wait", action="store_true", help="wait until the store confirms the refund"),
        Option(
            "--wait-s",
            metavar="S",
            type=seconds,
            default=120.0,
            help="with --wait, wait at most S seconds (default 120)",
        ),
        *change_options(
            key_from="order, amount and reason",
            again="refund again, even if the order has a refund of this amount and reason",
            confirms=True,
            dry_run=False,
        ),
        WITHOUT_DAEMON,
        JSON,
        selection.OPTIONS,
    ),
    examples=(
        'packhouse orders refund ord_1 --reason "Buyer request"',
        'packhouse orders refund ord_1 --amount 1500 --reason "Damaged in transit" --wait',
        "packhouse orders refund --from refunds.csv --plan-out recall.plan.jsonl",
        "packhouse orders refund --status cancelled --created-after 2026-11-01 --reason 'Order cancelled'",
    ),
)
