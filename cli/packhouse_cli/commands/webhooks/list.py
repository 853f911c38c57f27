"""`packhouse webhooks list`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, NO_WAIT, SITE
from packhouse_cli.exit_codes import Exit

if TYPE_CHECKING:
    from packhouse.model.endpoint import WebhookEndpoint
    from packhouse_cli.clients.store import RetryingStore
    from packhouse_cli.invocation import Invocation


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal = invocation.terminal
    with invocation.store(retries=not arguments.no_wait) as store:
        found = read_all(store, arguments.site_slug)
    if arguments.json:
        terminal.json([endpoint.raw for endpoint in found])
    elif found:
        terminal.table(
            ("WEBHOOK", "SITE", "ACTIVE", "URL", "EVENTS"),
            [
                (
                    one.id,
                    one.site_slug or "all",
                    {True: "yes", False: "no", None: "?"}[one.active],
                    one.url,
                    ", ".join(one.events),
                )
                for one in found
            ],
        )
    else:
        terminal.note("No webhooks.")
    return int(Exit.OK)


def read_all(store: RetryingStore, site: str) -> list[WebhookEndpoint]:
    """Every webhook of the site, "" for all sites. Raises StoreError."""
    from packhouse.errors import StoreUnreadable
    from packhouse.store import webhooks

    found: list[WebhookEndpoint] = []
    cursor: str | None = ""
    followed: set[str] = set()
    while cursor is not None:
        if cursor in followed:
            raise StoreUnreadable("The store's list of webhooks repeats a page.")
        followed.add(cursor)
        page, cursor = webhooks.read_webhooks(store.ask(webhooks.list_webhooks(site, cursor)))
        found += page
    return found


COMMAND = Command(
    "list webhooks",
    _run,
    (SITE, JSON.but(help="print a JSON array of the webhooks as the store sent them"), NO_WAIT),
    examples=("packhouse webhooks list --site-slug acme --json",),
)
