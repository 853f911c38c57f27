"""The manual pages: one a command, no warning from the formatter, every option in them, and in the wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from packhouse_cli.arguments import registry, tree

ROOT = Path(__file__).parent.parent.parent
PAGES = ROOT / "docs" / "man"
sys.path.insert(0, str(ROOT / "docs"))

import check  # noqa: E402
import manual  # noqa: E402


def shown(file: Path) -> str:
    """The page as a reader sees it, without any styling."""
    run = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-P-cbou", str(file)],
        capture_output=True,
        text=True,
        timeout=180,
        cwd=PAGES,
    )
    assert run.returncode == 0
    assert run.stderr == ""
    return run.stdout.replace("‐\n", "").replace("−", "-")


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed here")
@pytest.mark.parametrize("name", registry.COMMANDS)
def test_a_page_is_read_without_a_warning_and_names_each_subcommand_and_option(name: str) -> None:
    text = " ".join(shown(PAGES / f"packhouse-{name}.1").split())
    for command in tree.commands():
        if command.words[0] == name:
            for option in tree.options_of(command.parser):
                assert option.option_strings[-1] in text
            if not tree.subcommands_of(command.parser):
                assert " ".join(("packhouse", *command.words)) in text
            for example in command.examples:
                assert " ".join(example.split()) in text


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed here")
def test_the_first_page_names_every_command_and_exit_code() -> None:
    text = shown(PAGES / "packhouse.1")
    for name in registry.COMMANDS:
        assert f"packhouse-{name}(1)" in text
    assert "EXIT STATUS" in text
    assert (PAGES / "aly-store-cli.1").read_text() == ".so man1/packhouse.1\n"


def test_text_that_roff_would_take_for_a_request_is_shown_as_it_is() -> None:
    assert manual._line(".profile is read") == r"\&.profile is read"
    assert manual._line("'quoted' and back\\slash") == r"\&'quoted' and back\eslash"
    assert manual._line("--from -") == r"\-\-from \-"


def test_a_page_that_is_behind_its_parser_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "docs" / "man"
    shutil.copytree(PAGES, folder)
    assert list(check.stale_manual(tmp_path)) == []
    (folder / "packhouse-why.1").write_text("old")
    (folder / "packhouse-fly.1").write_text("no such command")
    assert [fault.split(":")[0] for fault in check.stale_manual(tmp_path)] == [
        "docs/man/packhouse-fly.1",
        "docs/man/packhouse-why.1",
    ]


def test_the_wheel_carries_the_pages_to_where_man_looks(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build backend is not installed here")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    run = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    there = {name.rpartition("/")[2] for name in names if "/data/share/man/man1/" in name}
    assert there == {file.name for file in PAGES.iterdir()}
