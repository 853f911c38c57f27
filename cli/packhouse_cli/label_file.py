"""A label's file on this machine: kept, opened, printed. The system's programs are called without a shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.terminal.output import safe

_PATIENCE_S = 30.0


def keep(content: bytes, name: str) -> str:
    """Write the file, whole or not at all; answers its name."""
    place = Path(name)
    fresh = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        fresh.write_bytes(content)
        fresh.replace(place)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise CommandError(
            f"The label cannot be written to {safe(name)} ({error.strerror}).", Exit.UNKNOWN, "system"
        ) from error
    return str(place)


def viewer(environ: Mapping[str, str]) -> str | None:
    """The program that opens files on this desktop; None where there is no desktop."""
    path = environ.get("PATH")
    if sys.platform == "darwin":
        return shutil.which("open", path=path)
    if not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        return None
    return shutil.which("xdg-open", path=path)


def show(program: str, file: str, environ: Mapping[str, str]) -> bool:
    """Open the file; answers whether the viewer took it."""
    try:
        done = subprocess.run(  # noqa: S603 - a program of this system, found by its name
            [program, file], env=dict(environ), capture_output=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def send(
    content: bytes, kind: str, title: str, environ: Mapping[str, str], *, printer: str, copies: int
) -> str:
    """Hand the label to lp; answers what lp says. ZPL, the printer's own language, goes to it unchanged."""
    program = shutil.which("lp", path=environ.get("PATH"))
    if program is None:
        raise CommandError(
            "Nothing was printed: there is no `lp` on this machine (CUPS has it, on Debian cups-client). "
            "packhouse labels get fetches the file, to be printed elsewhere.",
            Exit.UNKNOWN,
            "no_printer",
        )
    words = [program, "-t", title, "-n", str(copies)]
    words += ["-d", printer] if printer else []
    words += ["-o", "raw"] if kind == "zpl" else []
    try:
        done = subprocess.run(  # noqa: S603 - a program of this system, found by its name
            [*words, "-"],
            input=content,
            env=dict(environ),
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(
            f"lp did not take the label ({error}). lpstat -p lists the printers.", Exit.UNKNOWN, "printer"
        ) from error
    said = (done.stdout if done.returncode == 0 else done.stderr).decode(errors="replace").strip()
    if done.returncode != 0:
        raise CommandError(
            f"lp did not take the label: {safe(said) or 'it does not say why'}. "
            "lpstat -p lists the printers.",
            Exit.UNKNOWN,
            "printer",
        )
    return safe(said)
