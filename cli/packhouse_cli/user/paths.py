"""Where a person's own files are kept, by the XDG rules; "" where the environment names no home."""

from __future__ import annotations

from collections.abc import Mapping


def profiles_file(environ: Mapping[str, str]) -> str:
    """The profiles, which a person may edit."""
    return _place(environ, "XDG_CONFIG_HOME", ".config", "config.toml")


def recent_ids_file(environ: Mapping[str, str]) -> str:
    """The ids that completion offers."""
    return _place(environ, "XDG_STATE_HOME", ".local/state", "recent-ids")


def _place(environ: Mapping[str, str], name: str, usual: str, file: str) -> str:
    home = environ.get("HOME", "")
    folder = environ.get(name, "") or (f"{home}/{usual}" if home else "")
    return f"{folder}/packhouse/{file}" if folder.startswith("/") else ""
