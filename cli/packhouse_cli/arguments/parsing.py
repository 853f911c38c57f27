"""The parser: argparse with our errors, examples before the usage, and a hint for a mistyped word.

A parser is filled when it is used: argparse's own set-up would take half of a quick command's time.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from packhouse_cli.exit_codes import UsageError
from packhouse_cli.terminal.suggestion import nearest
from packhouse_cli.terminal.text import wrap

# Options of every command, anywhere in the line: option -> (metavar, help).
GLOBAL_OPTIONS = {
    "--profile": ("NAME", "use this profile's store, daemon and keys"),
    "--config": ("FILE", "read the settings from this file, as PACKHOUSE_CONFIG does"),
}
# These run until they are stopped. They read no profile, and garbage is collected as usual.
LONG_RUNNING = frozenset({"demo", "serve", "sandbox"})


def _untranslated(text: Any) -> Any:
    return text


# argparse would look on the disk for translations of each of its words, dozens of times, and find none.
argparse._ = _untranslated  # type: ignore[attr-defined]


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal; argparse would load shutil to find that out."""

    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog, **{**more, "width": _columns() - 2})

    def _format_action(self, action: argparse.Action) -> str:
        if isinstance(action, argparse._SubParsersAction):  # the title says what they are
            return "".join(map(super()._format_action, action._get_subactions()))
        return super()._format_action(action)


def _columns() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(1).columns or 80
    except (OSError, ValueError):
        return 80


class CommandParser(argparse.ArgumentParser):
    """A parser that raises UsageError instead of ending the process, and accepts no shortened options.

    `description` is a sentence or two, `examples` are whole command lines; help shows them first.
    """

    examples: tuple[str, ...]

    def __init__(
        self, *, prog: str, description: str = "", examples: Sequence[str] = (), **more: Any
    ) -> None:
        # argparse's own set-up waits until one of its attributes is read, which __getattr__ notices.
        self.__dict__.update(prog=prog, examples=tuple(examples), _waiting=[])
        self.__dict__["_set_up"] = {"prog": prog, "description": description, **more}

    def __getattr__(self, name: str) -> Any:
        set_up = self.__dict__.pop("_set_up", None)
        if set_up is None:
            raise AttributeError(f"{type(self).__name__} has no {name}")
        waiting = self.__dict__.pop("_waiting")
        super().__init__(formatter_class=_Help, allow_abbrev=False, **set_up)
        for method, names, keywords in waiting:
            method(self, *names, **keywords)
        return getattr(self, name)

    def add_argument(self, *names: Any, **keywords: Any) -> Any:
        """As argparse's, but without a return value: the argument is added when the parser is used."""
        return self._later(argparse.ArgumentParser.add_argument, *names, **keywords)

    def set_defaults(self, **keywords: Any) -> None:
        """As argparse's, done when the parser is used."""
        self._later(argparse.ArgumentParser.set_defaults, **keywords)

    def fill(self, declare: Callable[[CommandParser], None]) -> None:
        """Let `declare` add arguments when the parser is used; its modules are loaded only then."""
        self._later(declare)

    def _later(self, method: Callable[..., Any], *names: Any, **keywords: Any) -> Any:
        if "_waiting" not in self.__dict__:
            return method(self, *names, **keywords)
        return self._waiting.append((method, names, keywords))

    def format_help(self) -> str:
        """The description, the examples, then the usage and all arguments."""
        formatter = self._get_formatter()
        width = _columns() - 2
        formatter.add_text("\n".join(wrap(self.description or "", width)))
        if self.examples:
            formatter.add_text("\n".join(["examples:", *(f"  {example}" for example in self.examples)]))
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        for group in self._action_groups:
            formatter.start_section(group.title)
            formatter.add_text(group.description)
            formatter.add_arguments(group._group_actions)
            formatter.end_section()
        if not LONG_RUNNING.intersection(self.prog.split()):
            formatter.start_section("global options")
            formatter.add_arguments(
                argparse.Action([name], name, metavar=value, help=sense)
                for name, (value, sense) in GLOBAL_OPTIONS.items()
            )
            formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print, with the way to the help."""
        raise UsageError(f"{message[:1].upper() + message[1:].removesuffix('.')}. See {self.prog} --help.")

    def parse_args(  # type: ignore[override]  # no caller passes a namespace
        self, args: Sequence[str]
    ) -> argparse.Namespace:
        """Read the arguments. Raises UsageError, with the nearest subcommand or option for a mistyped one."""
        leaf, rest = leaf_of(self, args)
        if isinstance(leaf, CommandParser) and not {"-h", "--help"}.intersection(rest[:1]):
            leaf.refuse_unknown(rest)
        return super().parse_args(list(args))

    def refuse_unknown(self, args: Sequence[str]) -> None:
        """Raise UsageError for a missing or unknown subcommand, or an unknown option."""
        if known := subcommands_of(self):
            if not args or args[0].startswith("-"):
                raise UsageError(f"{self.prog} needs a subcommand: {', '.join(known)}.")
            near = nearest(args[0], known)
            hint = f"Did you mean `{self.prog} {near}`?" if near else f"Its subcommands: {', '.join(known)}."
            raise UsageError(f"{self.prog} has no subcommand {args[0]!r}. {hint}")
        options = self._option_string_actions
        for word in args:
            if word == "--":
                return
            name = word.partition("=")[0]
            if name.startswith("--") and " " not in name and name not in options:
                near = nearest(name, [known for known in options if known.startswith("--")])
                hint = f"Did you mean {near}?" if near else f"See {self.prog} --help."
                raise UsageError(f"{self.prog} has no option {name}. {hint}")

    def subcommands(self) -> Subcommands:
        """Make this the parser of a group."""
        return Subcommands(self)


class Subcommands:
    """The subcommands of a group: each has a parser of its own."""

    def __init__(self, group: CommandParser) -> None:
        self._prog = group.prog
        self._under = group.add_subparsers(
            metavar="SUBCOMMAND", title="subcommands", parser_class=CommandParser
        )

    def add(self, name: str, help: str, declare: Callable[[CommandParser], None]) -> None:
        """Add a subcommand; `declare` fills its parser when that is used."""
        parser: CommandParser = self._under.add_parser(name, prog=f"{self._prog} {name}", help=help)
        parser.fill(declare)


def subcommands_of(parser: argparse.ArgumentParser) -> dict[str, CommandParser]:
    """A group's subcommands by name, in their order; empty for a command without subcommands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def leaf_of(
    parser: argparse.ArgumentParser, args: Sequence[str]
) -> tuple[argparse.ArgumentParser, list[str]]:
    """The parser that the leading words lead to, and the words that are left for it."""
    rest = list(args)
    while rest and rest[0] in (below := subcommands_of(parser)):
        parser = below[rest.pop(0)]
    return parser, rest
