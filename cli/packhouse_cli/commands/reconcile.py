"""`packhouse reconcile`: what the daemon found after a restore of its ledger, and the word to continue."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from packhouse.model.printable import escaped
from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON, YES, Option
from packhouse_cli.exit_codes import Exit, UsageError
from packhouse_cli.terminal.formats import day_and_time
from packhouse_cli.terminal.prompt import confirm
from packhouse_cli.terminal.text import styled

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation
    from packhouse_cli.terminal.output import Terminal

_STATES = {
    "none": "No restore of the ledger was noticed.",
    "checking": "The provider accounts are asked for purchases that this ledger does not know. "
    "Orders that the store had before wait for them.",
    "active": "Paused: the ledger was restored, and is compared before anything is bought or posted.",
    "done": "The last restore is reconciled.",
}
_QUESTION = "Continue, even if not everything adds up? Packhouse buys and posts from what the ledger knows."


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal = invocation.terminal
    if arguments.accept and not arguments.reason:
        raise UsageError("--accept needs --reason WHY; it is written to the journal.")
    if arguments.reason and not arguments.accept:
        raise UsageError("--reason is for --accept. Without both, packhouse reconcile only shows the state.")
    with invocation.daemon() as daemon:
        report = daemon.reconciliation()
        is_open = report.get("state") in ("checking", "active")
        if arguments.accept:
            if is_open and not arguments.json:
                _print(report, terminal)
            if is_open:
                confirm(_QUESTION, terminal, yes=arguments.yes)
            report = daemon.operate("/api/v1/reconciliation/accept", reason=arguments.reason)
            is_open = False
    if arguments.json:
        terminal.json(report)
    elif arguments.accept:
        terminal.line("Accepted: Packhouse buys and posts again.")
    else:
        _print(report, terminal)
    return int(Exit.UNFINISHED if is_open else Exit.OK)


def _print(report: Mapping[str, Any], terminal: Terminal) -> None:
    state = str(report.get("state") or "")
    terminal.line(
        styled(_STATES.get(state, state), *(("yellow",) if state in ("checking", "active") else ()))
    )
    if state in ("active", "done"):
        known = report.get("known_until")
        terminal.fields(
            [
                ("noticed", day_and_time(report.get("noticed_at"))),
                ("because", report.get("why")),
                ("backup ends", day_and_time(known) if known else ""),
            ]
        )
    entries = [one for one in report.get("entries") or () if isinstance(one, dict)]
    if entries:
        terminal.line()
        terminal.table(
            ("AT", "ORDER", "BY", "FOUND"),
            [
                (day_and_time(one.get("at")), one.get("order_id") or "all", one.get("actor"), one.get("why"))
                for one in entries
            ],
        )
    points = [str(one) for one in report.get("open_points") or ()]
    if points:
        terminal.line()
        terminal.line(styled("does not add up yet", "bold"))
        for point in points:
            terminal.line("  ", styled(escaped(point), "yellow"))
        terminal.line(
            "  Packhouse continues by itself when nothing is left. To continue now: "
            "packhouse reconcile --accept"
        )


COMMAND = Command(
    "show what was found after a restore, and continue",
    _run,
    (
        Option("--accept", action="store_true", help="continue, even if not everything adds up"),
        Option("--reason", metavar="WHY", default="", help="the reason for --accept; the journal keeps it"),
        YES,
        JSON,
    ),
    description="Show what the daemon found after its ledger was restored from a backup or lost commits in a "
    f"failover. Exit code {int(Exit.UNFINISHED)} while nothing is bought or posted because of it.",
    examples=(
        "packhouse reconcile",
        'packhouse reconcile --accept --yes --reason "compared with the provider account"',
    ),
)
