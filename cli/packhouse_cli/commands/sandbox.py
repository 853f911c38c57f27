"""`packhouse sandbox`: a store and a carrier to try everything on, in this process."""

from __future__ import annotations

from collections.abc import Mapping

from packhouse_cli.output import Terminal


def run(argv: list[str], _terminal: Terminal, _environ: Mapping[str, str]) -> int:
    """Run the sandbox until Ctrl-C; its own door reads the arguments."""
    from packhouse.sandbox.door import run as open_sandbox

    return open_sandbox(argv)
