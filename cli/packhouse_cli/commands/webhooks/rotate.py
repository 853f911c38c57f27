"""`packhouse webhooks rotate`: a new signing secret."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, Option, change_options, resource_id
from packhouse_cli.changes.runner import show_dry_run
from packhouse_cli.exit_codes import Exit
from packhouse_cli.terminal.prompt import confirm

if TYPE_CHECKING:
    from packhouse.store.requests import StoreRequest
    from packhouse_cli.invocation import Invocation

_ROTATED = (
    "The store signs with the new secret at once. It does not document how long the old one stays valid."
)


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    import json

    from packhouse.errors import StoreNotFound
    from packhouse.store import webhooks
    from packhouse_cli.changes.change import intent_key, random_key

    terminal = invocation.terminal
    intent = intent_key("webhook", arguments.webhook, "rotate")
    key = arguments.idempotency_key or (random_key() if arguments.again else intent)
    requests: list[StoreRequest] = [
        webhooks.rotate_webhook(arguments.webhook, name, key) for name in webhooks.ROTATIONS
    ]
    if arguments.dry_run:
        show_dry_run(requests[0], terminal, as_json=arguments.json, already_recorded=False)
        return int(Exit.OK)
    confirm(
        f"Rotate the secret of webhook {arguments.webhook}? {_ROTATED}",
        terminal,
        yes=arguments.yes,
        as_documented=True,
    )
    with invocation.store(retries=not arguments.no_wait) as store:
        try:
            answer = store.ask(requests[0])
        except StoreNotFound:
            answer = store.ask(requests[1])
    secret = webhooks.read_secret(answer)
    if arguments.json:
        terminal.json(json.loads(answer.body))
    else:
        terminal.fields([("webhook", arguments.webhook), ("secret", secret)])
        terminal.note(
            "The secret is shown only once. Add it to PACKHOUSE_WEBHOOK__SECRETS, before the old one."
        )
    return int(Exit.OK)


COMMAND = Command(
    "replace the signing secret; the new one is printed once",
    _run,
    (
        Option("webhook", metavar="WEBHOOK", type=resource_id, help="the webhook's id, for example wh_1"),
        *change_options(key_from="the webhook", again="rotate once more, with a new key", asks=True),
        JSON.but(help="print the response as the store sent it, with the secret"),
    ),
    examples=("packhouse webhooks rotate wh_1 --json | jq -r .secret",),
)
