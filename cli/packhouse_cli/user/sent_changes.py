"""Changes that this user has sent to a store, in one file of the state folder.

A store may not show returns, exchanges or refunds in its orders. Then only this file shows that the same
command made the same change before. A file that cannot be read or written is ignored: it stops no command.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from packhouse_cli.user.paths import sent_changes_file

_KEPT_DAYS = 180
_MOST = 5000


def sent_at(store: str, intent: str, environ: Mapping[str, str]) -> float | None:
    """When this change was sent to this store and accepted, in seconds since 1970; None if it was not."""
    return _read(environ).get(_name(store, intent))


def remember(store: str, intent: str, environ: Mapping[str, str], *, now: float | None = None) -> None:
    """Note that the store accepted this change now."""
    file = _file(environ)
    if file is None:
        return
    now = time.time() if now is None else now
    kept = {name: at for name, at in _read(environ).items() if at > now - _KEPT_DAYS * 86_400}
    kept = dict([*kept.items(), (_name(store, intent), now)][-_MOST:])
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(kept), encoding="utf-8")
        fresh.replace(file)


def _read(environ: Mapping[str, str]) -> dict[str, float]:
    file = _file(environ)
    try:
        known = json.loads(file.read_text(encoding="utf-8")) if file is not None else {}
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {name: float(at) for name, at in known.items() if isinstance(at, int | float)}


def _name(store: str, intent: str) -> str:
    return f"{store} {intent}"


def _file(environ: Mapping[str, str]) -> Path | None:
    name = sent_changes_file(environ)
    return Path(name) if name else None
