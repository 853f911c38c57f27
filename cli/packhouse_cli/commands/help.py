"""`packhouse help`: the nouns, one command's help, or the exit codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from packhouse_cli import main
from packhouse_cli.exit_codes import MEANING, UsageError
from packhouse_cli.terminal.output import Terminal, safe

if TYPE_CHECKING:
    from packhouse_cli.arguments.parsing import CommandParser

_EXAMPLES = (
    ("packhouse demo", "watch 40 orders ship by themselves, on this machine alone"),
    ("packhouse status", "what the daemon is doing"),
    ("packhouse why ord_1", "what became of an order, and what happens next"),
    ("packhouse orders list --status pending --json", "the store's orders, for programs"),
)
_STORE_EXAMPLES = (
    ("aly-store-cli orders list --status pending --json", "the store's orders, for programs"),
    ("aly-store-cli orders get ord_1", "one order"),
    ("aly-store-cli webhooks list", "where the store tells what happens"),
)


def parser() -> CommandParser:
    """What it takes, for those who describe it; the command itself needs no parser."""
    from packhouse_cli.arguments.parsing import CommandParser, add_json

    described = CommandParser(
        prog="packhouse help",
        description="Help on a command, or on how commands end.",
        examples=["packhouse help orders list", "packhouse help exit-codes"],
    )
    described.add_argument(
        "topic",
        metavar="TOPIC",
        nargs="*",
        help="a command with its verbs, or exit-codes",
    )
    add_json(described, "print the exit codes as JSON")
    return described


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Print help on `argv[0]`, or on everything."""
    if not argv or argv[0] in ("-h", "--help"):
        _overview(terminal)
        return 0
    topic = argv[0]
    if topic == "exit-codes":
        _exit_codes(terminal, as_json="--json" in argv)
        return 0
    if topic == "help":
        _overview(terminal)
        return 0
    if topic not in main.nouns_of(terminal.program):
        raise UsageError(f"There is no help on {safe(topic)!r}. See {terminal.program} --help.")
    from importlib import import_module

    module = import_module(f"packhouse_cli.commands.{main.NOUNS[topic][0]}")
    return int(module.run([*argv[1:], "--help"], terminal, environ))


def _overview(terminal: Terminal) -> None:
    program = terminal.program
    nouns = main.nouns_of(program)
    ours = program == "packhouse"
    examples = _EXAMPLES if ours else _STORE_EXAMPLES
    terminal.line(
        "Packhouse ships the orders of an Aly store while nobody watches."
        if ours
        else "The documented commands of an Aly store; packhouse --help shows what Packhouse adds."
    )
    terminal.line()
    terminal.line(terminal.paint("examples:", "bold"))
    widest = max(len(example) for example, _ in examples)
    for example, sense in examples:
        terminal.line(f"  {example.ljust(widest)}  {sense}")
    terminal.line()
    terminal.line(terminal.paint("commands:", "bold"))
    widest = max(len(name) for name in nouns)
    for name, (_, sense) in nouns.items():
        terminal.line(f"  {name.ljust(widest)}  {sense}")
    terminal.line()
    terminal.line(f"{program} COMMAND --help tells more; {program} help exit-codes lists how commands end.")


def _exit_codes(terminal: Terminal, *, as_json: bool) -> None:
    if as_json:
        terminal.json([{"exit_code": int(code), "meaning": meaning} for code, meaning in MEANING.items()])
    else:
        terminal.table(("CODE", "MEANING"), [(int(code), meaning) for code, meaning in MEANING.items()])
