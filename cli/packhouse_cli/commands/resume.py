"""`packhouse resume`: the undo of pause.py."""

from __future__ import annotations

from collections.abc import Mapping

from packhouse_cli.commands import pause
from packhouse_cli.terminal.output import Terminal


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Resume."""
    return pause.act("resume", "Buying and posting go on; what waited is due now.", argv, terminal, environ)
