"""Checks what the pages show of the settings: each TOML block starts a daemon, each name is a setting."""

from __future__ import annotations

import re
import tempfile
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packhouse.config import load
from packhouse.config.fields import fields
from packhouse.errors import SettingsError
from packhouse.preflight import require_startable
from packhouse.sandbox.faults import FAULTS

_BLOCK = re.compile(r"^(?P<indent> *)```toml\n(?P<body>.*?)^ *```", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"`(?P<section>[a-z_]+)\.(?P<field>[a-z_]+)(?: = [^`]*)?`")
# Modules that are named like a section.
_NO_SETTINGS = {"http.py", "http.client"}
# What a reader puts in place of an example's "...", and the keys that an example leaves to the environment.
_KEY = "EZAK0123456789abcdefghijklmnop"
_ENVIRONMENT = {
    "PACKHOUSE_STORE__API_KEY": "aly_0123456789abcdef",
    "PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": _KEY,
}


def blocks_of(page: Path) -> Iterator[str]:
    """The TOML blocks of a page that are settings; those of a pyproject.toml are not."""
    for found in _BLOCK.finditer(page.read_text()):
        text = textwrap.dedent(found["body"])
        if "project" not in tomllib.loads(text):
            yield text


def problems_of(text: str) -> list[str]:
    """What `packhouse config check` finds wrong with these settings."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "packhouse.toml"
        file.write_text(text.replace("EZAK...", _KEY))
        try:
            require_startable(load(file, _ENVIRONMENT))
        except SettingsError as error:
            return str(error).replace(str(file), "the block").splitlines()
    return []


def unknown_names(page: Path) -> Iterator[str]:
    """Each `section.field` of a page whose section exists and whose field does not."""
    known = {".".join(path) for path, _ in fields()} | FAULTS.keys() | _NO_SETTINGS
    sections = {path[0] for path, _ in fields() if len(path) > 1}
    for found in _NAME.finditer(page.read_text()):
        name = f"{found['section']}.{found['field']}"
        if found["section"] in sections and name not in known:
            yield name
