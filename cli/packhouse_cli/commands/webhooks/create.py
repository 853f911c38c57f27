"""`packhouse webhooks create`: register an address at the store."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, SITE, Option, change_options
from packhouse_cli.changes.runner import show_dry_run
from packhouse_cli.commands.webhooks.list import read_all
from packhouse_cli.exit_codes import Exit, UsageError

if TYPE_CHECKING:
    from packhouse.model.endpoint import WebhookEndpoint
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    from packhouse.errors import StoreUnanswered, StoreUnavailable
    from packhouse.model.event import ORDER_EVENTS
    from packhouse.store import webhooks
    from packhouse_cli.changes.change import intent_key, random_key

    terminal = invocation.terminal
    url, events, site = arguments.url, list(dict.fromkeys(arguments.event)), arguments.site_slug
    if not url.startswith(("https://", "http://")):
        raise UsageError(f"--url {url!r} must be an https address.")
    if unknown := [event for event in events if event not in ORDER_EVENTS]:
        terminal.note(f"Packhouse does not use the event {', '.join(unknown)}. Check its spelling.")
    intent = intent_key("webhook", url, sorted(events), site)
    key = arguments.idempotency_key or (random_key() if arguments.again else intent)
    request = webhooks.create_webhook(webhooks.webhook_body(url, events, site), key)
    with invocation.store(retries=not arguments.no_wait) as store:
        found = None if arguments.again else _equal(read_all(store, site), url, events, site)
        if arguments.dry_run:
            show_dry_run(request, terminal, as_json=arguments.json, already_recorded=found is not None)
            return int(Exit.OK)
        if found is None:
            try:
                answer = store.ask(request)
            except (StoreUnanswered, StoreUnavailable) as error:
                found = _equal(read_all(store, site), url, events, site)
                if found is None:
                    raise
                terminal.note(f"Unknown outcome: {error} The store lists the webhook.")
            else:
                made = webhooks.read_webhook(answer)
                secret = webhooks.read_secret(answer)
                if arguments.json:
                    terminal.json(made.raw if made else {"secret": secret})
                else:
                    terminal.fields([("webhook", made.id if made else ""), ("secret", secret)])
                    terminal.note("The secret is shown only once. Put it into PACKHOUSE_WEBHOOK__SECRETS.")
                return int(Exit.OK)
    if arguments.json:
        terminal.json(found.raw)
    else:
        terminal.fields([("webhook", found.id)])
    terminal.note(
        f"Webhook {found.id} exists already, and its secret was shown when it was created. For a new secret: "
        f"{invocation.program} webhooks rotate {found.id}"
    )
    return int(Exit.OK)


def _equal(known: list[WebhookEndpoint], url: str, events: list[str], site: str) -> WebhookEndpoint | None:
    for one in known:
        same = (one.url, sorted(one.events), one.site_slug) == (url, sorted(events), site)
        if same and one.active is not False:
            return one
    return None


COMMAND = Command(
    "register an address; its secret is printed once",
    _run,
    (
        SITE,
        Option("--url", required=True, help="the https address that receives the events"),
        Option(
            "--event",
            metavar="TYPE",
            action="append",
            required=True,
            help="an event type, for example order.created; repeatable",
        ),
        *change_options(
            key_from="address, events and site", again="create another webhook, even if the same one exists"
        ),
        JSON.but(help="print the webhook as the store sent it, with its secret"),
    ),
    examples=(
        "packhouse webhooks create --site-slug acme --url https://shop.example/aly/webhooks "
        "--event order.created --event order.fulfilled",
    ),
)
