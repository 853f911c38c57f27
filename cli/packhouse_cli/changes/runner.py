"""What every command that changes an order does: read, check, confirm, take the order over, send, verify."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from packhouse_cli.terminal.output import Terminal

if TYPE_CHECKING:
    from packhouse.model.order import Order
    from packhouse.store.requests import StoreRequest
    from packhouse_cli.changes.change import Change, ChangeResult
    from packhouse_cli.clients.store import RetryingStore
    from packhouse_cli.clients.takeover import Takeover
    from packhouse_cli.invocation import Invocation


def run_change(
    arguments: argparse.Namespace,
    invocation: Invocation,
    prepare: Callable[[RetryingStore, Order], Change],
    *,
    takes_over: bool,
    check: Callable[[Takeover, Change], None] | None = None,
    follow: Callable[[RetryingStore, ChangeResult, Takeover | None], ChangeResult] | None = None,
) -> ChangeResult | None:
    """Send the change that `prepare` makes from the order; None after a dry run, which prints the request.

    `takes_over`: if a daemon is configured, the command takes the order over first, and `check` may refuse
    because of what the daemon knows. `follow` continues with the accepted change. Raises what checking,
    confirming, taking over and sending raise.
    """
    from packhouse_cli.changes.change import send_change
    from packhouse_cli.terminal.prompt import confirm

    terminal = invocation.terminal
    with invocation.store(retries=not arguments.no_wait) as store:
        change = prepare(store, store.order(arguments.order))
        if arguments.dry_run:
            show_dry_run(
                change.request, terminal, as_json=arguments.json, already_recorded=change.already_recorded
            )
            return None
        if change.irreversible_note and not change.already_recorded:
            question = f"{change.summary[:1].upper()}{change.summary[1:]}? {change.irreversible_note}"
            confirm(question, terminal, yes=arguments.yes, as_documented=True)
        if change.already_recorded or not takes_over:
            done = send_change(store, change)
            if takes_over:
                invocation.release_finished(
                    change.order.id, change.label or change.summary, without_daemon=arguments.without_daemon
                )
            return follow(store, done, None) if follow else done
        with invocation.take_over(
            change.order.id, change.label or change.summary, without_daemon=arguments.without_daemon
        ) as takeover:
            if takeover.coordinated:  # the daemon may have changed the order meanwhile
                change = prepare(store, store.order(change.order.id))
            if not change.already_recorded:
                if check is not None:
                    check(takeover, change)
                takeover.mark_sent()
            done = send_change(store, change)
            return follow(store, done, takeover) if follow else done


def show_dry_run(request: StoreRequest, terminal: Terminal, *, as_json: bool, already_recorded: bool) -> None:
    """Print the request: method, path, key and body; or that nothing would be sent."""
    shown = dry_run_json(request, already_recorded=already_recorded)
    if as_json:
        terminal.json(shown)
        return
    if already_recorded:
        terminal.line(f"Nothing would be sent: the store already has this change ({request.action}).")
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
