"""Arguments: argparse with our errors, examples before anything else, and a hint on a mistyped word.

A parser is filled when it is used: a noun with twenty verbs costs a call of one verb no more than that one.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from packhouse_cli.exit_codes import UsageError
from packhouse_cli.terminal.output import safe

# Understood by every command, wherever it stands in the line: option -> (metavar, what it does).
EVERYWHERE = {"--profile": ("NAME", "use this profile's store, daemon and keys")}
# What runs until it is stopped: it reads no profile, and its garbage is collected.
LONG_LIVED = frozenset({"demo", "serve", "sandbox"})

# No program can be called with a NUL in an argument, so nobody asks for this by accident.
DESCRIBE = "\0describe"


# argparse would look on the disk for translations of each of its words, dozens of times, and find none.
argparse._ = str  # type: ignore[attr-defined]


class Described(Exception):
    """Raised instead of reading arguments when a command was called with DESCRIBE; carries its parser."""

    def __init__(self, parser: CommandParser) -> None:
        super().__init__(parser)
        self.parser = parser


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
    """A parser that raises UsageError instead of ending the process, and takes no shortened options.

    `description` is a sentence or two, `examples` are whole command lines; help shows them first.
    """

    examples: tuple[str, ...]

    def __init__(
        self, *, prog: str, description: str = "", examples: Sequence[str] = (), **more: Any
    ) -> None:
        # argparse's own beginning waits until something of it is asked for, which __getattr__ sees.
        self.__dict__.update(
            prog=prog,
            examples=tuple(examples),
            _beginning={"description": description, **more},
            _waiting=[],
        )

    def __getattr__(self, name: str) -> Any:
        beginning = self.__dict__.pop("_beginning", None)
        if beginning is None:
            raise AttributeError(f"{type(self).__name__} has no {name}")
        waiting = self.__dict__.pop("_waiting")
        super().__init__(prog=self.prog, formatter_class=_Help, allow_abbrev=False, **beginning)
        for method, names, options in waiting:
            method(self, *names, **options)
        return getattr(self, name)

    def add_argument(self, *names: Any, **options: Any) -> Any:
        """As argparse's, but without an answer: it is only done when the parser is used."""
        return self._later(argparse.ArgumentParser.add_argument, *names, **options)

    def set_defaults(self, **options: Any) -> None:
        """As argparse's, done when the parser is used."""
        self._later(argparse.ArgumentParser.set_defaults, **options)

    def fill(self, declare: Callable[[CommandParser], None]) -> None:
        """Let `declare` add what belongs here when the parser is used: what it loads is loaded then."""
        self._later(declare)

    def _later(self, method: Callable[..., Any], *names: Any, **options: Any) -> Any:
        if "_waiting" not in self.__dict__:
            return method(self, *names, **options)
        return self._waiting.append((method, names, options))

    def format_help(self) -> str:
        """The sentence, the examples, then what argparse knows."""
        formatter = self._get_formatter()
        formatter.add_text(self.description)
        if self.examples:
            formatter.add_text("\n".join(["examples:", *(f"  {example}" for example in self.examples)]))
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        for group in self._action_groups:
            formatter.start_section(group.title)
            formatter.add_text(group.description)
            formatter.add_arguments(group._group_actions)
            formatter.end_section()
        if not LONG_LIVED.intersection(self.prog.split()):
            formatter.start_section("everywhere")
            formatter.add_arguments(
                argparse.Action([name], name, metavar=value, help=sense)
                for name, (value, sense) in EVERYWHERE.items()
            )
            formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print, with where to look."""
        raise UsageError(f"{safe(message[:1].upper() + message[1:])}. See {self.prog} --help.")

    def parse_args(  # type: ignore[override]  # nobody hands us a namespace
        self, args: Sequence[str]
    ) -> argparse.Namespace:
        """Read the arguments. Raises UsageError, with the nearest verb or option for a mistyped one."""
        if DESCRIBE in args:
            raise Described(self)
        leaf, rest = leaf_of(self, args)
        if isinstance(leaf, CommandParser) and not {"-h", "--help"}.intersection(rest[:1]):
            leaf.refuse_unknown(rest)
        return super().parse_args(list(args))

    def refuse_unknown(self, args: Sequence[str]) -> None:
        """Raise UsageError where a verb is missing or none of ours, or for an option that does not exist."""
        if verbs := verbs_of(self):
            if not args or args[0].startswith("-"):
                raise UsageError(f"{self.prog} needs a verb: {', '.join(verbs)}.")
            near = nearest(args[0], verbs)
            hint = f"Did you mean `{self.prog} {near}`?" if near else f"It has: {', '.join(verbs)}."
            raise UsageError(f"{self.prog} has no verb {safe(args[0])!r}. {hint}")
        options = self._option_string_actions
        for word in args:
            if word == "--":
                return
            name = word.partition("=")[0]
            if name.startswith("--") and " " not in name and name not in options:
                near = nearest(name, [known for known in options if known.startswith("--")])
                hint = f"Did you mean {near}?" if near else f"See {self.prog} --help."
                raise UsageError(f"{self.prog} has no option {safe(name)}. {hint}")

    def verbs(self) -> Verbs:
        """Make this a noun with verbs."""
        return Verbs(self)


class Verbs:
    """The verbs of a noun: each has its own parser and the function that runs it."""

    def __init__(self, noun: CommandParser) -> None:
        self._noun = noun
        self._under = noun.add_subparsers(metavar="VERB", title="verbs", parser_class=CommandParser)

    def add(self, name: str, run: Any, *, help: str, examples: Sequence[str] = ()) -> CommandParser:
        """A verb; `run` is called with the parsed arguments."""
        prog = f"{self._noun.prog} {name}"
        parser: CommandParser = self._under.add_parser(
            name, prog=prog, help=help, description=help[:1].upper() + help[1:] + ".", examples=examples
        )
        parser.set_defaults(run=run)
        return parser

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """Read the arguments. Raises UsageError, with a near name for a mistyped verb."""
        return self._noun.parse_args(argv)


def verbs_of(parser: argparse.ArgumentParser) -> dict[str, CommandParser]:
    """A noun's verbs by name, in their order; empty for a command without verbs."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def leaf_of(
    parser: argparse.ArgumentParser, args: Sequence[str]
) -> tuple[argparse.ArgumentParser, list[str]]:
    """The parser that the leading words lead to, and the words that are left for it."""
    rest = list(args)
    while rest and rest[0] in (verbs := verbs_of(parser)):
        parser = verbs[rest.pop(0)]
    return parser, rest


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The word that was probably meant, if any of these is near."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


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


def minor_units(text: str) -> int:
    """An amount of money in minor units, 1 or more, for argparse."""
    try:
        return count(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}: amounts are in minor units, 1500 for $15.00") from None


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


def an_id(text: str) -> str:
    """An id of the store's, for argparse: opaque, but nothing that would change a path."""
    if not text or len(text) > 255 or not text.isprintable() or set(text) & set(" /,") or text in (".", ".."):
        raise argparse.ArgumentTypeError(f"{safe(text)!r} cannot be an id such as ord_1")
    return text


def a_key(text: str) -> str:
    """An idempotency key, for argparse: what fits a header."""
    if not 0 < len(text) <= 255 or not text.isascii() or not text.isprintable():
        raise argparse.ArgumentTypeError("a key is 1 to 255 printable ASCII characters")
    return text
