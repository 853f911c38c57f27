"""`packhouse serve`: the daemon, in this process. Its settings say everything; it has no options."""

from __future__ import annotations

from collections.abc import Mapping

from packhouse_cli.arguments.parsing import CommandParser
from packhouse_cli.terminal.output import Terminal


def run(argv: list[str], _terminal: Terminal, _environ: Mapping[str, str]) -> int:
    """Run the daemon until SIGTERM or Ctrl-C."""
    CommandParser(
        prog="packhouse serve",
        description="Run the daemon. It is told everything by packhouse.toml, the environment\n"
        "(PACKHOUSE_...) and secret files; `packhouse config check` shows what it would run with.",
        examples=["packhouse serve", "PACKHOUSE_HTTP__PORT=9000 packhouse serve"],
    ).parse_args(argv)
    from packhouse.__main__ import main

    return int(main(argv))
