"""`packhouse sandbox`: a practice store and label provider, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from packhouse_cli.invocation import Invocation


def parser() -> ArgumentParser:
    """The sandbox's parser; the sandbox itself is not loaded."""
    from packhouse.sandbox import arguments

    return arguments.parser()


def run(argv: list[str], _invocation: Invocation) -> int:
    """Run the sandbox until Ctrl-C; its own entry point reads the arguments."""
    parser().parse_args(argv)  # help and usage errors are answered before anything is loaded
    from packhouse.sandbox.door import run as open_sandbox

    return open_sandbox(argv)
