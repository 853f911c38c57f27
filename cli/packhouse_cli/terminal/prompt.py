"""The question before what spends or cannot be undone: on a terminal only, and answered by --yes."""

from __future__ import annotations

import sys
from typing import TextIO

from packhouse_cli.exit_codes import CommandError, Exit, UsageError
from packhouse_cli.terminal.output import Terminal


def agree(
    question: str,
    terminal: Terminal,
    *,
    yes: bool,
    as_written: bool = False,
    stdin: TextIO | None = None,
) -> None:
    """Return when the person agrees, or did with `yes`. `question` ends in what it is that cannot be undone.

    `as_written`: the store documents this line without a question, so where nobody can be asked it just runs.
    Raises UsageError where nobody can be asked otherwise, CommandError where the person says no.
    """
    if yes:
        return
    answers = sys.stdin if stdin is None else stdin
    if not (answers.isatty() and terminal.stderr.isatty()):
        if as_written:
            return
        raise UsageError(f"Nobody can be asked here, so nothing was done: {question} Add --yes to agree.")
    terminal.stderr.write(f"{question} [y/N] ")
    terminal.stderr.flush()
    if answers.readline().strip().lower() not in ("y", "yes"):
        raise CommandError("Nothing was done.", Exit.UNKNOWN, "declined")
