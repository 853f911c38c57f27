"""Words that were meant otherwise, help that begins with examples, and parsers that are filled when used."""

from __future__ import annotations

import pytest

from packhouse_cli.arguments import tree as command_tree
from packhouse_cli.arguments.parsing import DESCRIBE, CommandParser, Described, verbs_of
from packhouse_cli.exit_codes import Exit, UsageError
from tests.cli.runner import call


def tree() -> CommandParser:
    noun = CommandParser(
        prog="packhouse parcels", description="Parcels.", examples=["packhouse parcels list"]
    )
    verbs = noun.verbs()
    verbs.add("list", "listed", help="list them").add_argument("--status", default="")
    inner = verbs.add("return", None, help="send one back").verbs()
    create = inner.add("create", "created", help="ask for it", examples=["packhouse parcels return create x"])
    create.add_argument("parcel", metavar="PARCEL")
    create.add_argument("--reason", required=True)
    return noun


def refused(*argv: str) -> str:
    with pytest.raises(UsageError) as caught:
        tree().parse_args(argv)
    return str(caught.value)


def test_a_nouns_verb_and_a_verbs_verb_are_found() -> None:
    assert tree().parse_args(["list", "--status", "held"]).run == "listed"
    asked = tree().parse_args(["return", "create", "p_1", "--reason", "too big"])
    assert (asked.run, asked.parcel, asked.reason) == ("created", "p_1", "too big")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((), "packhouse parcels needs a verb: list, return."),
        (("lits",), "Did you mean `packhouse parcels list`?"),
        (("return",), "packhouse parcels return needs a verb: create."),
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


def test_an_amount_with_a_point_is_told_about_minor_units() -> None:
    shown = call("orders", "refund", "ord_1", "--amount", "15.00", environ={})
    assert shown.code == Exit.USAGE
    assert "amounts are in minor units, 1500 for $15.00" in shown.err


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
    noun = CommandParser(prog="packhouse say")
    noun.add_argument(
        "--reason", help="a long explanation of why one would want to say anything at all to it"
    )
    assert max(map(len, noun.format_help().splitlines())) <= 50


def test_a_parser_that_is_not_used_is_not_filled() -> None:
    noun = tree()
    with pytest.raises(Described) as described:
        noun.parse_args([DESCRIBE])
    assert described.value.parser is noun
    noun.parse_args(["list"])
    unused = verbs_of(verbs_of(noun)["return"])["create"]
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


def test_what_fills_a_verb_is_called_when_that_verb_is_used_and_not_before() -> None:
    filled: list[str] = []

    def declare(parser: CommandParser) -> None:
        filled.append(parser.prog)
        parser.add_argument("--late")

    verb = CommandParser(prog="packhouse parcels late")
    verb.fill(declare)
    verb.add_argument("--early")
    assert filled == []
    asked = verb.parse_args(["--late", "1", "--early", "2"])
    assert (asked.late, asked.early, filled) == ("1", "2", ["packhouse parcels late"])
