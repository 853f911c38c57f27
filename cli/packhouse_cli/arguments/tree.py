"""All commands with their parsers, for completion, manual pages and the reference."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import NamedTuple

from packhouse_cli.arguments import command, registry
from packhouse_cli.arguments.parsing import subcommands_of


class Command(NamedTuple):
    """The words of one command, such as ("orders", "list"), and the parser of what follows."""

    words: tuple[str, ...]
    parser: argparse.ArgumentParser

    @property
    def examples(self) -> tuple[str, ...]:
        """Whole command lines."""
        self.parser.format_usage()  # a parser of ours is filled when it is first used
        return getattr(self.parser, "examples", ())


def parser_of(name: str, program: str = "packhouse") -> argparse.ArgumentParser:
    """The parser of one command of the program with this name. Loads no other command's module."""
    module = registry.module_of(name)
    if hasattr(module, "COMMAND"):
        return command.parser_of(module.COMMAND, f"{program} {name}")
    parser: argparse.ArgumentParser = module.parser()
    return parser


def commands() -> Iterator[Command]:
    """Every command in the order of the help, each followed by its subcommands."""
    for name in registry.COMMANDS:
        yield from _below((name,), parser_of(name))


def _below(words: tuple[str, ...], parser: argparse.ArgumentParser) -> Iterator[Command]:
    yield Command(words, parser)
    for name, subcommand in subcommands_of(parser).items():
        yield from _below((*words, name), subcommand)


def options_of(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The options, without --help."""
    return [action for action in _shown(parser) if action.option_strings and action.dest != "help"]


def positionals_of(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The positional arguments in their order; a subcommand is none."""
    return [
        action
        for action in _shown(parser)
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction)
    ]


def _shown(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    parser.format_usage()  # a parser of ours is filled when it is first used
    return (action for action in parser._actions if action.help != argparse.SUPPRESS)


def value_name_of(action: argparse.Action) -> str:
    """The value's name in help: the metavar, or the option's own name in capitals."""
    shown = action.metavar or action.dest
    return shown.upper() if isinstance(shown, str) else " ".join(shown)
