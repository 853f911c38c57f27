"""The layers are enforced: the linter finds each forbidden import that is added to a copy of the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# The module that would import, and what it would import.
PLANTED = [
    ("packhouse.steps.buy", "packhouse.providers.easypost.adapter"),
    ("packhouse.flow", "packhouse.providers.offline.adapter"),
    ("packhouse.model.money", "packhouse.config.settings"),
    ("packhouse.sandbox.sandbox", "packhouse.store.protocol"),
    ("packhouse.app", "packhouse.sandbox.cli"),
    ("packhouse.sandbox.easypost.state", "packhouse.sandbox.store.state"),
    ("packhouse.providers.command.wire", "packhouse.ledger.orders"),
    ("packhouse.providers.offline.wire", "packhouse.providers.easypost.wire"),
    ("packhouse_cli.commands.why.timeline", "packhouse.ledger.orders"),
    ("packhouse.rules.changes", "socket"),
    ("packhouse.store.async_client", "httpx2"),
    ("packhouse.store.async_client", "aiohttp"),
    ("packhouse.operations.queries", "sqlite3"),
    ("packhouse.operations.order_operations", "packhouse.worker.dispatcher"),
    ("packhouse.worker.dispatcher", "packhouse.operations.queries"),
    ("packhouse.operations.views", "packhouse.api.schemas"),
    ("packhouse.api.app", "packhouse.worker.intake"),
]
UNPLACED = ["packhouse.novelty", "packhouse.providers.novelty", "packhouse.sandbox.novelty"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The linter's output for a tree with every forbidden import in it, and with modules in no layer."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", tree)
    shutil.copytree(ROOT / "service/packhouse", tree / "packhouse")
    shutil.copytree(ROOT / "cli/packhouse_cli", tree / "packhouse_cli")
    for module, imported in PLANTED:
        with (tree / f"{module.replace('.', '/')}.py").open("a") as file:
            file.write(f"\n\ndef planted() -> None:\n    import {imported}\n")
    for name in UNPLACED:
        (tree / f"{name.replace('.', '/')}.py").write_text('"""In no layer."""\n')
    linter = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    ended = subprocess.run(
        [linter, "--no-logo", "--no-cache"], cwd=tree, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 1
    return " ".join(ended.stdout.split())


@pytest.mark.parametrize(("module", "imported"), PLANTED)
def test_a_forbidden_import_is_found(report: str, module: str, imported: str) -> None:
    assert f"{module} -> {imported} " in report


@pytest.mark.parametrize("name", UNPLACED)
def test_a_module_in_no_layer_is_found(report: str, name: str) -> None:
    assert f"- {name} " in report
