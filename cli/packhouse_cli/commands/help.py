"""`packhouse help`: all commands, one command's help, or the exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packhouse_cli.arguments import registry
from packhouse_cli.exit_codes import MEANING, UsageError
from packhouse_cli.terminal.text import styled

if TYPE_CHECKING:
    from packhouse_cli.arguments.parsing import CommandParser
    from packhouse_cli.invocation import Invocation
    from packhouse_cli.terminal.output import Terminal

_EXAMPLES = (
    ("packhouse demo", "watch 40 orders ship"),
    ("packhouse status", "show what the daemon is doing"),
    ("packhouse why ord_1", "show the history of an order"),
    ("packhouse orders list --status pending --json", "list orders as JSON"),
)
_STORE_EXAMPLES = (
    ("aly-store-cli orders list --status pending --json", "list orders as JSON"),
    ("aly-store-cli orders get ord_1", "show one order"),
    ("aly-store-cli webhooks list", "list webhooks"),
)


def parser() -> CommandParser:
    """The parser, for completion and the reference; the command itself needs none."""
    from packhouse_cli.arguments.options import JSON, Option
    from packhouse_cli.arguments.parsing import CommandParser

    described = CommandParser(
        prog="packhouse help",
        description="Show help for a command, or the exit codes.",
        examples=["packhouse help orders list", "packhouse help exit-codes"],
    )
    topic = Option("topic", metavar="TOPIC", nargs="*", help="a command with its subcommands, or exit-codes")
    topic.add_to(described)
    JSON.but(help="print the exit codes as JSON").add_to(described)
    return described


def run(argv: list[str], invocation: Invocation) -> int:
    """Print help for the command in `argv`, or the overview."""
    topic = argv[0] if argv else ""
    if topic in ("", "-h", "--help", "help"):
        _overview(invocation)
        return 0
    if topic == "exit-codes":
        _exit_codes(invocation.terminal, as_json="--json" in argv)
        return 0
    if topic not in registry.commands_of(invocation.program):
        raise UsageError(f"There is no help for {topic!r}. See {invocation.program} --help.")
    return registry.run(topic, [*argv[1:], "--help"], invocation)


def _overview(invocation: Invocation) -> None:
    terminal, program = invocation.terminal, invocation.program
    commands = registry.commands_of(program)
    ours = program == "packhouse"
    examples = _EXAMPLES if ours else _STORE_EXAMPLES
    terminal.line(
        "Packhouse ships the orders of an Aly store automatically."
        if ours
        else "The commands of the Aly store's documentation. See also packhouse --help."
    )
    terminal.line()
    terminal.line(styled("examples:", "bold"))
    widest = max(len(example) for example, _ in examples)
    for example, sense in examples:
        terminal.line(f"  {example.ljust(widest)}  {sense}")
    terminal.line()
    terminal.line(styled("commands:", "bold"))
    widest = max(len(name) for name in commands)
    for name, sense in commands.items():
        terminal.line(f"  {name.ljust(widest)}  {sense}")
    terminal.line()
    terminal.line(f"{program} COMMAND --help shows a command's options.")
    terminal.line(f"{program} help exit-codes lists the exit codes.")


def _exit_codes(terminal: Terminal, *, as_json: bool) -> None:
    if as_json:
        terminal.json([{"exit_code": int(code), "meaning": meaning} for code, meaning in MEANING.items()])
    else:
        terminal.table(("CODE", "MEANING"), [(int(code), meaning) for code, meaning in MEANING.items()])
