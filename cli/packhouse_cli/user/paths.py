"""The paths of the user's own files, by the XDG rules; "" where the environment names no home."""

from __future__ import annotations

from collections.abc import Mapping


def profiles_file(environ: Mapping[str, str]) -> str:
    """The file of the profiles; the user may edit it."""
    return _path(environ, "XDG_CONFIG_HOME", ".config", "config.toml")


def recent_ids_file(environ: Mapping[str, str]) -> str:
    """The file of the ids that completion offers."""
    return _path(environ, "XDG_STATE_HOME", ".local/state", "recent-ids")


def labels_folder(environ: Mapping[str, str]) -> str:
    """The folder of label files that a viewer shows; they are deleted after a day."""
    return _path(environ, "XDG_CACHE_HOME", ".cache", "labels")


def sent_changes_file(environ: Mapping[str, str]) -> str:
    """The file of the changes that were sent to stores."""
    return _path(environ, "XDG_STATE_HOME", ".local/state", "sent-changes.json")


def rates_folder(environ: Mapping[str, str]) -> str:
    """The folder of the rates that stores allow, for commands on a machine without a daemon of this user."""
    return _path(environ, "XDG_STATE_HOME", ".local/state", "rates")


def _path(environ: Mapping[str, str], variable: str, default: str, file: str) -> str:
    home = environ.get("HOME", "")
    folder = environ.get(variable, "") or (f"{home}/{default}" if home else "")
    return f"{folder}/packhouse/{file}" if folder.startswith("/") else ""
