"""The sources of settings: a TOML file, environment variables, secret files. All are read into one tree.

Every value keeps its origin, as the user wrote it. A value that cannot be read is an error, and reading
continues, so that one run reports all errors.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_settings import EnvSettingsSource
from pydantic_settings.exceptions import SettingsError as UnreadableValue

from packhouse.config.fields import PREFIX, FieldPath, closest, fields, find, shape, suggestion, variable
from packhouse.config.renamed import refused_variable, take_renamed
from packhouse.config.secrets import kind_of, may_come_from_file
from packhouse.config.settings import Settings
from packhouse.setting_text import Kind, UnclearText, cleaned, name_as_meant, read_text_file

# Variables of the command line or of `load` itself; they are not settings.
_OTHER_NAMES = frozenset(
    {
        "PACKHOUSE_CONFIG",
        "PACKHOUSE_PROFILE",
        "PACKHOUSE_SECRETS_DIR",
        "PACKHOUSE_TOKEN",
        "PACKHOUSE_URL",
    }
)

# Variables that Kubernetes sets in every container next to a Service named "packhouse".
_SERVICE_LINK = re.compile(
    r"PACKHOUSE_(SERVICE_(HOST|PORT)\w*=|PORT(_\w+)?=(tcp|udp)://|PORT_\d+_(TCP|UDP)_(PROTO|PORT|ADDR)=)"
)

# The store's own name for its key, which its other tools use.
_STORE_KEY = "ALY_API_KEY"


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a value: a file or a variable, and the path that this source sets as a whole.

    A TOML file sets the whole tree, so its `sets` is (). `is_found`: it is a file that was
    only found in the current folder, and not named.
    """

    source: str
    sets: FieldPath = ()
    is_found: bool = False


class Gathered:
    """The values of all sources together; a later source wins over an earlier one, field by field."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[FieldPath, Origin] = {}
        self.errors: list[str] = []
        self._environment = EnvSettingsSource(Settings)

    def read_toml(self, path: Path, *, is_found: bool = False) -> None:
        """Read a TOML file. `is_found`: it was found, and not named."""
        try:
            tables = tomllib.loads(read_text_file(str(path)))
        except UnclearText as error:
            self.errors.append(f"{path} {error}, or correct PACKHOUSE_CONFIG.")
        except tomllib.TOMLDecodeError as error:
            self.errors.append(f"{path} is not valid TOML: {error}. Correct the file.")
        else:
            self.errors += take_renamed(tables, str(path))
            self._take(tables, Origin(str(path), is_found=is_found))

    def read_environment(self, environ: Mapping[str, str]) -> None:
        """Read the PACKHOUSE_ variables that are settings. An empty variable counts as unset."""
        for name, meant in _named(environ):
            if meant.upper() == _STORE_KEY:
                self._take_variable(variable(("store", "api_key")), environ[name], meant)
        for name, meant in _named(environ):
            if meant.upper().startswith(PREFIX) and not _is_file_name(meant):
                self._take_variable(meant, environ[name], meant)

    def read_secret_directory(self, folder: Path) -> None:
        """Read the files that are named like variables, in upper or lower case; ignore all others."""
        try:
            files = sorted(folder.iterdir())
        except OSError as error:
            self.errors.append(
                f"The secrets in {folder} cannot be listed: {error.strerror} for uid {os.geteuid()}. Correct "
                "the folder's owner or mode, or set PACKHOUSE_SECRETS_DIR to another folder, or to nothing."
            )
            return
        for file in files:
            if file.name.upper().startswith(PREFIX):
                self._take_file(file.name, file)
            elif file.name.upper() == _STORE_KEY:
                self._take_file(variable(("store", "api_key")), file)

    def read_secret_files(self, environ: Mapping[str, str]) -> None:
        """Read the files that PACKHOUSE_..._FILE variables name, and ALY_API_KEY_FILE before them."""
        for name, meant in _named(environ):
            if meant.upper() == f"{_STORE_KEY}_FILE":
                file = Path(cleaned(environ[name], Kind.TEXT))
                self._take_file(variable(("store", "api_key")), file, written=meant)
        for name, meant in _named(environ):
            if meant.upper().startswith(PREFIX) and _is_file_name(meant):
                file = Path(cleaned(environ[name], Kind.TEXT))
                self._take_file(meant[: -len("_FILE")], file, written=meant)

    def _take_file(self, name: str, file: Path, written: str = "") -> None:
        where = f"{written} names {file}, which" if written else str(file)
        try:
            text = read_text_file(str(file))
            if not text.strip():
                raise UnclearText("is empty. Write the value into it, or remove the file")
        except UnclearText as error:
            self.errors.append(f"{where} {error}.")
        else:
            self._take_variable(name, text, f"{written} ({file})" if written else str(file))

    def _take_variable(self, name: str, text: str, origin: str) -> None:
        path = _path(name)
        field = find(path)
        if field is None:
            self._refuse_unknown(name, origin, text)
            return
        try:
            value = cleaned(text, kind_of(path), name)
        except UnclearText as error:
            self.errors.append(f"{origin} {error}.")
            return
        if not value:
            return
        self._environment.env_vars = {name.lower(): value}
        try:
            values = self._environment()
        except UnreadableValue:
            self.errors.append(f"{origin} cannot be read: it must be {shape(field)}. Correct or remove it.")
        else:
            self._take(values, Origin(origin, path))

    def _refuse_unknown(self, name: str, origin: str, value: str) -> None:
        """Report a name that was meant as a setting; other programs may have PACKHOUSE_ variables too."""
        if name.upper() in _OTHER_NAMES or _SERVICE_LINK.match(f"{name}={value}"):
            return
        if renamed := refused_variable(_path(name), origin):
            self.errors.append(renamed)
            return
        if "__" in name or closest(_path(name), [path for path, _ in fields()]):
            self.errors.append(f"{origin} is not a setting. {suggestion(_path(name), variable)}")

    def _take(self, values: Mapping[str, Any], origin: Origin) -> None:
        leaves = _leaves(values)
        _merge(self.values, values)
        self.origins.update(dict.fromkeys(leaves, origin))


def _named(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """The variables that are not empty: the name as it is, and as it was meant."""
    return [(name, name_as_meant(name)) for name in sorted(environ) if environ[name].strip()]


def _path(name: str) -> FieldPath:
    return tuple(name[len(PREFIX) :].lower().split("__"))


def _is_file_name(name: str) -> bool:
    """Whether the variable names a file that holds the value of another variable."""
    upper = name.upper()
    path = _path(upper.removesuffix("_FILE"))
    return upper.endswith("_FILE") and find(path) is not None and may_come_from_file(path)


def _merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    for name, value in new.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def _leaves(values: Mapping[str, Any], under: FieldPath = ()) -> list[FieldPath]:
    found: list[FieldPath] = []
    for name, value in values.items():
        path = (*under, str(name))
        found += _leaves(value, path) if isinstance(value, dict) and value else [path]
    return found
