"""Questions to the user, and what happens without a terminal."""

from __future__ import annotations

import io

import pytest

from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.terminal.output import Terminal
from packhouse_cli.terminal.prompt import confirm
from tests.cli.runner import Pretended

QUESTION = "Refund all of ord_1? Money sent back does not return."


def at_a_terminal() -> Terminal:
    return Terminal(Pretended(), Pretended(), {})


@pytest.mark.parametrize("said", ["y\n", "YES\n", " y \n"])
def test_a_person_who_says_yes_continues(said: str) -> None:
    terminal = at_a_terminal()
    confirm(QUESTION, terminal, yes=False, stdin=Pretended(said))
    assert isinstance(terminal.stderr, io.StringIO)
    assert terminal.stderr.getvalue() == f"{QUESTION} [y/N] "


@pytest.mark.parametrize("said", ["", "\n", "n\n", "yess\n"])
def test_anything_but_yes_is_no(said: str) -> None:
    with pytest.raises(CommandError) as raised:
        confirm(QUESTION, at_a_terminal(), yes=False, stdin=Pretended(said))
    assert raised.value.exit_code is Exit.UNKNOWN


@pytest.mark.parametrize("stdin", [io.StringIO("y\n"), Pretended("y\n")])
def test_off_a_terminal_a_change_is_refused_and_a_documented_line_runs(
    stdin: io.StringIO,
) -> None:
    terminal = Terminal(io.StringIO(), io.StringIO(), {})
    with pytest.raises(CommandError) as raised:
        confirm(QUESTION, terminal, yes=False, stdin=stdin)
    assert raised.value.exit_code is Exit.USAGE
    assert "--yes" in str(raised.value)
    confirm(QUESTION, terminal, yes=False, as_documented=True, stdin=stdin)


def test_yes_is_never_asked() -> None:
    terminal = at_a_terminal()
    confirm(QUESTION, terminal, yes=True, stdin=Pretended(""))
    assert isinstance(terminal.stderr, io.StringIO)
    assert terminal.stderr.getvalue() == ""
