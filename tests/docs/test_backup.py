"""The backup of the manual: complete, and for this user alone."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

_PAGE = Path(__file__).parents[2] / "docs" / "operating.md"
# The shell of sqlite3 is not on every machine; the statement is the same.
_SQLITE3 = f"""#!{sys.executable}
import sqlite3, sys
sqlite3.connect(sys.argv[1]).execute(sys.argv[2])
"""


def test_a_backup_as_documented_is_for_its_owner_alone(tmp_path: Path) -> None:
    labels = tmp_path / "data" / "labels"
    labels.mkdir(parents=True, mode=0o700)
    (labels / "ab.zpl").write_bytes(b"^XA^XZ")
    (labels / "ab.zpl").chmod(0o600)
    ledger = sqlite3.connect(tmp_path / "data" / "packhouse.db")
    ledger.execute("CREATE TABLE orders (id TEXT)")
    ledger.close()
    program = tmp_path / "bin" / "sqlite3"
    program.parent.mkdir()
    program.write_text(_SQLITE3)
    program.chmod(0o755)
    block = re.search(r"```sh\n([^`]*VACUUM INTO[^`]*)```", _PAGE.read_text())
    assert block
    subprocess.run(
        ["sh", "-ec", f"umask 022\n{block[1]}"],
        cwd=tmp_path,
        env={"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"},
        check=True,
    )
    made = [tmp_path / "backup", *(tmp_path / "backup").rglob("*")]
    assert {path.suffix for path in made if path.is_file()} == {".db", ".zpl"}
    assert [path for path in made if path.stat().st_mode & 0o077] == []
