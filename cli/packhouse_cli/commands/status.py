"""`packhouse status`: what the daemon is doing, on one screen."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON
from packhouse_cli.exit_codes import Exit
from packhouse_cli.terminal.formats import span
from packhouse_cli.terminal.text import styled

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation
    from packhouse_cli.terminal.output import Terminal


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    with invocation.daemon() as daemon:
        status = daemon.status()
    if arguments.json:
        invocation.terminal.json(status)
    else:
        _print(status, invocation.settings.daemon_url, invocation.terminal)
    return int(Exit.OK)


def _print(status: Mapping[str, Any], url: str, terminal: Terminal) -> None:
    state = styled("paused", "yellow") if status.get("paused") else styled("running", "green")
    terminal.line(styled("Packhouse", "bold"), f" {status.get('version') or ''} at {url}, ", state)
    terminal.line()
    orders = _counts(status.get("orders"))
    overdue = status.get("oldest_due_s")
    behind = isinstance(overdue, (int, float)) and overdue >= 1
    terminal.fields(
        [
            ("paused by", status.get("paused_by")),
            ("store", status.get("store")),
            ("provider", ", ".join(status.get("providers") or ())),
            ("orders", _listed(orders)),
            ("shipments", _listed(_counts(status.get("shipments")))),
            ("labels", status.get("labels")),
            ("spent", ", ".join(_amounts(status.get("spent")))),
            ("overdue", f"by {span(overdue)}" if behind and overdue is not None else "no order"),
        ]
    )
    holds = _counts(status.get("holds"))
    if holds:
        from packhouse.model.hold import KINDS, HoldCode

        terminal.line()
        terminal.line(styled("holds", "bold"))
        longest = max(map(len, holds))
        for code, number in sorted(holds.items(), key=lambda item: -item[1]):
            sentence = KINDS[HoldCode(code)].describe("") if code in set(HoldCode) else ""
            terminal.line(
                f"  {number:>4}  ", styled(code, "yellow"), f"{'':{longest - len(code)}}  {sentence}".rstrip()
            )
        terminal.line("        To list the orders: packhouse holds list")


def _counts(value: object) -> dict[str, int]:
    return {str(name): number for name, number in value.items() if number} if isinstance(value, dict) else {}


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items()) or "none"


def _amounts(spent: object) -> list[str]:
    if not isinstance(spent, dict) or not spent:
        return ["nothing"]
    from packhouse.model.money import Money

    return [str(Money(int(minor), str(currency))) for currency, minor in spent.items()]


COMMAND = Command(
    "show what the daemon is doing",
    _run,
    (JSON,),
    description="Show what the daemon is doing: its orders, shipments, labels, holds and costs.",
    examples=("packhouse status", "packhouse status --json | jq .orders.held"),
)
