"""Answers a shell's TAB: what could stand where the cursor is. From the parsers, recent ids, and no network.

`packhouse __complete SHELL …` is what the scripts of `packhouse completion` call. It never fails: where it
does not know, it says nothing.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from packhouse_cli import main
from packhouse_cli.arguments import tree
from packhouse_cli.arguments.parsing import EVERYWHERE, leaf_of, verbs_of
from packhouse_cli.terminal.output import Terminal
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
    """One word that could stand there, and what it means."""

    word: str
    sense: str = ""


# The shell's own file names; a shell's script knows the word.
FILES = Offer(":files")


def answer(argv: Sequence[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Print the offers, one a line with a tab before its sense. `argv` is the shell's name, then what it has.

    bash hands over its word breaks and the line up to the cursor; the others the words up to the cursor.
    """
    shell, *given = argv or [""]
    breaks = ""
    try:
        if shell == "bash":
            breaks, line = given
            given = _split(line)[1:]
        found = offers(given, environ, terminal.program) if given else []
    except Exception:  # noqa: BLE001 - whatever goes wrong, a prompt must not be spoiled
        return 0
    cut = 1 + max((given[-1].rfind(char) for char in ":=" if char in breaks), default=-1) if given else 0
    for offer in found:
        # bash replaces what follows its last word break, not the whole word.
        word = offer.word if offer is FILES else offer.word[cut:]
        terminal.line(word if shell == "bash" else f"{word}\t{offer.sense}".rstrip("\t"))
    return 0


def offers(words: Sequence[str], environ: Mapping[str, str], program: str = "packhouse") -> list[Offer]:
    """What may stand in the place of the last of these words; the command itself is not among them."""
    *before, typed = words
    if before and before[-1] == "--profile" and "--" not in before:
        return _fitting(_profiles(environ), typed)
    before = list(_without_profile(before))
    known = main.nouns_of(program)
    if not before:
        nouns = [Offer(name, sense) for name, (_, sense) in known.items()]
        return _fitting([*nouns, *_options_everywhere(), Offer("--version"), Offer("--help")], typed)
    noun, *rest = before
    if noun == "help":
        return [] if rest else _fitting([*map(Offer, known), Offer("exit-codes")], typed)
    if noun not in known:
        return []
    parser, rest = leaf_of(tree.parser_of(noun, program), rest)
    return _fitting(_below(parser, rest, typed, environ), typed)


def _below(
    parser: argparse.ArgumentParser, before: Sequence[str], typed: str, environ: Mapping[str, str]
) -> list[Offer]:
    verbs = verbs_of(parser)
    if verbs:
        shown = [Offer(name, _sentence(verb.description)) for name, verb in verbs.items()]
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
                *(Offer(n, _sentence(a.help)) for n, a in options.items() if _may_stand(n, a, before)),
                *_options_everywhere(),
                Offer("--help", "what it does and takes"),
            ]
    place = _place(parser, options, before)
    return _values(place, parser, environ) if place is not None else []


def _may_stand(name: str, action: argparse.Action, before: Sequence[str]) -> bool:
    return isinstance(action, argparse._AppendAction) or name not in before


def _place(
    parser: argparse.ArgumentParser, options: Mapping[str, argparse.Action], before: Sequence[str]
) -> argparse.Action | None:
    """The nameless argument that comes next."""
    count, skip = 0, False
    for word in before:
        takes = options.get(word)
        if skip:
            skip = False
        elif takes is not None:
            skip = takes.nargs != 0
        elif not word.startswith("-"):
            count += 1
    places = tree.places_of(parser)
    if count >= len(places):
        return places[-1] if places and places[-1].nargs in ("*", "+") else None
    return places[count]


def _values(
    action: argparse.Action, parser: argparse.ArgumentParser, environ: Mapping[str, str]
) -> list[Offer]:
    if action.choices:
        return [Offer(str(choice)) for choice in action.choices]
    name = tree.name_of(action)
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


def _options_everywhere() -> list[Offer]:
    return [Offer(name, sense) for name, (_, sense) in EVERYWHERE.items()]


def _without_profile(words: Iterable[str]) -> Iterable[str]:
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word == "--profile":
            skip = True
        elif not word.startswith("--profile="):
            yield word


def _fitting(found: Iterable[Offer], typed: str) -> list[Offer]:
    return [each for each in found if each is FILES or each.word.startswith(typed)]


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split()).rstrip(".")


def _split(line: str) -> list[str]:
    """The words of a line, which may end inside quotes, as the shell sees them; the last is being typed."""
    import shlex

    for attempt in (line, f"{line}'", f'{line}"'):
        reader = shlex.shlex(attempt, posix=True, punctuation_chars="|&;")
        reader.whitespace_split = True
        reader.commenters = ""
        try:
            words = list(reader)
        except ValueError:
            continue
        # Only the command in which the cursor stands counts: what is behind the last pipe or semicolon.
        for at in range(len(words) - 1, -1, -1):
            if words[at] and set(words[at]) <= set("|&;"):
                words = words[at + 1 :]
                break
        while words and re.match(r"[A-Za-z_]\w*=", words[0]):
            words.pop(0)
        return [*words, ""] if attempt == line and line[-1:].isspace() else words
    return []
