"""`packhouse status`: what the daemon is doing, on one screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packhouse_cli.arguments.parsing import CommandParser, add_json
from packhouse_cli.clients.daemon import Daemon
from packhouse_cli.exit_codes import Exit
from packhouse_cli.terminal.formats import span
from packhouse_cli.terminal.output import Terminal, safe
from packhouse_cli.user.settings import CliSettings


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Ask the daemon and print."""
    parser = CommandParser(
        prog="packhouse status",
        description="What the daemon is doing: orders, shipments, holds, money.",
        examples=["packhouse status", "packhouse status --json | jq .orders.held"],
    )
    add_json(parser)
    arguments = parser.parse_args(argv)
    settings = CliSettings(environ)
    daemon = Daemon(settings.daemon_url, settings.token)
    status = daemon.status()
    if arguments.json:
        terminal.json(status)
    else:
        _print(status, settings.daemon_url, terminal)
    return int(Exit.OK)


def _print(status: Mapping[str, Any], url: str, terminal: Terminal) -> None:
    running = (
        terminal.paint("paused", "yellow") if status.get("paused") else terminal.paint("running", "green")
    )
    terminal.line(f"{terminal.paint('Packhouse', 'bold')} {safe(status.get('version'))} at {url}, {running}")
    terminal.line()
    orders = _counts(status.get("orders"))
    overdue = status.get("oldest_due_s")
    behind = isinstance(overdue, (int, float)) and overdue >= 1
    terminal.fields(
        [
            ("paused by", status.get("paused_by")),
            ("store", status.get("store")),
            ("carrier", status.get("carrier")),
            ("orders", _listed(orders)),
            ("shipments", _listed(_counts(status.get("shipments")))),
            ("labels", status.get("labels")),
            ("spent", ", ".join(_amounts(status.get("spent")))),
            ("work waits", span(overdue) if behind and overdue is not None else "no"),
        ]
    )
    holds = _counts(status.get("holds"))
    if holds:
        from packhouse.model.hold import KINDS, HoldCode

        terminal.line()
        terminal.line(terminal.paint("holds", "bold"))
        for code, number in sorted(holds.items(), key=lambda item: -item[1]):
            sentence = KINDS[HoldCode(code)].sentence if code in set(HoldCode) else ""
            terminal.line(f"  {number:>4}  {terminal.paint(safe(code), 'yellow')}  {sentence}".rstrip())
        terminal.line("        packhouse holds list tells which orders")


def _counts(value: object) -> dict[str, int]:
    return {str(name): number for name, number in value.items() if number} if isinstance(value, dict) else {}


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items()) or "none"


def _amounts(spent: object) -> list[str]:
    if not isinstance(spent, dict) or not spent:
        return ["nothing"]
    from packhouse.model.money import Money

    return [str(Money(int(minor), str(currency))) for currency, minor in spent.items()]
