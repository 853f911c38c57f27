"""`packhouse webhooks deliveries`: the store's log of what it sent, and sending it again."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from packhouse_cli.arguments.parsing import Verbs, add_json, an_id, count
from packhouse_cli.changes.runner import add_change_arguments, add_no_wait, show_dry_run
from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.terminal.formats import day_and_time
from packhouse_cli.terminal.output import Terminal, safe
from packhouse_cli.user.settings import CliSettings

if TYPE_CHECKING:
    from packhouse.model.endpoint import Delivery
    from packhouse_cli.clients.store import PatientStore

_PAGE = 100
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def declare(verbs: Verbs, terminal: Terminal, environ: Mapping[str, str]) -> None:
    """Add `deliveries` with its verbs to `webhooks`."""
    program = terminal.program
    noun = verbs.add(
        "deliveries",
        None,
        help="the log of what was sent: list, replay",
        examples=[f"{program} webhooks deliveries list wh_1 --status failed --since 1h"],
    )
    under = noun.verbs()
    listing = under.add(
        "list",
        partial(_list, terminal=terminal, environ=environ),
        help="list attempts to deliver, newest first",
        examples=[
            f"{program} webhooks deliveries list wh_1 --limit 25 --status failed --since 1h --json",
        ],
    )
    listing.add_argument("webhook", metavar="WEBHOOK", type=an_id, help="the webhook's id, for example wh_1")
    listing.add_argument("--limit", metavar="N", type=count, default=25, help="at most so many (default 25)")
    listing.add_argument("--status", default="", help="such as failed (default: all)")
    listing.add_argument(
        "--since", metavar="SPAN", type=span_s, help="not older than this: 90s, 15m, 1h, 2d (default: all)"
    )
    add_json(listing, "print a JSON array of the attempts as the store sent them")
    add_no_wait(listing)
    replay = under.add(
        "replay",
        partial(_replay, terminal=terminal, environ=environ),
        help="have the same event delivered afresh",
        examples=[f"{program} webhooks deliveries replay wh_1 del_1"],
    )
    replay.add_argument("webhook", metavar="WEBHOOK", type=an_id, help="the webhook's id")
    replay.add_argument("delivery", metavar="DELIVERY", type=an_id, help="the delivery's id")
    add_change_arguments(replay, key_of="webhook and delivery", again="once more, under a new key")
    add_json(replay)


def span_s(text: str) -> float:
    """A span such as 1h in seconds, for argparse."""
    found = re.fullmatch(r"([0-9]{1,9})([smhdw])", text)
    if not found or not int(found[1]):
        raise argparse.ArgumentTypeError(f"{safe(text)!r} is no span such as 90s, 15m, 1h or 2d")
    return float(int(found[1]) * _UNITS_S[found[2]])


def _open(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> PatientStore:
    from packhouse_cli.clients.store import open_store

    return open_store(CliSettings(environ), terminal, waits=not arguments.no_wait)


def _list(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    since = None if arguments.since is None else time.time() - arguments.since
    with _open(arguments, terminal, environ) as store:
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
    store: PatientStore, webhook_id: str, status: str, limit: int, since: float | None
) -> list[Delivery]:
    """The newest attempts that fit, at most `limit`; every page is looked at only as far as it is needed."""
    from packhouse.errors import StoreUnreadable
    from packhouse.store import endpoints

    found: list[Delivery] = []
    cursor: str | None = ""
    followed: set[str] = set()
    while cursor is not None and len(found) < limit:
        if cursor in followed:
            raise StoreUnreadable("The store's list of deliveries leads back to a page already read.")
        followed.add(cursor)
        asked = endpoints.list_deliveries(webhook_id, status=status, limit=min(_PAGE, limit), cursor=cursor)
        page, cursor = endpoints.read_deliveries(store.ask(asked))
        fitting = [one for one in page if since is None or _at(one) >= since]
        found += fitting
        if since is not None and page and not fitting:
            break  # newest first: the rest is older still
    return found[:limit]


def _at(delivery: Delivery) -> float:
    from datetime import datetime

    try:
        return datetime.fromisoformat(delivery.created_at).timestamp()
    except ValueError:
        raise CommandError(
            f"Delivery {safe(delivery.id)} has no readable time in the store's log; leave out --since.",
            Exit.UNKNOWN,
            "no_time",
        ) from None


def _replay(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse.store import endpoints
    from packhouse_cli.changes.change import intent_key, random_key

    intent = intent_key("webhook", arguments.webhook, "replay", arguments.delivery)
    key = arguments.idempotency_key or (random_key() if arguments.again else intent)
    request = endpoints.replay_delivery(arguments.webhook, arguments.delivery, key)
    if arguments.dry_run:
        show_dry_run(request, terminal, as_json=arguments.json, already_recorded=False)
        return int(Exit.OK)
    with _open(arguments, terminal, environ) as store:
        store.ask(request)
    if arguments.json:
        terminal.json(
            {"webhook_id": arguments.webhook, "delivery_id": arguments.delivery, "status": "queued"}
        )
    else:
        terminal.line(f"Delivery {safe(arguments.delivery)} is queued to be sent again.")
    return int(Exit.OK)
