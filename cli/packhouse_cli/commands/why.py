"""`packhouse why ORDER`: the whole story of one order from the journal, ending with what happens next."""

from __future__ import annotations

import time
from collections.abc import Mapping

from packhouse_cli.arguments.parsing import CommandParser, add_json
from packhouse_cli.clients.daemon import Daemon
from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.terminal.output import Terminal, safe
from packhouse_cli.user.settings import CliSettings


def declare(parser: CommandParser) -> None:
    """The arguments of `why`, here and as a verb of `orders`."""
    parser.add_argument("order", metavar="ORDER", help="the order's id, for example ord_1")
    add_json(parser, "print the order and its journal as JSON")


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Tell the story of the order named in `argv`."""
    parser = CommandParser(
        prog="packhouse why",
        description="What became of an order: each act with its time and reason, and what happens next.",
        examples=["packhouse why ord_1", "packhouse why ord_1 --json | jq -r '.entries[].why'"],
    )
    declare(parser)
    arguments = parser.parse_args(argv)
    return tell(arguments.order, terminal, environ, as_json=arguments.json)


def tell(order_id: str, terminal: Terminal, environ: Mapping[str, str], *, as_json: bool) -> int:
    """Ask the daemon and print."""
    settings = CliSettings(environ)
    daemon = Daemon(settings.daemon_url, settings.token)
    try:
        order = daemon.order(order_id)
        entries = daemon.journal_of(order_id)
    except CommandError as error:
        if error.exit_code is not Exit.NOT_FOUND:
            raise
        raise CommandError(
            f"The daemon has not heard of order {safe(order_id)}. A paid order is found by the next poll "
            f"at the latest; `packhouse orders get {safe(order_id)}` shows what the store says.",
            Exit.NOT_FOUND,
            "not_found",
            status=404,
        ) from error
    finally:
        daemon.close()
    if as_json:
        terminal.json({"order": order, "entries": entries})
        return int(Exit.OK)
    from packhouse_cli import story

    for line in story.tell(
        order, entries, now=time.time(), width=terminal.width or 100, paint=terminal.paint
    ):
        terminal.line(line)
    return int(Exit.OK)
