"""Offers a shell the words that can follow: commands, options, and ids seen recently. Uses no network.

The scripts of `packhouse completion` call `packhouse __complete SHELL …`. It never fails: where it knows
nothing, it prints nothing.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from packhouse_cli.arguments import registry, tree
from packhouse_cli.arguments.parsing import GLOBAL_OPTIONS, leaf_of, subcommands_of
from packhouse_cli.invocation import Invocation
from packhouse_cli.user import recent_ids

# An argument's name in help -> ids that fit there.
_IDS = {
    "ORDER": re.compile(r"ord_[^-]+"),
    "ORD": re.compile(r"ord_[^-]+"),
    "SHIPMENT": re.compile(r"ord_.+-\d+"),
    "RETURN": re.compile(r"ret_.+"),
    "RET": re.compile(r"ret_.+"),
    "WEBHOOK": re.compile(r"wh_.+"),
    "ENDPOINT": re.compile(r"wh_.+"),
    "WH": re.compile(r"wh_.+"),
    "DELIVERY": re.compile(r"del_.+"),
    "DEL": re.compile(r"del_.+"),
    "EVENT_ID": re.compile(r"evt_.+"),
    "LINE:QTY": re.compile(r"li_.+"),
}
_FILES = {"FILE", "DIR", "PATH", "PLAN"}
_STATUS = ("pending", "fulfilled", "cancelled", "refunded", "returned")


class Offer(NamedTuple):
    """One word that can follow, and what it means."""

    word: str
    sense: str = ""


# The shell completes file names by itself; each script knows this word.
FILES = Offer(":files")


def answer(argv: Sequence[str], invocation: Invocation) -> int:
    """Print the offers, one a line with a tab before its meaning. `argv` is the shell's name, then its words.

    bash passes its word breaks and the line up to the cursor; the others pass the words up to the cursor.
    """
    shell, *given = argv or [""]
    breaks = ""
    try:
        if shell == "bash":
            breaks, line = given
            given = _split(line)[1:]
        found = offers(given, invocation.environ, invocation.program) if given else []
    except Exception:  # noqa: BLE001 - an error must not disturb the prompt
        return 0
    cut = 1 + max((given[-1].rfind(char) for char in ":=" if char in breaks), default=-1) if given else 0
    for offer in found:
        # bash replaces the part after its last word break, not the whole word.
        word = offer.word if offer is FILES else offer.word[cut:]
        shown = [word] if shell == "bash" or not offer.sense else [word, offer.sense]
        invocation.terminal.tabbed(shown)
    return 0


def offers(words: Sequence[str], environ: Mapping[str, str], program: str = "packhouse") -> list[Offer]:
    """What can replace the last of these words, which begin after the program's name."""
    *before, typed = words
    if before and before[-1] == "--profile" and "--" not in before:
        return _fitting(_profiles(environ), typed)
    if before and before[-1] == "--config" and "--" not in before:
        return [FILES]
    before = list(_without_globals(before))
    known = registry.commands_of(program)
    if not before:
        names = [Offer(name, sense) for name, sense in known.items()]
        return _fitting([*names, *_global_options(), Offer("--version"), Offer("--help")], typed)
    name, *rest = before
    if name == "help":
        return [] if rest else _fitting([*map(Offer, known), Offer("exit-codes")], typed)
    if name not in known:
        return []
    parser, rest = leaf_of(tree.parser_of(name, program), rest)
    return _fitting(_below(parser, rest, typed, environ), typed)


def _below(
    parser: argparse.ArgumentParser, before: Sequence[str], typed: str, environ: Mapping[str, str]
) -> list[Offer]:
    below = subcommands_of(parser)
    if below:
        shown = [Offer(name, sense) for name, sense in _help_of(parser).items()]
        return [] if before else [*shown, Offer("--help")] if typed.startswith("-") else shown
    options = {name: action for action in tree.options_of(parser) for name in action.option_strings}
    if "--" not in before:
        waiting = options.get(before[-1]) if before else None
        if waiting is not None and waiting.nargs != 0:
            return _values(waiting, parser, environ)
        name, equals, _ = typed.partition("=")
        if equals and name in options:
            values = _values(options[name], parser, environ)
            return [FILES if each is FILES else Offer(f"{name}={each.word}", each.sense) for each in values]
        if typed.startswith("-"):
            return [
                *(Offer(n, _sentence(a.help)) for n, a in options.items() if _may_be_given(n, a, before)),
                *_global_options(),
                Offer("--help", "show what it does, with examples"),
            ]
    positional = _positional(parser, options, before)
    return _values(positional, parser, environ) if positional is not None else []


def _may_be_given(name: str, action: argparse.Action, before: Sequence[str]) -> bool:
    return isinstance(action, argparse._AppendAction) or name not in before


def _positional(
    parser: argparse.ArgumentParser, options: Mapping[str, argparse.Action], before: Sequence[str]
) -> argparse.Action | None:
    """The positional argument that comes next."""
    count, skip = 0, False
    for word in before:
        takes = options.get(word)
        if skip:
            skip = False
        elif takes is not None:
            skip = takes.nargs != 0
        elif not word.startswith("-"):
            count += 1
    expected = tree.positionals_of(parser)
    if count >= len(expected):
        return expected[-1] if expected and expected[-1].nargs in ("*", "+") else None
    return expected[count]


def _values(
    action: argparse.Action, parser: argparse.ArgumentParser, environ: Mapping[str, str]
) -> list[Offer]:
    if action.choices:
        return [Offer(str(choice)) for choice in action.choices]
    name = tree.value_name_of(action)
    if name in _FILES:
        return [FILES]
    if name == "PROFILE":
        return _profiles(environ)
    if action.dest == "status" and "orders" in parser.prog:
        return [Offer(status) for status in _STATUS]
    fits = re.compile(r"cust_.+") if action.dest == "customer_id" else _IDS.get(name)
    known = recent_ids.read(environ) if fits else []
    ending = ":" if name == "LINE:QTY" else ""
    return [Offer(ident + ending) for ident in known if fits and fits.fullmatch(ident)]


def _profiles(environ: Mapping[str, str]) -> list[Offer]:
    from packhouse_cli.user import profiles

    known = profiles.load(environ).by_name.values()
    return [Offer(one.name, one.site_slug or one.store_url or one.daemon_url) for one in known]


def _global_options() -> list[Offer]:
    return [Offer(name, sense) for name, (_, sense) in GLOBAL_OPTIONS.items()]


def _without_globals(words: Iterable[str]) -> Iterable[str]:
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in GLOBAL_OPTIONS:
            skip = True
        elif word.partition("=")[0] not in GLOBAL_OPTIONS:
            yield word


def _fitting(found: Iterable[Offer], typed: str) -> list[Offer]:
    return [each for each in found if each is FILES or each.word.startswith(typed)]


def _help_of(group: argparse.ArgumentParser) -> dict[str, str]:
    """The help of each subcommand, from the group: no subcommand's module is loaded for it."""
    return {
        choice.dest: _sentence(choice.help)
        for action in group._actions
        if isinstance(action, argparse._SubParsersAction)
        for choice in action._choices_actions
    }


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split()).rstrip(".")


def _split(line: str) -> list[str]:
    """The words of a line as the shell splits it; the last is still being typed and may be inside quotes."""
    import shlex

    for attempt in (line, f"{line}'", f'{line}"'):
        reader = shlex.shlex(attempt, posix=True, punctuation_chars="|&;")
        reader.whitespace_split = True
        reader.commenters = ""
        try:
            words = list(reader)
        except ValueError:
            continue
        # Only the command at the cursor counts: the words after the last pipe or semicolon.
        for at in range(len(words) - 1, -1, -1):
            if words[at] and set(words[at]) <= set("|&;"):
                words = words[at + 1 :]
                break
        while words and re.match(r"[A-Za-z_]\w*=", words[0]):
            words.pop(0)
        return [*words, ""] if attempt == line and line[-1:].isspace() else words
    return []
