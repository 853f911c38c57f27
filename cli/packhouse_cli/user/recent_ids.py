"""Ids seen recently, newest first, in one file of the state folder; completion offers them.

Nothing here may stop a command: a file that cannot be read or written is ignored.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from packhouse_cli.user.paths import recent_ids_file

_KEPT = 400
_LONGEST = 200_000  # characters of one text that are searched
_ID = re.compile(r"(?<![\w-])(?:ord|ret|wh|del|cust|evt|li)_[A-Za-z0-9]{1,60}(?:-\d{1,4})?(?![\w-])")


def remember(texts: Iterable[str], environ: Mapping[str, str]) -> None:
    """Add the ids in these texts, before the known ones."""
    found = [ident for text in texts for ident in _ID.findall(text[:_LONGEST])]
    file = _file(environ)
    if not found or file is None:
        return
    known = read(environ)
    kept = list(dict.fromkeys([*found, *known]))[:_KEPT]
    if kept == known:
        return
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text("\n".join(kept) + "\n", encoding="utf-8")
        fresh.replace(file)


def read(environ: Mapping[str, str]) -> list[str]:
    """All known ids, newest first."""
    file = _file(environ)
    try:
        lines = file.read_text(encoding="utf-8").splitlines() if file is not None else []
    except (OSError, ValueError):
        return []
    return [line for line in lines if _ID.fullmatch(line)]


def _file(environ: Mapping[str, str]) -> Path | None:
    name = recent_ids_file(environ)
    return Path(name) if name else None
