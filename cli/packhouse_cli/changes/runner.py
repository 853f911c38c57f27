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
        sent_at = _sent_before(change, invocation)
        if arguments.dry_run:
            show_dry_run(
                change.request,
                terminal,
                as_json=arguments.json,
                already_recorded=change.already_recorded or sent_at is not None,
                summary=change.summary,
            )
            return None
        if sent_at is not None:
            return _already_sent(change, sent_at, terminal)
        if change.irreversible_note and not change.already_recorded:
            question = f"{change.summary[:1].upper()}{change.summary[1:]}? {change.irreversible_note}"
            confirm(question, terminal, yes=arguments.yes, as_documented=True)
        if change.already_recorded or not takes_over:
            done = send_change(store, change)
            _remember(done, invocation)
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
            _remember(done, invocation)
            return follow(store, done, takeover) if follow else done


def _sent_before(change: Change, invocation: Invocation) -> float | None:
    """When this user sent the same change before, for a store whose orders do not show it."""
    if not change.unlisted_intent or change.already_recorded:
        return None
    from packhouse_cli.user.sent_changes import sent_at

    return sent_at(invocation.settings.store_url, change.unlisted_intent, invocation.environ)


def _already_sent(change: Change, at: float, terminal: Terminal) -> ChangeResult:
    from dataclasses import replace

    from packhouse_cli.changes.change import ChangeResult
    from packhouse_cli.terminal.formats import day_and_time

    terminal.note(
        f"You sent this change on {day_and_time(at)} ({change.summary}). The store's orders do not show "
        "such changes, so Packhouse goes by its own record of what was sent."
    )
    change = replace(change, already_recorded=True)
    return ChangeResult(change, change.order, already_recorded=True)


def _remember(done: ChangeResult, invocation: Invocation) -> None:
    if done.change.unlisted_intent and done.answer is not None:
        from packhouse_cli.user.sent_changes import remember

        remember(invocation.settings.store_url, done.change.unlisted_intent, invocation.environ)


def show_dry_run(
    request: StoreRequest, terminal: Terminal, *, as_json: bool, already_recorded: bool, summary: str = ""
) -> None:
    """Print the change and its request: method, path, key and body; or that nothing would be sent."""
    shown = dry_run_json(request, already_recorded=already_recorded, summary=summary)
    if as_json:
        terminal.json(shown)
        return
    if already_recorded:
        terminal.line(f"Nothing would be sent: the store already has this change ({request.action}).")
        return
    if summary:
        terminal.line(f"Would {summary}.")
    terminal.line(f"Would send {shown['method']} {shown['path']}")
    terminal.line(f"  Idempotency-Key: {shown['idempotency_key']}")
    if shown["body"] is not None:
        from packhouse_cli.terminal.output import json_text

        terminal.line(f"  {json_text(shown['body'])}")


def dry_run_json(request: StoreRequest, *, already_recorded: bool, summary: str = "") -> dict[str, Any]:
    """The object that `--dry-run --json` prints."""
    import json

    return {
        "dry_run": True,
        "summary": summary or request.action,
        "method": request.method,
        "path": request.path,
        "idempotency_key": dict(request.headers).get("Idempotency-Key"),
        "body": None if request.body is None else json.loads(request.body),
        "already_recorded": already_recorded,
    }
