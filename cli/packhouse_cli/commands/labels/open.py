"""`packhouse labels open`: show a label in the desktop's viewer, which is called without a shell."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.commands.labels.files import OPTIONS, fetch, report
from packhouse_cli.commands.labels.kinds import kind_of, name_of
from packhouse_cli.commands.labels.saving import save
from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.user.paths import labels_folder

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation

_TIMEOUT_S = 30.0
_KEPT_S = 86_400.0


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    shipment, content = fetch(arguments.shipment, invocation)
    folder = private_folder(invocation.environ)
    kind = kind_of(content)
    file = save(
        content, str(folder / f"{name_of(arguments.shipment, shipment['id'])}.{kind}"), force=True, mode=0o600
    )
    program = viewer(invocation.environ)
    opened = program is not None and show(program, file, invocation.environ)
    terminal = invocation.terminal
    if not opened:
        terminal.note("No viewer of this machine opens the label.")
    terminal.note(
        "Only you can read the file below. The next `packhouse labels open` after a day deletes it."
    )
    return report(invocation, arguments, shipment, kind, file, file, opened=opened)


def private_folder(environ: Mapping[str, str]) -> Path:
    """The folder for opened labels, which only this user can read; files older than a day are deleted.

    Raises CommandError if the folder cannot be made.
    """
    place = labels_folder(environ)
    if not place:
        raise CommandError(
            "Set HOME or XDG_CACHE_HOME to a folder for the label, or save the file: packhouse labels get "
            "SHIPMENT -o FILE.",
            Exit.UNKNOWN,
            "system",
        )
    folder = Path(place)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        for file in folder.iterdir():
            if file.is_file() and time.time() - file.stat().st_mtime > _KEPT_S:
                file.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(
            f"Cannot write the label to {folder} ({error.strerror}).", Exit.UNKNOWN, "system"
        ) from error
    return folder


def viewer(environ: Mapping[str, str]) -> str | None:
    """The program that opens files on this desktop; None without a desktop."""
    path = environ.get("PATH")
    if sys.platform == "darwin":
        return shutil.which("open", path=path)
    if not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        return None
    return shutil.which("xdg-open", path=path)


def show(program: str, file: str, environ: Mapping[str, str]) -> bool:
    """Open the file. Returns whether the viewer accepted it."""
    try:
        done = subprocess.run(  # noqa: S603 - a program of this system, found by its name
            [program, file], env=dict(environ), capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


COMMAND = Command(
    "open a label in this desktop's viewer, or print its path",
    _run,
    OPTIONS,
    examples=("packhouse labels open ord_1",),
)
