"""`packhouse webhooks deliveries`: the store's log of what it sent, and sending it again."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command, Group
from packhouse_cli.arguments.options import (
    JSON,
    LIMIT,
    NO_WAIT,
    Option,
    change_options,
    period,
    resource_id,
)
from packhouse_cli.changes.runner import show_dry_run
from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.terminal.formats import day_and_time

if TYPE_CHECKING:
    from packhouse.model.endpoint import Delivery
    from packhouse_cli.clients.store import RetryingStore
    from packhouse_cli.invocation import Invocation

_PAGE = 100


def _list(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal = invocation.terminal
    since = None if arguments.since is None else time.time() - arguments.since
    with invocation.store(retries=not arguments.no_wait) as store:
        found = _found(store, arguments.webhook, arguments.status, arguments.limit, since)
    if arguments.json:
        terminal.json([delivery.raw for delivery in found])
    elif found:
        terminal.table(
            ("DELIVERY", "AT", "STATUS", "EVENT", "ATTEMPT", "ANSWERED"),
            [
                (
                    one.id,
                    day_and_time(one.created_at),
                    one.status,
                    one.event_type,
                    one.attempt if one.attempt is not None else "",
                    one.answered if one.answered is not None else "nothing",
                )
                for one in found
            ],
        )
    else:
        terminal.note("No deliveries match.")
    return int(Exit.OK)


def _found(
    store: RetryingStore, webhook_id: str, status: str, limit: int, since: float | None
) -> list[Delivery]:
    """The newest attempts that match, at most `limit`. Reads no more pages than it needs."""
    from packhouse.store import webhooks
    from packhouse.store.paging import follow

    def read(cursor: str) -> tuple[Sequence[Delivery], str | None]:
        query = webhooks.list_deliveries(webhook_id, status=status, limit=min(_PAGE, limit), cursor=cursor)
        return webhooks.read_deliveries(store.ask(query))

    found: list[Delivery] = []
    for page in follow(read, "deliveries"):
        matching = [one for one in page if since is None or _at(one) >= since]
        found += matching
        if len(found) >= limit or (since is not None and page and not matching):
            break  # newest first: the rest is older
    return found[:limit]


def _at(delivery: Delivery) -> float:
    from datetime import datetime

    try:
        return datetime.fromisoformat(delivery.created_at).timestamp()
    except ValueError:
        raise CommandError(
            f"Delivery {delivery.id} has no valid time in the store's log. Run the command without --since.",
            Exit.UNKNOWN,
            "no_time",
        ) from None


def _replay(arguments: argparse.Namespace, invocation: Invocation) -> int:
    from packhouse.store import webhooks
    from packhouse_cli.changes.change import intent_key, random_key

    terminal = invocation.terminal
    intent = intent_key("webhook", arguments.webhook, "replay", arguments.delivery)
    key = arguments.idempotency_key or (random_key() if arguments.again else intent)
    request = webhooks.replay_delivery(arguments.webhook, arguments.delivery, key)
    if arguments.dry_run:
        show_dry_run(request, terminal, as_json=arguments.json, already_recorded=False)
        return int(Exit.OK)
    with invocation.store(retries=not arguments.no_wait) as store:
        store.ask(request)
    if arguments.json:
        terminal.json(
            {"webhook_id": arguments.webhook, "delivery_id": arguments.delivery, "status": "queued"}
        )
    else:
        terminal.line(f"Delivery {arguments.delivery} is queued and will be sent again.")
    return int(Exit.OK)


_WEBHOOK = Option("webhook", metavar="WEBHOOK", type=resource_id, help="the webhook's id, for example wh_1")

COMMAND = Group(
    "list and replay deliveries",
    {
        "list": Command(
            "list delivery attempts, newest first",
            _list,
            (
                _WEBHOOK,
                LIMIT.but(default=25, help="print at most N (default 25)"),
                Option("--status", default="", help="only this status, for example failed (default: all)"),
                Option(
                    "--since",
                    metavar="PERIOD",
                    type=period,
                    help="only attempts of the last 90s, 15m, 1h or 2d (default: all)",
                ),
                JSON.but(help="print a JSON array of the attempts as the store sent them"),
                NO_WAIT,
            ),
            examples=(
                "packhouse webhooks deliveries list wh_1 --limit 25 --status failed --since 1h --json",
            ),
        ),
        "replay": Command(
            "deliver the same event again",
            _replay,
            (
                _WEBHOOK,
                Option(
                    "delivery",
                    metavar="DELIVERY",
                    type=resource_id,
                    help="the delivery's id, for example del_1",
                ),
                *change_options(key_from="webhook and delivery", again="replay once more, with a new key"),
                JSON,
            ),
            examples=("packhouse webhooks deliveries replay wh_1 del_1",),
        ),
    },
    examples=("packhouse webhooks deliveries list wh_1 --status failed --since 1h",),
)
