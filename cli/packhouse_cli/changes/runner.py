"""What every command that changes an order does: read, check, confirm, take the order over, send, verify."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from packhouse_cli.arguments.parsing import CommandParser, a_key
from packhouse_cli.terminal.output import Terminal
from packhouse_cli.user.settings import CliSettings

if TYPE_CHECKING:
    from packhouse.model.order import Order
    from packhouse.store.requests import StoreRequest
    from packhouse_cli.changes.change import Change, ChangeResult
    from packhouse_cli.clients.store import PatientStore
    from packhouse_cli.clients.takeover import InHand


def add_change_arguments(
    parser: CommandParser, *, key_of: str, again: str = "", confirms: bool = False, dry_run: bool = True
) -> None:
    """Add the arguments of a command that sends a change.

    `key_of` says what the key is derived from. `again` is the help of `--again`, "" if the command has no
    such option. `confirms` is true for a command that asks for confirmation.
    """
    add = parser.add_argument
    add("--idempotency-key", metavar="KEY", type=a_key, help=f"default: derived from {key_of}")
    if again:
        add("--again", action="store_true", help=again)
    if confirms:
        add("--yes", action="store_true", help="skip the confirmation prompt")
    if dry_run:
        add("--dry-run", action="store_true", help="print the request without sending it")
    add_no_wait(parser)


def add_no_wait(parser: CommandParser) -> None:
    """Add the `--no-wait` option."""
    parser.add_argument(
        "--no-wait",
        action="store_true",
        help="exit with 7 at once if the store answers 429, instead of waiting",
    )


def run_change(
    arguments: argparse.Namespace,
    terminal: Terminal,
    environ: Mapping[str, str],
    prepare: Callable[[PatientStore, Order], Change],
    *,
    takes_over: bool,
    check: Callable[[InHand, Change], None] | None = None,
    follow: Callable[[PatientStore, ChangeResult, InHand | None], ChangeResult] | None = None,
) -> ChangeResult | None:
    """Send the change that `prepare` makes from the order; None after a dry run, which prints the request.

    `takes_over`: if a daemon is set up, the command takes the order over first, and `check` may refuse
    because of what the daemon knows. `follow` continues with the accepted change. Raises what checking,
    confirming, taking over and sending raise.
    """
    from packhouse_cli.changes.change import send_change
    from packhouse_cli.clients.store import open_store
    from packhouse_cli.terminal.prompt import agree

    with open_store(CliSettings(environ), terminal, waits=not arguments.no_wait) as store:
        change = prepare(store, store.order(arguments.order))
        if arguments.dry_run:
            show_dry_run(
                change.request, terminal, as_json=arguments.json, already_recorded=change.already_recorded
            )
            return None
        if change.irreversible_note and not change.already_recorded:
            question = f"{change.summary[:1].upper()}{change.summary[1:]}? {change.irreversible_note}"
            agree(question, terminal, yes=arguments.yes, as_written=True)
        if change.already_recorded or not takes_over:
            done = send_change(store, change)
            if takes_over:
                from packhouse_cli.clients.takeover import give_back_what_is_done

                give_back_what_is_done(
                    change.order.id, change.label or change.summary, environ, alone=arguments.alone
                )
            return follow(store, done, None) if follow else done
        from packhouse_cli.clients.takeover import in_hand as taken

        with taken(
            change.order.id, change.label or change.summary, environ, terminal, alone=arguments.alone
        ) as hand:
            if hand.coordinated:  # the daemon may have changed the order meanwhile
                change = prepare(store, store.order(change.order.id))
            if not change.already_recorded:
                if check is not None:
                    check(hand, change)
                hand.sending()
            done = send_change(store, change)
            return follow(store, done, hand) if follow else done


def show_dry_run(request: StoreRequest, terminal: Terminal, *, as_json: bool, already_recorded: bool) -> None:
    """Print the request: method, path, key and body; or that nothing would be sent."""
    shown = dry_run_json(request, already_recorded=already_recorded)
    if as_json:
        terminal.json(shown)
        return
    if already_recorded:
        terminal.line(f"Nothing would be sent: the store already has this change ({request.doing}).")
        return
    terminal.line(f"Would send {shown['method']} {shown['path']}")
    terminal.line(f"  Idempotency-Key: {shown['idempotency_key']}")
    if shown["body"] is not None:
        from packhouse_cli.terminal.output import json_text

        terminal.line(f"  {json_text(shown['body'])}")


def dry_run_json(request: StoreRequest, *, already_recorded: bool) -> dict[str, Any]:
    """The object that `--dry-run --json` prints."""
    import json

    return {
        "dry_run": True,
        "method": request.method,
        "path": request.path,
        "idempotency_key": dict(request.headers).get("Idempotency-Key"),
        "body": None if request.body is None else json.loads(request.body),
        "already_recorded": already_recorded,
    }
