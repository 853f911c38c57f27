"""Confirmations: every command has a row in this table and does what it says, on a terminal and off one."""

from __future__ import annotations

import pytest

from packhouse_cli.arguments import tree
from packhouse_cli.exit_codes import Exit
from packhouse_cli.main import main
from packhouse_cli.terminal.output import Terminal
from tests.cli.runner import FakePeer, Pretended, call, serving

WHY = ["--reason", "counted"]
LEFT = ["--carrier", "UPS", "--tracking", "1Z999AA10123456784"]

# What spends or cannot be undone, and is ours: asked for on a terminal, refused off one without --yes.
ASKED = {
    "shipments ship": ["ord_1-1", *WHY],
    "shipments void": ["ord_1-1", *WHY],
    "shipments mark-shipped": ["ord_1-1", *LEFT, *WHY],
    "labels void": ["ord_1-1", *WHY],
}
# The same, tested where a plan can be made: tests/cli/commands/orders/test_many_orders.py; with an option:
# tests/cli/commands/test_reconcile.py.
ASKED_ELSEWHERE = {"apply", "reconcile"}
# Scripts have always run these without a word: asked for on a terminal at most, never refused off one.
AS_WRITTEN = {"labels create": ["--order", "ord_1"]}
# Can be undone, or the option itself is the answer (--not-bought): no question.
SILENT = {
    "shipments hold": ["ord_1-1", *WHY],
    "shipments release": ["ord_1-1", *WHY],
    "shipments retry": ["ord_1-1", "--not-bought", *WHY],
    "shipments adopt": ["ord_1-1", *LEFT, "--cost", "549", *WHY],
    "labels adopt": ["ord_1-1", *LEFT, "--cost", "549", *WHY],
    "holds place": ["ord_1", *WHY],
    "holds release": ["7", *WHY],
    "events replay": ["evt_1", *WHY],
    "pause": WHY,
    "resume": WHY,
}
# Changes nothing but files of the user's own.
HARMLESS = {
    *("demo", "serve", "sandbox", "status", "why", "tail", "doctor", "healthcheck", "completion", "version"),
    *("help", "orders list", "orders get", "orders why", "shipments list", "shipments show", "holds list"),
    *("labels get", "labels open", "labels print", "events list", "events show", "config check"),
    *("profile list", "profile show", "profile add", "profile use", "profile remove"),
    *("webhooks list", "webhooks deliveries list"),
}
LEAVES = {
    " ".join(command.words): {
        name for action in tree.options_of(command.parser) for name in action.option_strings
    }
    for command in tree.commands()
    if not tree.subcommands_of(command.parser)
}


def documented(line: str) -> bool:
    """Whether it is one of the lines that the store's own command has: they run off a terminal as written."""
    return line.split()[0] in ("orders", "webhooks") and line not in HARMLESS


def test_every_command_is_in_exactly_one_row() -> None:
    rows = [set(ASKED), ASKED_ELSEWHERE, set(AS_WRITTEN), set(SILENT), HARMLESS]
    placed = {line: sum(line in row for row in rows) + documented(line) for line in LEAVES}
    assert {line for line, count in placed.items() if count != 1} == set()


def test_yes_exists_where_a_command_asks_and_nowhere_else() -> None:
    may_answer = {line for line, options in LEAVES.items() if "--yes" in options and not documented(line)}
    assert may_answer == {*ASKED, *ASKED_ELSEWHERE, *AS_WRITTEN}


def acts(peer: FakePeer) -> list[str]:
    """What was asked of the daemon that changes something."""
    return [name for name, _ in peer.asked if not name.startswith("GET ")]


def at_a_terminal(
    line: list[str], answer: str, peer: FakePeer, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """The exit code and what appeared next to the result."""
    monkeypatch.setattr("sys.stdin", Pretended(answer))
    notes = Pretended()
    code = main(line, Terminal(Pretended(), notes, peer.environ), peer.environ)
    return code, notes.getvalue()


@pytest.mark.parametrize("line", ASKED)
def test_off_a_terminal_it_is_refused_and_nothing_is_sent(line: str) -> None:
    with serving({}) as peer:
        shown = call(*line.split(), *ASKED[line], environ=peer.environ)
        assert shown.code == Exit.USAGE
        assert "--yes" in shown.err
        assert peer.asked == []
        call(*line.split(), *ASKED[line], "--yes", environ=peer.environ)
        assert acts(peer)


@pytest.mark.parametrize("line", [*ASKED, *AS_WRITTEN])
def test_at_a_terminal_no_means_that_nothing_is_sent_and_yes_that_it_is(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*line.split(), *{**ASKED, **AS_WRITTEN}[line]]
    with serving({}) as peer:
        code, notes = at_a_terminal(words, "n\n", peer, monkeypatch)
        assert (code, acts(peer)) == (Exit.UNKNOWN, [])
        assert "[y/N]" in notes
        at_a_terminal(words, "y\n", peer, monkeypatch)
        assert acts(peer)


@pytest.mark.parametrize("line", [*SILENT, *AS_WRITTEN])
def test_a_script_is_not_held_up_by_what_can_be_undone_or_was_documented_so(line: str) -> None:
    with serving({}) as peer:
        shown = call(*line.split(), *{**SILENT, **AS_WRITTEN}[line], environ=peer.environ)
        assert shown.code == Exit.NOT_FOUND
        assert acts(peer)


@pytest.mark.parametrize("line", SILENT)
def test_at_a_terminal_what_can_be_undone_is_not_asked_about(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving({}) as peer:
        _, notes = at_a_terminal([*line.split(), *SILENT[line]], "", peer, monkeypatch)
        assert "[y/N]" not in notes
        assert acts(peer)
