"""`packhouse webhooks`: where the store sends what happens, its log of deliveries, and replaying them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from packhouse_cli.arguments.parsing import CommandParser, add_json, an_id
from packhouse_cli.changes.runner import add_change_arguments, add_no_wait, show_dry_run
from packhouse_cli.exit_codes import Exit, UsageError
from packhouse_cli.terminal.output import Terminal, safe
from packhouse_cli.user.settings import CliSettings

if TYPE_CHECKING:
    from packhouse.model.endpoint import WebhookEndpoint
    from packhouse.store.requests import StoreRequest
    from packhouse_cli.clients.store import PatientStore

_ROTATED = "The old secret stops to sign at once, and nobody says for how long it stays valid."


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Run one verb of `webhooks`."""
    from packhouse_cli.commands import deliveries

    program = terminal.program
    noun = CommandParser(
        prog=f"{program} webhooks",
        description="Where the store tells what happens. The key needs read:sites and write:sites.",
        examples=[f"{program} webhooks list", f"{program} webhooks deliveries list wh_1 --status failed"],
    )
    verbs = noun.verbs()
    create = verbs.add(
        "create",
        partial(_create, terminal=terminal, environ=environ),
        help="register an address; its secret is printed once",
        examples=[
            f"{program} webhooks create --site-slug acme --url https://shop.example/aly/webhooks "
            "--event order.created --event order.fulfilled"
        ],
    )
    create.add_argument("--site-slug", metavar="SITE", default="", help="only this site's (default: all)")
    create.add_argument("--url", required=True, help="an https address")
    create.add_argument(
        "--event", metavar="TYPE", action="append", required=True, help="such as order.created; repeatable"
    )
    add_change_arguments(
        create, key_of="address, events and site", again="although there is such a webhook already"
    )
    add_json(create, "print the webhook as the store sent it, with its secret")

    listing = verbs.add(
        "list",
        partial(_list, terminal=terminal, environ=environ),
        help="list webhooks",
        examples=[f"{program} webhooks list --site-slug acme --json"],
    )
    listing.add_argument("--site-slug", metavar="SITE", default="", help="only this site's (default: all)")
    add_json(listing, "print a JSON array of the webhooks as the store sent them")
    add_no_wait(listing)

    delete = verbs.add(
        "delete",
        partial(_delete, terminal=terminal, environ=environ),
        help="tell an address nothing more; this cannot be taken back",
        examples=[f"{program} webhooks delete wh_1"],
    )
    rotate = verbs.add(
        "rotate",
        partial(_rotate, terminal=terminal, environ=environ),
        help="get a new secret; it is printed once",
        examples=[f"{program} webhooks rotate wh_1 --json | jq -r .secret"],
    )
    for parser in (delete, rotate):
        parser.add_argument("webhook", metavar="WEBHOOK", type=an_id, help="the webhook's id")
    add_change_arguments(delete, key_of="the webhook", confirms=True)
    add_change_arguments(
        rotate, key_of="the webhook", again="rotate once more, under a new key", confirms=True
    )
    add_json(delete)
    add_json(rotate, "print the answer as the store sent it, with the secret")
    deliveries.declare(verbs, terminal, environ)
    arguments = verbs.parse(argv)
    return int(arguments.run(arguments))


def _open(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> PatientStore:
    from packhouse_cli.clients.store import open_store

    return open_store(CliSettings(environ), terminal, waits=not arguments.no_wait)


def _create(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse.errors import StoreUnanswered, StoreUnavailable
    from packhouse.model.event import ORDER_EVENTS
    from packhouse.store import endpoints
    from packhouse_cli.changes.change import intent_key, random_key

    url, events, site = arguments.url, list(dict.fromkeys(arguments.event)), arguments.site_slug
    if not url.startswith(("https://", "http://")):
        raise UsageError(f"--url {safe(url)!r} must be an https address.")
    if unknown := [event for event in events if event not in ORDER_EVENTS]:
        terminal.note(f"Packhouse takes no notice of {safe(', '.join(unknown))}; check how it is spelled.")
    intent = intent_key("webhook", url, sorted(events), site)
    key = arguments.idempotency_key or (random_key() if arguments.again else intent)
    request = endpoints.create_webhook(endpoints.webhook_body(url, events, site), key)
    with _open(arguments, terminal, environ) as store:
        found = None if arguments.again else _equal(_all(store, site), url, events, site)
        if arguments.dry_run:
            show_dry_run(request, terminal, as_json=arguments.json, already_recorded=found is not None)
            return int(Exit.OK)
        if found is None:
            try:
                answer = store.ask(request)
            except (StoreUnanswered, StoreUnavailable) as error:
                found = _equal(_all(store, site), url, events, site)
                if found is None:
                    raise
                terminal.note(f"Unknown outcome: {safe(error)} The store's list shows the webhook.")
            else:
                made = endpoints.read_webhook(answer)
                secret = endpoints.read_secret(answer)
                if arguments.json:
                    terminal.json(made.raw if made else {"secret": secret})
                else:
                    terminal.fields([("webhook", made.id if made else ""), ("secret", secret)])
                    terminal.note("The secret is shown this once: put it into PACKHOUSE_WEBHOOK__SECRETS.")
                return int(Exit.OK)
    if arguments.json:
        terminal.json(found.raw)
    else:
        terminal.fields([("webhook", found.id)])
    terminal.note(
        f"Webhook {safe(found.id)} stands already, and its secret was shown then. A new one: "
        f"{terminal.program} webhooks rotate {safe(found.id)}"
    )
    return int(Exit.OK)


def _list(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    with _open(arguments, terminal, environ) as store:
        found = _all(store, arguments.site_slug)
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


def _delete(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse.errors import StoreUnanswered, StoreUnavailable
    from packhouse.store import endpoints
    from packhouse_cli.changes.change import intent_key
    from packhouse_cli.terminal.prompt import agree

    key = arguments.idempotency_key or intent_key("webhook", arguments.webhook, "delete")
    request = endpoints.delete_webhook(arguments.webhook, key)
    if arguments.dry_run:
        show_dry_run(request, terminal, as_json=arguments.json, already_recorded=False)
        return int(Exit.OK)
    question = f"Delete webhook {safe(arguments.webhook)}? Its deliveries and its secret are gone then."
    agree(question, terminal, yes=arguments.yes, as_written=True)
    with _open(arguments, terminal, environ) as store:
        try:
            store.ask(request)
        except (StoreUnanswered, StoreUnavailable) as error:
            if any(one.id == arguments.webhook for one in _all(store, "")):
                raise
            terminal.note(
                f"Unknown outcome: {safe(error)} The store's list does not show the webhook any more."
            )
    if arguments.json:
        terminal.json({"id": arguments.webhook, "deleted": True})
    else:
        terminal.line(f"Webhook {safe(arguments.webhook)} is deleted.")
    return int(Exit.OK)


def _rotate(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    import json

    from packhouse.errors import NotFound
    from packhouse.store import endpoints
    from packhouse_cli.changes.change import intent_key, random_key
    from packhouse_cli.terminal.prompt import agree

    intent = intent_key("webhook", arguments.webhook, "rotate")
    key = arguments.idempotency_key or (random_key() if arguments.again else intent)
    requests: list[StoreRequest] = [
        endpoints.rotate_webhook(arguments.webhook, name, key) for name in endpoints.ROTATIONS
    ]
    if arguments.dry_run:
        show_dry_run(requests[0], terminal, as_json=arguments.json, already_recorded=False)
        return int(Exit.OK)
    agree(
        f"Rotate the secret of webhook {safe(arguments.webhook)}? {_ROTATED}",
        terminal,
        yes=arguments.yes,
        as_written=True,
    )
    with _open(arguments, terminal, environ) as store:
        try:
            answer = store.ask(requests[0])
        except NotFound:
            answer = store.ask(requests[1])
    secret = endpoints.read_secret(answer)
    if arguments.json:
        terminal.json(json.loads(answer.body))
    else:
        terminal.fields([("webhook", arguments.webhook), ("secret", secret)])
        terminal.note(
            "The secret is shown this once: add it to PACKHOUSE_WEBHOOK__SECRETS, before the old one."
        )
    return int(Exit.OK)


def _all(store: PatientStore, site: str) -> list[WebhookEndpoint]:
    """Every webhook of the site, "" for all sites. Raises StoreError."""
    from packhouse.errors import StoreUnreadable
    from packhouse.store import endpoints

    found: list[WebhookEndpoint] = []
    cursor: str | None = ""
    followed: set[str] = set()
    while cursor is not None:
        if cursor in followed:
            raise StoreUnreadable("The store's list of webhooks leads back to a page already read.")
        followed.add(cursor)
        page, cursor = endpoints.read_webhooks(store.ask(endpoints.list_webhooks(site, cursor)))
        found += page
    return found


def _equal(known: list[WebhookEndpoint], url: str, events: list[str], site: str) -> WebhookEndpoint | None:
    for one in known:
        same = (one.url, sorted(one.events), one.site_slug) == (url, sorted(events), site)
        if same and one.active is not False:
            return one
    return None
