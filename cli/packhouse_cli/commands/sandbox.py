"""`packhouse sandbox`: run a fake Aly store and a fake EasyPost in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from packhouse_cli.invocation import Invocation


def parser() -> ArgumentParser:
    """The parser of its arguments, without loading the sandbox."""
    from packhouse.sandbox import arguments

    return arguments.parser()


def run(argv: list[str], _invocation: Invocation) -> int:
    """Run the sandbox until Ctrl-C. The sandbox reads the arguments itself."""
    parser().parse_args(argv)  # --help and wrong arguments end here, before the sandbox is loaded
    from packhouse.sandbox.cli import run as run_sandbox

    return run_sandbox(argv)
