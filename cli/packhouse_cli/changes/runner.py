"""The way of every line that changes an order: read, check, ask, take it from the machine, send, find out."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from packhouse_cli.terminal.output import Terminal, safe

if TYPE_CHECKING:
    from packhouse.model.order import Order
    from packhouse.store.requests import StoreRequest
    from packhouse_cli.changes.change import Act, Done
    from packhouse_cli.clients.store import RetryingStore
    from packhouse_cli.clients.takeover import Takeover
    from packhouse_cli.invocation import Invocation


def carried_out(
    arguments: argparse.Namespace,
    invocation: Invocation,
    prepare: Callable[[RetryingStore, Order], Act],
    *,
    in_hand: bool,
    check: Callable[[Takeover, Act], None] | None = None,
    follow: Callable[[RetryingStore, Done, Takeover | None], Done] | None = None,
) -> Done | None:
    """Do what `prepare` makes of the order; None after a dry run, which has been shown.

    `in_hand`: where a daemon is set up, the order is taken from it first, and `check` may refuse over what it
    knows. `follow` goes on with what was accepted. Raises what checking, asking, taking and sending raise.
    """
    from packhouse_cli.changes.change import carry_out
    from packhouse_cli.terminal.prompt import confirm

    terminal = invocation.terminal
    with invocation.store(retries=not arguments.no_wait) as store:
        act = prepare(store, store.order(arguments.order))
        if arguments.dry_run:
            show_dry_run(act.request, terminal, as_json=arguments.json, already=act.already)
            return None
        if act.for_good and not act.already:
            question = f"{act.told[:1].upper()}{act.told[1:]}? {act.for_good}"
            confirm(question, terminal, yes=arguments.yes, as_documented=True)
        if act.already or not in_hand:
            done = carry_out(store, act)
            if in_hand:
                invocation.release_finished(
                    act.order.id, act.doing or act.told, without_daemon=arguments.without_daemon
                )
            return follow(store, done, None) if follow else done
        with invocation.take_over(
            act.order.id, act.doing or act.told, without_daemon=arguments.without_daemon
        ) as hand:
            if hand.coordinated:  # the machine may just have done something to it
                act = prepare(store, store.order(act.order.id))
            if not act.already:
                if check is not None:
                    check(hand, act)
                hand.mark_sent()
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
