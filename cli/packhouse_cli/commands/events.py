"""`packhouse events`: what the store has told the daemon, and another look at it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from packhouse_cli.arguments.parsing import CommandParser, add_json, count
from packhouse_cli.exit_codes import Exit
from packhouse_cli.invocation import add_reason, asking, bound
from packhouse_cli.terminal.formats import day_and_time
from packhouse_cli.terminal.output import Terminal, safe


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Run one verb of `events`."""
    noun = CommandParser(
        prog="packhouse events",
        description="What the store has told the daemon.",
        examples=["packhouse events list --order ord_1", "packhouse events list --outcome unreadable"],
    )
    verbs = noun.verbs()
    listing = verbs.add(
        "list",
        bound(_list, terminal, environ),
        help="list received events, the newest first",
        examples=["packhouse events list --order ord_1", "packhouse events list --outcome ignored --json"],
    )
    listing.add_argument("--order", metavar="ORDER", default="", help="only those of this order")
    listing.add_argument(
        "--outcome", choices=("new", "ignored", "unreadable"), default="", help="only those of this outcome"
    )
    listing.add_argument("--limit", metavar="N", type=count, default=50, help="at most so many (default 50)")
    add_json(listing, "print a JSON array")
    showing = verbs.add(
        "show",
        bound(_show, terminal, environ),
        help="show one event, and what was done about its order since",
        examples=["packhouse events show evt_1"],
    )
    showing.add_argument("event", metavar="EVENT", help="the event's id")
    add_json(showing)
    replaying = verbs.add(
        "replay",
        bound(_replay, terminal, environ),
        help="look at the event's order again now, as if it had just come",
        examples=['packhouse events replay evt_1 --reason "the address was corrected"'],
    )
    replaying.add_argument("event", metavar="EVENT", help="the event's id")
    add_reason(replaying)
    add_json(replaying)
    arguments = verbs.parse(argv)
    return int(arguments.run(arguments))


def _list(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    asked = {"order_id": arguments.order, "outcome": arguments.outcome}
    with asking(environ) as daemon:
        events = daemon.events(arguments.limit, {name: value for name, value in asked.items() if value})
    if arguments.json:
        terminal.json(events)
    elif not events:
        terminal.note("No events match.")
    else:
        terminal.table(
            ("EVENT", "RECEIVED", "TYPE", "ORDER", "SITE", "OUTCOME", "NOTE"),
            [
                (
                    one.get("id"),
                    day_and_time(one.get("received_at")),
                    one.get("type"),
                    one.get("order_id"),
                    one.get("site_slug"),
                    one.get("outcome"),
                    one.get("note"),
                )
                for one in events
            ],
        )
    return int(Exit.OK)


def _show(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    with asking(environ) as daemon:
        event = daemon.event(arguments.event)
        order = str(event.get("order_id") or "")
        heard_of = order and event.get("outcome") == "new"
        entries = daemon.journal_of(order) if heard_of else []
    since = [
        entry for entry in entries if float(entry.get("at") or 0) >= float(event.get("received_at") or 0)
    ]
    if arguments.json:
        terminal.json({"event": event, "entries": since})
        return int(Exit.OK)
    terminal.fields(
        [
            ("event", event.get("id")),
            ("type", event.get("type")),
            ("order", order),
            ("site", event.get("site_slug")),
            ("received", day_and_time(event.get("received_at"))),
            ("outcome", event.get("outcome")),
        ]
    )
    if since:
        from packhouse_cli.story import entry_line

        terminal.line()
        for entry in since:
            terminal.line(entry_line(entry, terminal.paint))
    return int(Exit.OK)


def _replay(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    with asking(environ) as daemon:
        event = daemon.replay(arguments.event, reason=arguments.reason)
    if arguments.json:
        terminal.json(event)
    else:
        terminal.line(f"Order {safe(event.get('order_id'))} is looked at again now.")
    return int(Exit.OK)
