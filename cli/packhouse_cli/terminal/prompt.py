"""Asks before an operation that spends money or cannot be undone; `--yes` answers beforehand."""

from __future__ import annotations

import sys
from typing import TextIO

from packhouse_cli.exit_codes import CommandError, Exit, UsageError
from packhouse_cli.terminal.output import Terminal


def confirm(
    question: str,
    terminal: Terminal,
    *,
    yes: bool,
    as_documented: bool = False,
    stdin: TextIO | None = None,
) -> None:
    """Ask on the terminal, and return when the answer is yes. `question` names what cannot be undone.

    With `yes` nothing is asked. `as_documented`: the store's documentation has this line without a question,
    so without a terminal it runs as it is. Raises UsageError where no question can be asked, CommandError
    where the answer is no.
    """
    if yes:
        return
    answers = sys.stdin if stdin is None else stdin
    if not (answers.isatty() and terminal.stderr.isatty()):
        if as_documented:
            return
        raise UsageError(
            f"{question} Not a terminal, so no confirmation is possible. Nothing was done. "
            "Pass --yes to confirm."
        )
    terminal.question(f"{question} [y/N]")
    if answers.readline().strip().lower() not in ("y", "yes"):
        raise CommandError("Nothing was done.", Exit.UNKNOWN, "declined")
