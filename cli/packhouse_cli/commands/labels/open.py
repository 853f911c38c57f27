"""`packhouse labels open`: show a label in the desktop's viewer, which is called without a shell."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.commands.labels.files import OPTIONS, fetch, report, save

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation

_TIMEOUT_S = 30.0


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    import tempfile
    from pathlib import Path

    shipment, content = fetch(arguments.shipment, invocation)
    folder = Path(tempfile.mkdtemp(prefix="packhouse-label-"))
    file = save(content, str(folder / f"{shipment['id']}.{shipment['label']['document_format']}"))
    program = viewer(invocation.environ)
    opened = program is not None and show(program, file, invocation.environ)
    if not opened:
        invocation.terminal.note("No viewer of this machine opens the label. Its file is here:")
    return report(invocation, arguments, shipment, file, file, opened=opened)


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
