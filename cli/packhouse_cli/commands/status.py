"""`packhouse status`: what the daemon is doing, on one screen."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from packhouse.model.printable import escaped
from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import JSON
from packhouse_cli.exit_codes import Exit
from packhouse_cli.terminal.formats import day_and_time, span
from packhouse_cli.terminal.text import styled, wrap
from packhouse_cli.terminal.waits import STOPS, ago, sentences_of, stops_of

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation
    from packhouse_cli.terminal.output import Terminal

_INDENT = 8


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    with invocation.daemon() as daemon:
        status = daemon.status()
    if arguments.json:
        invocation.terminal.json(status)
    else:
        _print(status, invocation.settings.daemon_url, invocation.terminal)
    return int(Exit.OK)


def _print(status: Mapping[str, Any], url: str, terminal: Terminal) -> None:
    waits = [one for one in status.get("waiting") or () if isinstance(one, dict)]
    stopped = stops_of(status)
    if status.get("paused"):
        state = styled("paused", "yellow")
    else:
        state = styled("running, with problems", "yellow") if stopped else styled("running", "green")
    terminal.line(styled("Packhouse", "bold"), f" {status.get('version') or ''} at {url}, ", state)
    terminal.line()
    at = status.get("at")
    now = float(at) if isinstance(at, (int, float)) else time.time()
    orders = _counts(status.get("orders"))
    overdue = status.get("oldest_due_s")
    behind = isinstance(overdue, (int, float)) and overdue >= 1
    terminal.fields(
        [
            ("store", status.get("store")),
            ("provider", ", ".join(status.get("providers") or ())),
            ("orders", _listed(orders)),
            ("shipments", _listed(_counts(status.get("shipments")))),
            ("labels", status.get("labels")),
            ("spent", ", ".join(_amounts(status.get("spent")))),
            ("full polls", _full_polls(status.get("poll"))),
            ("overdue", f"by {span(overdue)}" if behind and overdue is not None else "no order"),
            ("last poll", ago(status.get("last_poll_at"), now) if "last_poll_at" in status else ""),
            ("last webhook", ago(status.get("last_event_at"), now) if "last_event_at" in status else ""),
        ]
    )
    _print_waits(waits, now, terminal)
    _print_poll(status.get("poll"), terminal)
    _print_holds(_counts(status.get("holds")), terminal)


def _print_waits(waits: Sequence[Mapping[str, Any]], now: float, terminal: Terminal) -> None:
    """What stops work, and what open orders wait for, each with its number of orders."""
    if not waits:
        return
    terminal.line()
    terminal.line(styled("waiting", "bold"))
    width = max(30, (terminal.width or 10_000) - _INDENT)
    for one in waits:
        number, kind = one.get("orders") or 0, str(one.get("kind") or "")
        colour = ("yellow",) if kind in STOPS else ()
        head = f"  {number:>4}  " if number else " " * _INDENT
        texts = [line for text in sentences_of(one, now) for line in wrap(escaped(text), width)]
        terminal.line(head, styled(texts[0], *colour))
        for line in texts[1:]:
            terminal.line(" " * _INDENT, line)


def _print_holds(holds: Mapping[str, int], terminal: Terminal) -> None:
    """The number of active holds of each kind, and what the kind means, below it where the line is short."""
    if not holds:
        return
    from packhouse.model.hold import KINDS, HoldCode

    terminal.line()
    terminal.line(styled("holds", "bold"))
    meant = {code: KINDS[HoldCode(code)].describe("") for code in holds if code in set(HoldCode)}
    longest = max(map(len, holds))
    width = terminal.width or 10_000
    fits = _INDENT + longest + 2 + max(map(len, meant.values()), default=0) <= width
    for code, number in sorted(holds.items(), key=lambda item: -item[1]):
        meaning = f"{'':{longest - len(code)}}  {meant.get(code, '')}" if fits else ""
        terminal.line(f"  {number:>4}  ", styled(code, "yellow"), meaning.rstrip())
        if not fits and code in meant:
            for line in wrap(meant[code], max(30, width - _INDENT)):
                terminal.line(" " * _INDENT, line)
    terminal.line("  To list the orders: packhouse holds list")


def _full_polls(poll: object) -> str:
    """How far back full polls look, and when the last one ended."""
    if not isinstance(poll, dict):
        return ""
    days, ended = poll.get("horizon_days"), poll.get("full_ended_at")
    last = f"the last one ended at {day_and_time(ended)}" if ended else "none has ended yet"
    return f"orders of {days:g} days, and older pending ones; {last}" if days else ""


def _print_poll(poll: object, terminal: Terminal) -> None:
    """What the last polls could not follow in the store's list of orders."""
    problems = poll.get("problems") if isinstance(poll, dict) else None
    if not isinstance(problems, list) or not problems:
        return
    terminal.line()
    terminal.line(styled("orders that polls may not find", "bold"))
    for sentence in problems:
        terminal.line("        ", styled(escaped(str(sentence)), "yellow"))


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
