"""Read settings from a text and variables alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse.config import load
from packhouse.config.settings import Settings
from packhouse.errors import SettingsError


def read(toml: str = "", **environ: str) -> Settings:
    """Load from this text and these variables alone."""
    file = Path("given.toml")
    file.write_text(toml)
    return load(file, {"PACKHOUSE_SECRETS_DIR": "", **environ})


def refused(toml: str = "", **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(toml, **environ)
    return str(caught.value).splitlines()
