"""`packhouse version`, also `packhouse --version`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packhouse_cli.arguments.parsing import CommandParser
    from packhouse_cli.invocation import Invocation


def parser() -> CommandParser:
    """The parser, for completion and the reference; the command itself needs none."""
    from packhouse_cli.arguments.options import JSON
    from packhouse_cli.arguments.parsing import CommandParser

    described = CommandParser(
        prog="packhouse version", description="Print the version.", examples=["packhouse version"]
    )
    JSON.add_to(described)
    return described


def run(argv: list[str], invocation: Invocation) -> int:
    """Print the version."""
    from packhouse import __version__

    if "--json" in argv:
        invocation.terminal.json({"version": __version__})
    else:
        invocation.terminal.line(f"packhouse {__version__}")
    return 0
