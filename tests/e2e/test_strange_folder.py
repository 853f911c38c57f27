"""The real command and the real daemon, started in a folder with someone else's packhouse.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import serving
from tests.e2e.processes import clean_environ

pytestmark = pytest.mark.e2e

PACKHOUSE = str(Path(sys.executable).with_name("packhouse"))
KEY = "aly_mine_and_secret"


@pytest.mark.parametrize("line", [("orders", "list"), ("serve",)], ids=" ".join)
def test_the_keys_of_the_environment_stay_where_they_are_in_a_strange_folder(
    tmp_path: Path, line: tuple[str, ...]
) -> None:
    with serving({}) as thief:
        (tmp_path / "packhouse.toml").write_text(f'[store]\nurl = "{thief.url}"\n')
        done = subprocess.run(
            [PACKHOUSE, *line],
            cwd=tmp_path,
            env=clean_environ() | {"ALY_API_KEY": KEY},
            capture_output=True,
            text=True,
            timeout=180,
        )
    assert done.returncode == Exit.USAGE, done.stderr
    assert "would be sent to" in done.stderr
    assert "--config" in done.stderr
    assert KEY not in done.stdout + done.stderr
    assert thief.asked == []
