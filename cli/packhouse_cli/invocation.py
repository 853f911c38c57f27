"""What the commands that ask the daemon share: the daemon itself, and the options of a person's acts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from packhouse_cli.clients.daemon import Daemon
from packhouse_cli.terminal.output import Terminal
from packhouse_cli.user.settings import CliSettings

Verb = Callable[[argparse.Namespace, Terminal, Mapping[str, str]], int]


@contextmanager
def asking(environ: Mapping[str, str]) -> Iterator[Daemon]:
    """The daemon of this environment. Raises UsageError where no token is set."""
    settings = CliSettings(environ)
    daemon = Daemon(settings.daemon_url, settings.token)
    try:
        yield daemon
    finally:
        daemon.close()


def bound(verb: Verb, terminal: Terminal, environ: Mapping[str, str]) -> Callable[[argparse.Namespace], int]:
    """The verb as a parser calls it."""
    return lambda arguments: verb(arguments, terminal, environ)


def add_reason(parser: argparse.ArgumentParser) -> None:
    """The `--reason` option, which an override cannot go without."""
    parser.add_argument("--reason", metavar="WHY", required=True, help="why; it is written to the journal")


def add_yes(parser: argparse.ArgumentParser) -> None:
    """The `--yes` option."""
    parser.add_argument("--yes", action="store_true", help="do not ask")
