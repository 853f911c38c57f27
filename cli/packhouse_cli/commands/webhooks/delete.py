"""`packhouse webhooks delete`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, Option, change_options, resource_id
from packhouse_cli.changes.runner import show_dry_run
from packhouse_cli.commands.webhooks.list import read_all
from packhouse_cli.exit_codes import Exit
from packhouse_cli.terminal.prompt import confirm

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    from packhouse.errors import StoreUnanswered, StoreUnavailable
    from packhouse.store import webhooks
    from packhouse_cli.changes.change import intent_key

    terminal = invocation.terminal
    key = arguments.idempotency_key or intent_key("webhook", arguments.webhook, "delete")
    request = webhooks.delete_webhook(arguments.webhook, key)
    if arguments.dry_run:
        show_dry_run(request, terminal, as_json=arguments.json, already_recorded=False)
        return int(Exit.OK)
    question = f"Delete webhook {arguments.webhook}? Its deliveries and its secret are deleted too."
    confirm(question, terminal, yes=arguments.yes, as_documented=True)
    with invocation.store(retries=not arguments.no_wait) as store:
        try:
            store.ask(request)
        except (StoreUnanswered, StoreUnavailable) as error:
            if any(one.id == arguments.webhook for one in read_all(store, "")):
                raise
            terminal.note(f"Unknown outcome: {error} The store does not list the webhook any more.")
    if arguments.json:
        terminal.json({"id": arguments.webhook, "deleted": True})
    else:
        terminal.line(f"Webhook {arguments.webhook} is deleted.")
    return int(Exit.OK)


COMMAND = Command(
    "stop sending events to an address; this cannot be undone",
    _run,
    (
        Option("webhook", metavar="WEBHOOK", type=resource_id, help="the webhook's id, for example wh_1"),
        *change_options(key_from="the webhook", confirms=True),
        JSON,
    ),
    examples=("packhouse webhooks delete wh_1",),
)
