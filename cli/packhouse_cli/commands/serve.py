"""`packhouse serve`: the daemon, in this process. It has settings and no options."""

from __future__ import annotations

import argparse
import signal
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation


def _run(_arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Run the daemon until SIGTERM, SIGHUP or Ctrl-C."""
    # Until the daemon serves and has handlers of its own, nothing has begun that a stop could interrupt.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    from packhouse.__main__ import main

    return int(main([], invocation.environ))


def _end(_number: int, _frame: object) -> None:
    raise SystemExit(0)


COMMAND = Command(
    "run the daemon",
    _run,
    description="Run the daemon. It reads its settings from packhouse.toml, the environment (PACKHOUSE_...) "
    "and secret files. `packhouse config check` prints the settings that it would use.",
    examples=("packhouse serve", "PACKHOUSE_HTTP__PORT=9000 packhouse serve"),
)
