"""`packhouse config check`: the settings the daemon would run with, secrets masked."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from packhouse_cli.arguments.parsing import CommandParser, add_json
from packhouse_cli.exit_codes import Exit
from packhouse_cli.terminal.output import Terminal, safe


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Run one verb of `config`."""
    noun = CommandParser(prog="packhouse config", description="The daemon's settings.")
    verbs = noun.verbs()
    check = verbs.add(
        "check",
        lambda arguments: _check(arguments, terminal, environ),
        help="read every setting as the daemon does, and print them with secrets masked",
        examples=["packhouse config check", "packhouse config check --json | jq .carrier"],
    )
    add_json(check)
    arguments = verbs.parse(argv)
    return int(arguments.run(arguments))


def _check(arguments: argparse.Namespace, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse import config, preflight

    settings = config.load(environ=environ)
    text = config.effective(settings)
    if arguments.json:
        import tomllib

        terminal.json(tomllib.loads(text))
    else:
        for line in text.splitlines():
            terminal.line(safe(line))
    preflight.require_startable(settings)
    return int(Exit.OK)
