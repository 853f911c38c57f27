"""Finds the sources, reads them in order and builds Settings, or one error that lists all problems."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from packhouse.config.checks import conflicts
from packhouse.config.errors import sentences, written_as
from packhouse.config.key_addresses import misdirected
from packhouse.config.settings import Settings
from packhouse.config.sources import Gathered
from packhouse.errors import SettingsError
from packhouse.setting_text import Kind, cleaned

# The first is whichever lies in the current folder, the second is the machine's own.
_FOUND, _OF_MACHINE = Path("packhouse.toml"), Path("/etc/packhouse/packhouse.toml")
_SECRETS = Path("/run/secrets")


def load(toml_path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read all settings: defaults < TOML file < environment < secrets directory < *_FILE.

    The file is `toml_path`, else what PACKHOUSE_CONFIG names, else ./packhouse.toml or
    /etc/packhouse/packhouse.toml if there is one. Raises SettingsError, which lists all errors: the field as
    the user wrote it, the expected value and the fix; also for a key of the environment that ./packhouse.toml
    would send to an address of its own.
    """
    environ = os.environ if environ is None else environ
    gathered = Gathered()
    if (file := _toml(toml_path, environ)) is not None:
        is_named = file is toml_path or bool(environ.get("PACKHOUSE_CONFIG"))
        gathered.read_toml(file, is_found=not is_named and not _is_of_machine(file))
    gathered.read_environment(environ)
    if (folder := _secrets(environ)) is not None:
        gathered.read_secret_directory(folder)
    gathered.read_secret_files(environ)
    return _settings(gathered, environ)


def _toml(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    if path is not None:
        return path
    if named := environ.get("PACKHOUSE_CONFIG"):
        return Path(cleaned(named, Kind.TEXT))
    return next((path for path in (_FOUND, _OF_MACHINE) if path.is_file()), None)


def _is_of_machine(file: Path) -> bool:
    """Whether this is the machine's file, also as the one of the current folder."""
    return file.resolve() == _OF_MACHINE.resolve()


def _secrets(environ: Mapping[str, str]) -> Path | None:
    given = environ.get("PACKHOUSE_SECRETS_DIR")
    if given is None:
        return _SECRETS if _SECRETS.is_dir() else None
    named = cleaned(given, Kind.TEXT)
    if not named:
        return None
    if not Path(named).is_dir():
        raise SettingsError(
            f"PACKHOUSE_SECRETS_DIR is {named!r}, which is not a folder. Correct it, or leave it empty."
        )
    return Path(named)


def _settings(gathered: Gathered, environ: Mapping[str, str]) -> Settings:
    errors = list(gathered.errors)
    try:
        settings = Settings(**gathered.values)
    except ValidationError as error:
        errors += sentences(error, gathered.origins)
    else:
        errors += [f"{written_as(path, gathered.origins)} {what}" for path, what in conflicts(settings)]
        errors += misdirected(settings, gathered.origins, environ)
        settings._origins.update({path: origin.source for path, origin in gathered.origins.items()})
    if errors:
        # A wrong value first: a name that is no setting is often a consequence, and is easier to see.
        raise SettingsError("\n".join(sorted(errors, key=_is_about_a_name)))
    return settings


def _is_about_a_name(error: str) -> bool:
    """Whether the error is about the name of a setting, and not about its value."""
    return " is not a setting. " in error or " was renamed: " in error
