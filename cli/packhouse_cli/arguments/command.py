"""Commands as values: each names its help, examples, options and the function that runs it.

A module of `commands/` has one COMMAND. A group names its subcommands; a `Deferred` one is loaded when
it is used, so a call of one subcommand does not load the others.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from packhouse_cli.arguments.options import Option, OptionGroup
from packhouse_cli.arguments.parsing import CommandParser

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation

Run = Callable[[argparse.Namespace, "Invocation"], int]


class Command:
    """A command without subcommands. `help` is its line in a list and, as a sentence, its description.

    `description` replaces that sentence. `examples` are whole command lines; {prog} means the words that
    call the command.
    """

    def __init__(
        self,
        help: str,
        run: Run,
        options: Sequence[Option | OptionGroup] = (),
        examples: Sequence[str] = (),
        description: str = "",
    ) -> None:
        self.help = help
        self.run = run
        self.options = options
        self.examples = examples
        self.description = description or sentence(help)


class Group:
    """A command with subcommands, by name."""

    def __init__(
        self,
        help: str,
        subcommands: Mapping[str, Command | Group | Deferred],
        examples: Sequence[str] = (),
        description: str = "",
    ) -> None:
        self.help = help
        self.subcommands = subcommands
        self.examples = examples
        self.description = description or sentence(help)


class Deferred:
    """A subcommand whose module is loaded when it is used. Its COMMAND has the same `help`.

    `is_ours`: the store's own command line has no such subcommand, so aly-store-cli has none either.
    """

    def __init__(self, help: str, module: str, *, is_ours: bool = False) -> None:
        self.help = help
        self.module = module
        self.is_ours = is_ours

    def load(self) -> Command | Group:
        """The subcommand itself."""
        command: Command | Group = import_module(f"packhouse_cli.commands.{self.module}").COMMAND
        return command


def run(command: Command | Group, name: str, argv: Sequence[str], invocation: Invocation) -> int:
    """Read the arguments and run the command, or the subcommand that they name. Raises UsageError."""
    arguments = parser_of(command, f"{invocation.program} {name}").parse_args(argv)
    return int(arguments.run(arguments, invocation))


def parser_of(command: Command | Group, prog: str) -> CommandParser:
    """The parser of a command that is called as `prog`, for example "packhouse orders"."""
    parser = CommandParser(prog=prog, description=command.description)
    _fill(parser, command)
    return parser


def sentence(help: str) -> str:
    """A help line as a sentence."""
    return f"{help[:1].upper()}{help[1:]}."


def _fill(parser: CommandParser, command: Command | Group) -> None:
    program = parser.prog.partition(" ")[0]
    parser.examples = tuple(
        example.replace("{prog}", parser.prog).replace("packhouse", program, 1)
        for example in command.examples
    )
    if isinstance(command, Command):
        for option in command.options:
            option.add_to(parser)
        parser.set_defaults(run=command.run)
        return
    below = parser.subcommands()
    for name, subcommand in command.subcommands.items():
        if isinstance(subcommand, Deferred) and subcommand.is_ours and program != "packhouse":
            continue
        below.add(name, subcommand.help, _filler(subcommand))


def _filler(subcommand: Command | Group | Deferred) -> Callable[[CommandParser], None]:
    def fill(parser: CommandParser) -> None:
        command = subcommand.load() if isinstance(subcommand, Deferred) else subcommand
        parser.description = command.description
        _fill(parser, command)

    return fill
