"""`packhouse events`: list, show and replay the webhook events that the daemon received."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command, Group
from packhouse_cli.arguments.options import JSON, LIMIT, REASON, Option
from packhouse_cli.exit_codes import Exit
from packhouse_cli.terminal.formats import day_and_time

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation

_EVENT = Option("event", metavar="EVENT", help="the event's id, for example evt_1")


def _list(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal = invocation.terminal
    query = {"order_id": arguments.order, "outcome": arguments.outcome}
    with invocation.daemon() as daemon:
        events = daemon.events(arguments.limit, {name: value for name, value in query.items() if value})
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


def _show(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal = invocation.terminal
    with invocation.daemon() as daemon:
        event = daemon.event(arguments.event)
        order = str(event.get("order_id") or "")
        is_known = order and event.get("outcome") == "accepted"
        entries = daemon.journal_of(order) if is_known else []
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
        from packhouse_cli.commands.why.timeline import entry_line

        terminal.line()
        for entry in since:
            terminal.line(*entry_line(entry))
    return int(Exit.OK)


def _replay(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal = invocation.terminal
    with invocation.daemon() as daemon:
        event = daemon.replay(arguments.event, reason=arguments.reason)
    if arguments.json:
        terminal.json(event)
    else:
        terminal.line(f"Packhouse processes order {event.get('order_id')} again now.")
    return int(Exit.OK)


COMMAND = Group(
    "list and replay received webhook events",
    {
        "list": Command(
            "list received events, newest first",
            _list,
            (
                Option("--order", metavar="ORDER", default="", help="only events of this order"),
                Option(
                    "--outcome",
                    choices=("accepted", "ignored", "unreadable"),
                    default="",
                    help="only events with this outcome; accepted: its order was checked again, ignored: of "
                    "no order that this daemon ships",
                ),
                LIMIT,
                JSON.but(help="print a JSON array"),
            ),
            examples=(
                "packhouse events list --order ord_1",
                "packhouse events list --outcome ignored --json",
            ),
        ),
        "show": Command(
            "show one event, and the journal of its order since then",
            _show,
            (_EVENT, JSON),
            examples=("packhouse events show evt_1",),
        ),
        "replay": Command(
            "process the event's order again now, as if the event had just arrived",
            _replay,
            (_EVENT, REASON, JSON),
            examples=('packhouse events replay evt_1 --reason "the address was corrected"',),
        ),
    },
    examples=("packhouse events list --order ord_1", "packhouse events list --outcome unreadable"),
)
