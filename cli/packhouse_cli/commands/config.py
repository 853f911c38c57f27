"""`packhouse config check`: the settings that the daemon would use, with secrets masked."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command, Group
from packhouse_cli.arguments.options import JSON
from packhouse_cli.exit_codes import Exit

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _check(arguments: argparse.Namespace, invocation: Invocation) -> int:
    from packhouse import config, preflight

    settings = config.load(environ=invocation.environ)
    text = config.effective(settings)
    if arguments.json:
        import tomllib

        invocation.terminal.json(tomllib.loads(text))
    else:
        invocation.terminal.block(text)
    preflight.require_startable(settings)
    found = [check for check in preflight.run_config_checks(settings) if check.level != "pass"]
    for check in found:
        mark = "FAIL" if check.level == "fail" else "warn"
        invocation.terminal.note(f"{mark}  {check.name}: {check.reason}")
    return int(Exit.CHECKS_FAILED if any(check.level == "fail" for check in found) else Exit.OK)


COMMAND = Group(
    "check the daemon's settings",
    {
        "check": Command(
            "read every setting as the daemon does, and print them with secrets masked",
            _check,
            (JSON,),
            examples=("packhouse config check", "packhouse config check --json | jq .provider"),
        ),
    },
    examples=("packhouse config check",),
)
