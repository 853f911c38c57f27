"""`packhouse tail`: journal entries as they are written, until Ctrl-C."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, Option, count, seconds
from packhouse_cli.commands.why.timeline import entry_line
from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.terminal.output import Terminal, json_text

if TYPE_CHECKING:
    from packhouse_cli.clients.daemon import Daemon
    from packhouse_cli.invocation import Invocation

_MOST = 500


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal = invocation.terminal

    def show(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if arguments.order in ("", entry.get("order_id")):
                terminal.line(*((json_text(entry),) if arguments.json else entry_line(entry)))
        terminal.stdout.flush()

    with invocation.daemon() as daemon:
        newest = daemon.newest_entries(_MOST if arguments.order else min(arguments.lines, _MOST))
        mine = [entry for entry in newest if arguments.order in ("", entry.get("order_id"))]
        show(mine[-arguments.lines :])
        if arguments.no_follow and not arguments.follow:
            return int(Exit.OK)
        try:
            return _follow(daemon, newest[-1]["id"] if newest else 0, show, arguments.every, terminal)
        except KeyboardInterrupt:
            return int(Exit.INTERRUPTED)


def _follow(
    daemon: Daemon,
    after: int,
    show: Callable[[list[dict[str, Any]]], None],
    every_s: float,
    terminal: Terminal,
) -> NoReturn:
    """Print new entries for ever. Where the daemon is offline, for example for an update, wait for it."""
    offline = False
    while True:
        try:
            entries = daemon.journal(after, _MOST)
        except CommandError as error:
            if error.exit_code is not Exit.NETWORK and error.status != 503:
                raise
            if not offline:
                terminal.note(f"packhouse: {error} Waiting for the daemon.")
            offline, entries = True, []
        else:
            offline = False
        if entries:
            after = entries[-1]["id"]
            show(entries)
        if len(entries) < _MOST:
            time.sleep(every_s)


COMMAND = Command(
    "print journal entries as they are written",
    _run,
    (
        Option(
            "--lines",
            "-n",
            metavar="N",
            type=count,
            default=10,
            help="print the last N entries first (default 10)",
        ),
        Option("--order", metavar="ORDER", default="", help="only entries of this order"),
        Option("--no-follow", action="store_true", help="print the last entries and exit"),
        Option("--follow", "-f", action="store_true", help="wait for new entries (the default)"),
        Option(
            "--every",
            metavar="SECONDS",
            type=seconds,
            default=1.0,
            help="ask the daemon every SECONDS (default 1)",
        ),
        JSON.but(help="print each entry as a JSON object on a line of its own"),
    ),
    description="Print journal entries as they are written: every step of Packhouse, and every operation "
    "of an operator. Ctrl-C ends it.",
    examples=("packhouse tail", "packhouse tail --order ord_1", "packhouse tail --json | jq -c .action"),
)
