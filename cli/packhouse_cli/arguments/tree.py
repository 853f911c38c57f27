"""What the command understands, read from its own parsers, for completion, manual pages and the reference."""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

from packhouse_cli import main
from packhouse_cli.arguments.parsing import DESCRIBE, Described, verbs_of
from packhouse_cli.terminal.output import Terminal


class Command(NamedTuple):
    """One command line's beginning, such as ("orders", "list"), and the parser of what follows."""

    words: tuple[str, ...]
    parser: argparse.ArgumentParser

    @property
    def examples(self) -> tuple[str, ...]:
        """Whole command lines."""
        self.parser.format_usage()  # a parser of ours is filled when it is first used
        return getattr(self.parser, "examples", ())


def parser_of(noun: str, program: str = "packhouse") -> argparse.ArgumentParser:
    """The parser of one noun, as a program of this name has it. Loads its module and nothing else."""
    module = import_module(f"packhouse_cli.commands.{main.NOUNS[noun][0]}")
    if hasattr(module, "parser"):
        parser: argparse.ArgumentParser = module.parser()
        return parser
    nowhere = io.StringIO()
    terminal = Terminal(nowhere, nowhere, {})
    terminal.program = program
    try:
        module.run([DESCRIBE], terminal, {})
    except Described as described:
        return described.parser
    raise LookupError(f"packhouse {noun} has no parser to be described by")


def commands() -> Iterator[Command]:
    """Every command in the order of the help: a noun, then its verbs, theirs behind them."""
    for noun in main.NOUNS:
        yield from _below((noun,), parser_of(noun))


def _below(words: tuple[str, ...], parser: argparse.ArgumentParser) -> Iterator[Command]:
    yield Command(words, parser)
    for name, verb in verbs_of(parser).items():
        yield from _below((*words, name), verb)


def options_of(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The options a person may write, without --help."""
    return [action for action in _shown(parser) if action.option_strings and action.dest != "help"]


def places_of(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The arguments without a name, in their order; verbs are none."""
    return [
        action
        for action in _shown(parser)
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction)
    ]


def _shown(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    parser.format_usage()  # a parser of ours is filled when it is first used
    return (action for action in parser._actions if action.help != argparse.SUPPRESS)


def name_of(action: argparse.Action) -> str:
    """What stands for the value in help: the metavar, or the option's own name in capitals."""
    shown = action.metavar or action.dest
    return shown.upper() if isinstance(shown, str) else " ".join(shown)
