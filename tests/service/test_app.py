"""One process has the data folder at a time; an unusable folder and one in use have different errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse.data_folder import lock
from packhouse.errors import FolderInUse, SettingsError


def test_a_folder_in_use_is_worth_waiting_for_and_is_free_again_afterwards(tmp_path: Path) -> None:
    with (
        lock(tmp_path),
        pytest.raises(FolderInUse, match="Another Packhouse process is using"),
        lock(tmp_path),
    ):
        pass
    with lock(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(SettingsError, match="PACKHOUSE_DATA_DIR") as raised,
        lock(tmp_path / "file" / "data"),
    ):
        pass
    assert not isinstance(raised.value, FolderInUse)
