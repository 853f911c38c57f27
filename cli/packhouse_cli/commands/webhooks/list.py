"""`packhouse webhooks list`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
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
    from packhouse.store import webhooks
    from packhouse.store.paging import follow

    def read(cursor: str) -> tuple[Sequence[WebhookEndpoint], str | None]:
        return webhooks.read_webhooks(store.ask(webhooks.list_webhooks(site, cursor)))

    return [one for page in follow(read, "webhooks") for one in page]


COMMAND = Command(
    "list webhooks",
    _run,
    (SITE, JSON.but(help="print a JSON array of the webhooks as the store sent them"), NO_WAIT),
    examples=("packhouse webhooks list --site-slug acme --json",),
)
