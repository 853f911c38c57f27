"""Each test runs in a folder without packhouse.toml."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No packhouse.toml lies about."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
