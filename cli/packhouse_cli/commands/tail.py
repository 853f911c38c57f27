"""`packhouse tail`: the journal as it is written, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NoReturn

from packhouse_cli.arguments.parsing import CommandParser, add_json, count, seconds
from packhouse_cli.clients.daemon import Daemon
from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.invocation import asking
from packhouse_cli.story import entry_line
from packhouse_cli.terminal.output import Terminal, json_text

_MOST = 500


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Print the newest entries, then each new one as it comes."""
    parser = CommandParser(
        prog="packhouse tail",
        description="The journal as it is written: every act of the machine or a person, until Ctrl-C.",
        examples=["packhouse tail", "packhouse tail --order ord_1", "packhouse tail --json | jq -c .action"],
    )
    parser.add_argument(
        "--lines", "-n", metavar="N", type=count, default=10, help="begin so far back (default 10)"
    )
    parser.add_argument("--order", metavar="ORDER", default="", help="only this order's acts")
    parser.add_argument("--no-follow", action="store_true", help="print what there is, and end")
    parser.add_argument("--follow", "-f", action="store_true", help="wait for more, which is the default")
    parser.add_argument(
        "--every", metavar="SECONDS", type=seconds, default=1.0, help="how often to ask (default 1)"
    )
    add_json(parser, "print each entry as a JSON object on a line of its own")
    arguments = parser.parse_args(argv)

    def show(entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if arguments.order in ("", entry.get("order_id")):
                terminal.line(json_text(entry) if arguments.json else entry_line(entry, terminal.paint))
        terminal.stdout.flush()

    with asking(environ) as daemon:
        newest = daemon.newest_entries(_MOST if arguments.order else min(arguments.lines, _MOST))
        mine = [entry for entry in newest if arguments.order in ("", entry.get("order_id"))]
        show(mine[-arguments.lines :])
        if arguments.no_follow and not arguments.follow:
            return int(Exit.OK)
        try:
            return _follow(daemon, newest[-1]["id"] if newest else 0, show, arguments.every, terminal)
        except KeyboardInterrupt:
            return int(Exit.INTERRUPTED)


def _follow(daemon: Daemon, after: int, show: Any, every_s: float, terminal: Terminal) -> NoReturn:
    """A daemon that is away, for example while it is updated, is waited for."""
    away = False
    while True:
        try:
            entries = daemon.journal(after, _MOST)
        except CommandError as error:
            if error.exit_code is not Exit.NETWORK and error.status != 503:
                raise
            if not away:
                terminal.note(f"packhouse: {error} Waiting for it.")
            away, entries = True, []
        else:
            away = False
        if entries:
            after = entries[-1]["id"]
            show(entries)
        if len(entries) < _MOST:
            time.sleep(every_s)
