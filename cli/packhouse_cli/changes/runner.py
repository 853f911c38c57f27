"""The way of every line that changes an order: read, check, ask, take it from the machine, send, find out."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from packhouse_cli.arguments.parsing import CommandParser, a_key
from packhouse_cli.terminal.output import Terminal, safe
from packhouse_cli.user.settings import CliSettings

if TYPE_CHECKING:
    from packhouse.model.order import Order
    from packhouse.store.requests import StoreRequest
    from packhouse_cli.changes.change import Act, Done
    from packhouse_cli.clients.store import PatientStore
    from packhouse_cli.clients.takeover import InHand


def declare_change(
    parser: CommandParser, *, key_of: str, again: str = "", asks: bool = False, dry_run: bool = True
) -> None:
    """The arguments of a line that changes something.

    `key_of` says what the key is derived from, `again` what `--again` does where there is such a thing;
    `asks` for what is asked about on a terminal.
    """
    add = parser.add_argument
    add("--idempotency-key", metavar="KEY", type=a_key, help=f"default: derived from {key_of}")
    if again:
        add("--again", action="store_true", help=again)
    if asks:
        add("--yes", action="store_true", help="do not ask on a terminal")
    if dry_run:
        add("--dry-run", action="store_true", help="say what would be sent, and change nothing")
    declare_waiting(parser)


def declare_waiting(parser: CommandParser) -> None:
    """The `--no-wait` option."""
    parser.add_argument(
        "--no-wait",
        action="store_true",
        help="end with 7 at once when the store says 429, instead of waiting",
    )


def carried_out(
    arguments: argparse.Namespace,
    terminal: Terminal,
    environ: Mapping[str, str],
    prepare: Callable[[PatientStore, Order], Act],
    *,
    in_hand: bool,
    check: Callable[[InHand, Act], None] | None = None,
    follow: Callable[[PatientStore, Done, InHand | None], Done] | None = None,
) -> Done | None:
    """Do what `prepare` makes of the order; None after a dry run, which has been shown.

    `in_hand`: where a daemon is set up, the order is taken from it first, and `check` may refuse over what it
    knows. `follow` goes on with what was accepted. Raises what checking, asking, taking and sending raise.
    """
    from packhouse_cli.changes.change import carry_out
    from packhouse_cli.clients.store import open_store
    from packhouse_cli.terminal.prompt import agree

    with open_store(CliSettings(environ), terminal, waits=not arguments.no_wait) as store:
        act = prepare(store, store.order(arguments.order))
        if arguments.dry_run:
            show_dry_run(act.request, terminal, as_json=arguments.json, already=act.already)
            return None
        if act.for_good and not act.already:
            question = f"{act.told[:1].upper()}{act.told[1:]}? {act.for_good}"
            agree(question, terminal, yes=arguments.yes, as_written=True)
        if act.already or not in_hand:
            done = carry_out(store, act)
            if in_hand:
                from packhouse_cli.clients.takeover import give_back_what_is_done

                give_back_what_is_done(act.order.id, act.doing or act.told, environ, alone=arguments.alone)
            return follow(store, done, None) if follow else done
        from packhouse_cli.clients.takeover import in_hand as taken

        with taken(act.order.id, act.doing or act.told, environ, terminal, alone=arguments.alone) as hand:
            if hand.coordinated:  # the machine may just have done something to it
                act = prepare(store, store.order(act.order.id))
            if not act.already:
                if check is not None:
                    check(hand, act)
                hand.sending()
            done = carry_out(store, act)
            return follow(store, done, hand) if follow else done


def show_dry_run(request: StoreRequest, terminal: Terminal, *, as_json: bool, already: bool) -> None:
    """What would be sent: method, path, key and body, or that nothing would."""
    said = dry_run_json(request, already=already)
    if as_json:
        terminal.json(said)
        return
    if already:
        terminal.line(f"Nothing would be sent to {safe(request.doing)}: the store has it already.")
        return
    terminal.line(f"Would send {safe(said['method'])} {safe(said['path'])}")
    terminal.line(f"  Idempotency-Key: {safe(said['idempotency_key'])}")
    if said["body"] is not None:
        from packhouse_cli.terminal.output import json_text

        terminal.line(f"  {json_text(said['body'])}")


def dry_run_json(request: StoreRequest, *, already: bool) -> dict[str, Any]:
    """The object that `--dry-run --json` prints."""
    import json

    return {
        "dry_run": True,
        "method": request.method,
        "path": request.path,
        "idempotency_key": dict(request.headers).get("Idempotency-Key"),
        "body": None if request.body is None else json.loads(request.body),
        "already_recorded": already,
    }
