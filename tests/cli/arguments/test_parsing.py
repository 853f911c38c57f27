"""Mistyped words, help that begins with examples, and parsers that are filled when they are used."""

from __future__ import annotations

import argparse

import pytest

from packhouse_cli.arguments import registry
from packhouse_cli.arguments import tree as command_tree
from packhouse_cli.arguments.command import Command, Deferred, Group, parser_of
from packhouse_cli.arguments.options import Option
from packhouse_cli.arguments.parsing import CommandParser, subcommands_of
from packhouse_cli.exit_codes import Exit, UsageError
from packhouse_cli.invocation import Invocation
from tests.cli.runner import call


def listed(arguments: argparse.Namespace, invocation: Invocation) -> int:
    return 11


def created(arguments: argparse.Namespace, invocation: Invocation) -> int:
    return 12


CREATE = Command(
    "ask for it",
    created,
    (Option("parcel", metavar="PARCEL"), Option("--reason", required=True)),
    examples=("packhouse parcels return create x",),
)
PARCELS = Group(
    "work with parcels",
    {
        "list": Command("list them", listed, (Option("--status", default=""),)),
        "return": Group("send one back", {"create": CREATE}),
    },
    examples=("packhouse parcels list",),
)


def tree() -> CommandParser:
    return parser_of(PARCELS, "packhouse parcels")


def refused(*argv: str) -> str:
    with pytest.raises(UsageError) as caught:
        tree().parse_args(argv)
    return str(caught.value)


def test_a_subcommand_and_a_subcommand_of_a_subcommand_are_found() -> None:
    assert tree().parse_args(["list", "--status", "held"]).run is listed
    asked = tree().parse_args(["return", "create", "p_1", "--reason", "too big"])
    assert (asked.run, asked.parcel, asked.reason) == (created, "p_1", "too big")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((), "packhouse parcels needs a subcommand: list, return."),
        (("lits",), "Did you mean `packhouse parcels list`?"),
        (("return",), "packhouse parcels return needs a subcommand: create."),
        (("return", "craete"), "Did you mean `packhouse parcels return create`?"),
        (("list", "--satus", "held"), "packhouse parcels list has no option --satus. Did you mean --status?"),
        (("list", "--satus=held"), "Did you mean --status?"),
        (("return", "create", "p", "--resaon", "x"), "Did you mean --reason?"),
        (("list", "--zzz"), "See packhouse parcels list --help."),
        (("list", "held"), "Unrecognized arguments: held"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_nearest_one(argv: tuple[str, ...], words: str) -> None:
    assert words in refused(*argv)


@pytest.mark.parametrize(
    "text", ["15,00", "$15.00", "1e3", "-5", "five", "15.00.00", "USDUSD 5", "", "0", "0.00"]
)
def test_an_amount_that_is_none_gets_an_error_with_the_forms(text: str) -> None:
    shown = call("orders", "refund", "ord_1", f"--amount={text}", environ={})
    assert shown.code == Exit.USAGE
    assert "1500 is 15.00 USD" in shown.err or "is nothing" in shown.err


def test_what_is_behind_two_dashes_or_belongs_to_an_option_is_no_option() -> None:
    parser = CommandParser(prog="packhouse say")
    parser.add_argument("words", nargs="*")
    parser.add_argument("--reason", default="")
    assert parser.parse_args(["--", "--not-ours"]).words == ["--not-ours"]
    assert parser.parse_args(["--reason=--why-not"]).reason == "--why-not"


def test_help_begins_with_a_sentence_and_the_examples() -> None:
    shown = call("orders", "list", "--help").out
    assert shown.splitlines()[0].endswith(".")
    assert shown.index("examples:") < shown.index("usage:") < shown.index("options:")
    assert "\nexamples:\n  packhouse orders list" in shown


def test_help_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    parser = CommandParser(prog="packhouse say")
    parser.add_argument(
        "--reason", help="a long explanation of why one would want to say anything at all to it"
    )
    assert max(map(len, parser.format_help().splitlines())) <= 50


def test_a_parser_that_is_not_used_is_not_filled() -> None:
    group = tree()
    group.parse_args(["list"])
    unused = subcommands_of(subcommands_of(group)["return"])["create"]
    assert "_actions" not in vars(unused)
    assert unused.format_usage().startswith("usage: packhouse parcels return create")
    assert "_actions" in vars(unused)


def test_every_command_can_be_described_and_shows_an_example() -> None:
    found = list(command_tree.commands())
    assert ("orders", "list") in {command.words for command in found}
    for command in found:
        has_examples = bool(command.examples) or "examples:" in command.parser.format_help()
        assert has_examples or command.parser._subparsers is not None, command.words


def test_an_unknown_option_before_a_command_is_named() -> None:
    shown = call("--zzz", "orders")
    assert shown.code == Exit.USAGE
    assert "no option --zzz before a command" in shown.err


def test_a_subcommand_is_filled_when_it_is_used_and_not_before() -> None:
    filled: list[str] = []

    def declare(parser: CommandParser) -> None:
        filled.append(parser.prog)
        parser.add_argument("--late")

    subcommand = CommandParser(prog="packhouse parcels late")
    subcommand.fill(declare)
    subcommand.add_argument("--early")
    assert filled == []
    asked = subcommand.parse_args(["--late", "1", "--early", "2"])
    assert (asked.late, asked.early, filled) == ("1", "2", ["packhouse parcels late"])


def every_group() -> list[str]:
    return [
        " ".join(command.words)
        for command in command_tree.commands()
        if command_tree.subcommands_of(command.parser)
    ]


@pytest.mark.parametrize("group", every_group())
def test_the_help_of_a_group_lists_its_subcommands_and_nothing_stray(group: str) -> None:
    shown = call(*group.split(), "--help").out
    assert "None" not in shown
    title, first, *_ = shown[shown.index("subcommands:") :].splitlines()
    assert title == "subcommands:"
    assert first.startswith("  ")
    assert first.split()[0].islower()


def deferred(command: Group, words: tuple[str, ...]) -> list[tuple[tuple[str, ...], Deferred]]:
    found: list[tuple[tuple[str, ...], Deferred]] = []
    for name, subcommand in command.subcommands.items():
        if isinstance(subcommand, Deferred):
            found.append(((*words, name), subcommand))
            subcommand_loaded = subcommand.load()
            if isinstance(subcommand_loaded, Group):
                found += deferred(subcommand_loaded, (*words, name))
        elif isinstance(subcommand, Group):
            found += deferred(subcommand, (*words, name))
    return found


def test_a_deferred_subcommand_has_the_help_that_its_group_shows() -> None:
    found = [
        each
        for name in registry.COMMANDS
        if isinstance(command := getattr(registry.module_of(name), "COMMAND", None), Group)
        for each in deferred(command, (name,))
    ]
    assert len(found) > 20
    assert {words: one.help for words, one in found} == {words: one.load().help for words, one in found}


def test_the_registry_has_the_help_of_each_command() -> None:
    declared = {
        name: command.help
        for name in registry.COMMANDS
        if (command := getattr(registry.module_of(name), "COMMAND", None)) is not None
    }
    assert declared == {name: registry.COMMANDS[name] for name in declared}
