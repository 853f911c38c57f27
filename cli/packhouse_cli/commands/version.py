"""`packhouse version`, also `packhouse --version`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from packhouse_cli.terminal.output import Terminal

if TYPE_CHECKING:
    from packhouse_cli.arguments.parsing import CommandParser


def parser() -> CommandParser:
    """What it takes, for those who describe it; the command itself needs no parser."""
    from packhouse_cli.arguments.parsing import CommandParser, add_json

    described = CommandParser(
        prog="packhouse version", description="The version of packhouse.", examples=["packhouse version"]
    )
    add_json(described)
    return described


def run(argv: list[str], terminal: Terminal, _environ: Mapping[str, str]) -> int:
    """Print the version."""
    from packhouse import __version__

    if "--json" in argv:
        terminal.json({"version": __version__})
    else:
        terminal.line(f"packhouse {__version__}")
    return 0
