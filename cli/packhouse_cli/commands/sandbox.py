"""`packhouse sandbox`: a store and a carrier to try everything on, in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from packhouse_cli.terminal.output import Terminal

if TYPE_CHECKING:
    from argparse import ArgumentParser


def parser() -> ArgumentParser:
    """What it takes, without opening the sandbox."""
    from packhouse.sandbox import arguments

    return arguments.parser()


def run(argv: list[str], _terminal: Terminal, _environ: Mapping[str, str]) -> int:
    """Run the sandbox until Ctrl-C; its own door reads the arguments."""
    parser().parse_args(argv)  # help and slips are answered before anything is loaded
    from packhouse.sandbox.door import run as open_sandbox

    return open_sandbox(argv)
