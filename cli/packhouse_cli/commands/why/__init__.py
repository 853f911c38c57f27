"""`packhouse why ORDER`: the history of one order from the journal, and what happens next."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, Option
from packhouse_cli.exit_codes import CommandError, Exit

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


# In a pipe or a file no line is broken: programs and people look for whole sentences and commands.
_PIPE_WIDTH = 100_000


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal, order_id = invocation.terminal, arguments.order
    try:
        with invocation.daemon() as daemon:
            order = daemon.order(order_id)
            entries = daemon.journal_of(order_id)
    except CommandError as error:
        if error.exit_code is not Exit.NOT_FOUND:
            raise
        from packhouse_cli.commands.why.unknown import explanation

        with invocation.daemon() as daemon:
            status = daemon.status()
        raise CommandError(
            explanation(order_id, status, invocation),
            Exit.NOT_FOUND,
            "not_found",
            status=404,
        ) from error
    if arguments.json:
        terminal.json({"order": order, "entries": entries})
        return int(Exit.OK)
    from packhouse_cli.commands.why import timeline

    for line in timeline.lines_of(order, entries, now=time.time(), width=terminal.width or _PIPE_WIDTH):
        terminal.line(*line)
    return int(Exit.OK)


COMMAND = Command(
    "show the history of one order and what happens next",
    _run,
    (
        Option("order", metavar="ORDER", help="the order's id, for example ord_1"),
        JSON.but(help="print the order and its journal as JSON"),
    ),
    description="Show the history of one order: each step with its time and reason, and what happens next.",
    examples=("{prog} ord_1", "{prog} ord_1 --json | jq -r '.entries[].why'"),
)
