"""Arguments: argparse with our errors, examples before anything else, and a hint on a mistyped word."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any, NoReturn

from packhouse_cli.exits import UsageError
from packhouse_cli.output import safe


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal; argparse would load shutil to find that out."""

    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog, **{**more, "width": _columns() - 2})


def _columns() -> int:
    asked = os.environ.get("COLUMNS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    try:
        return os.get_terminal_size(1).columns or 80
    except (OSError, ValueError):
        return 80


class CommandParser(argparse.ArgumentParser):
    """A parser that raises UsageError instead of ending the process, and takes no shortened options."""

    def __init__(
        self, *, prog: str, description: str = "", examples: Sequence[str] = (), **more: Any
    ) -> None:
        super().__init__(
            prog=prog,
            description=_with_examples(description, examples),
            formatter_class=_Help,
            allow_abbrev=False,
            exit_on_error=True,
            **more,
        )

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print, with where to look."""
        raise UsageError(f"{safe(message[:1].upper() + message[1:])}. See {self.prog} --help.")

    def verbs(self) -> Verbs:
        """Make this a noun with verbs."""
        return Verbs(self)


class Verbs:
    """The verbs of a noun: each has its own parser and the function that runs it."""

    def __init__(self, noun: CommandParser) -> None:
        self._noun = noun
        self._under = noun.add_subparsers(metavar="VERB", title="verbs", parser_class=CommandParser)
        self._names: list[str] = []

    def add(self, name: str, run: Any, *, help: str, examples: Sequence[str] = ()) -> CommandParser:
        """A verb; `run` is called with the parsed arguments."""
        self._names.append(name)
        prog = f"{self._noun.prog} {name}"
        parser: CommandParser = self._under.add_parser(
            name, prog=prog, help=help, description=help[:1].upper() + help[1:] + ".", examples=examples
        )
        parser.set_defaults(run=run)
        return parser

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """Read the arguments. Raises UsageError, with a near name for a mistyped verb."""
        if not argv:
            raise UsageError(f"{self._noun.prog} needs a verb: {', '.join(self._names)}.")
        word = argv[0]
        if not word.startswith("-") and word not in self._names:
            from difflib import get_close_matches

            near = get_close_matches(word, self._names, n=1, cutoff=0.6)
            hint = (
                f"Did you mean `{self._noun.prog} {near[0]}`?"
                if near
                else f"It has: {', '.join(self._names)}."
            )
            raise UsageError(f"{self._noun.prog} has no verb {safe(word)!r}. {hint}")
        return self._noun.parse_args(argv)


def _with_examples(description: str, examples: Sequence[str]) -> str:
    if not examples:
        return description
    return "\n".join([description, "", "examples:", *(f"  {example}" for example in examples)]).strip()


def add_json(parser: argparse.ArgumentParser, help: str = "print JSON for programs") -> None:
    """The `--json` option."""
    parser.add_argument("--json", action="store_true", help=help)


def count(text: str) -> int:
    """A whole number of 1 or more, for argparse."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{safe(text)!r} is not a whole number of 1 or more")
    return value


def share(text: str) -> float:
    """A number from 0 to 1, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{safe(text)!r} is not a number from 0 to 1")
    return value


def rate(text: str) -> float:
    """A number of 0 or more, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{safe(text)!r} is not a number of 0 or more")
    return value


def seconds(text: str) -> float:
    """A number above 0, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{safe(text)!r} is not a number above 0")
    return value
