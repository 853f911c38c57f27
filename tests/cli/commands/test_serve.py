"""The daemon's own exit codes reach the shell, and are those that the command documents."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from packhouse_cli.exit_codes import Exit


def serve(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    neutral = {
        name: value for name, value in os.environ.items() if not name.startswith(("PACKHOUSE_", "ALY_"))
    }
    environ = neutral | {"ALY_API_KEY": "aly_x", "PACKHOUSE_DATA_DIR": str(folder / "data"), **settings}
    asked = [sys.executable, "-m", "packhouse_cli", "serve"]
    return subprocess.run(asked, cwd=folder, env=environ, capture_output=True, text=True, timeout=180)


@pytest.mark.e2e
def test_a_wrong_setting_ends_with_2_before_anything_is_written(tmp_path: Path) -> None:
    shown = serve(tmp_path, PACKHOUSE_POLL__INTERVAL_S="soon")
    assert shown.returncode == Exit.USAGE
    assert "PACKHOUSE_POLL__INTERVAL_S" in shown.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.e2e
def test_a_refusal_is_printed_once_and_names_the_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    shown = serve(tmp_path)
    assert shown.returncode == Exit.USAGE
    assert (shown.stdout + shown.stderr).count("is a file, not a folder") == 1
    assert "File exists" not in shown.stderr


@pytest.mark.e2e
def test_a_port_that_is_taken_has_its_own_code(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shown = serve(tmp_path, PACKHOUSE_HTTP__PORT=str(taken.getsockname()[1]))
    assert shown.returncode == Exit.PORT_TAKEN
    assert "PACKHOUSE_HTTP__PORT" in shown.stderr
    assert not (tmp_path / "data" / "packhouse.db").exists(), "it worked on a ledger that it cannot serve"


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("ALY_API_KEY", "", "PACKHOUSE_STORE__API_KEY"),
        ("PACKHOUSE_PROVIDER", "nowhere", "nowhere"),
        ("PACKHOUSE_DATA_DIR", "/dev/null/data", "PACKHOUSE_DATA_DIR"),
    ],
)
def test_a_wrong_setting_is_reported_before_a_port_that_is_taken(
    tmp_path: Path, setting: str, value: str, named: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = {"PACKHOUSE_HTTP__PORT": str(taken.getsockname()[1]), setting: value}
        shown = serve(tmp_path, **settings)
    assert shown.returncode == Exit.USAGE
    assert named in shown.stderr
    assert "PACKHOUSE_HTTP__PORT" not in shown.stderr


@pytest.mark.e2e
def test_a_ledger_that_is_no_database_has_its_own_code(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "packhouse.db").write_bytes(b"this is no database " * 500)
    shown = serve(tmp_path, PACKHOUSE_HTTP__PORT="0")
    assert shown.returncode == Exit.LEDGER_UNUSABLE
