"""Each check of the documentation finds its kind of error, and the real pages have none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "docs"))

import check  # noqa: E402
import generate  # noqa: E402


@pytest.mark.parametrize("name", check.CHECKS)
def test_the_pages_pass(name: str) -> None:
    assert list(check.CHECKS[name](ROOT)) == []


def site(root: Path, pages: dict[str, str]) -> Path:
    """A small tree of pages with a Makefile."""
    (root / "Makefile").write_text("demo: ## Demo\n")
    for name, text in pages.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_link_to_a_missing_page_is_found(tmp_path: Path) -> None:
    root = site(tmp_path, {"README.md": "[start](docs/start.md)"})
    assert list(check.links(root)) == ["README.md: link docs/start.md has no target file"]


def test_a_link_to_a_missing_heading_is_found(tmp_path: Path) -> None:
    root = site(
        tmp_path,
        {"README.md": "[a](docs/a.md#no-such) [b](docs/a.md#the-words)", "docs/a.md": "# The words\n"},
    )
    assert list(check.links(root)) == [
        "README.md: link docs/a.md#no-such names a missing heading of docs/a.md"
    ]


def test_an_unreachable_page_is_found(tmp_path: Path) -> None:
    root = site(tmp_path, {"README.md": "nothing", "docs/lost.md": "# Lost\n"})
    assert list(check.unreached(root)) == ["docs/lost.md: not reachable by links from README.md"]


def test_an_outdated_generated_part_is_found(tmp_path: Path) -> None:
    every = "\n".join(f"<!-- begin {name} -->\n<!-- end {name} -->" for name in generate.PARTS)
    root = site(tmp_path, {"README.md": generate.render(every), "docs/old.md": every})
    assert list(check.stale_parts(root)) == ["docs/old.md: a generated part is out of date; run make docs"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("make tea", "the Makefile has no target tea"),
        ("packhouse fly --high", "packhouse has no such command"),
        ("packhouse status --sideways", "the command has no option --sideways"),
    ],
)
def test_a_command_that_does_not_exist_is_found(tmp_path: Path, line: str, fault: str) -> None:
    root = site(tmp_path, {"README.md": f"```sh\nmake demo ARGS=1\n{line}\n```\n"})
    assert list(check.commands(root)) == [f"README.md: {line}: {fault}"]


def test_console_blocks_show_commands_behind_a_dollar_and_output_without(tmp_path: Path) -> None:
    page = (
        site(tmp_path, {"README.md": "```console\n$ A=1 make demo\npackhouse: output\n```\n"}) / "README.md"
    )
    assert list(check.shown_commands(page)) == [["make", "demo"]]


def test_an_address_in_a_lock_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").write_text("thing @ https://example.org/thing.whl\n")
    assert list(check.foreign_text(tmp_path)) == [
        "requirements.lock: contains an address; only names, versions and hashes are allowed"
    ]


def test_a_fault_without_a_test_and_a_test_that_does_not_exist_are_found(tmp_path: Path) -> None:
    page = (
        "# Faults\n\n## Fault catalogue\n\n| fault | test |\n| --- | --- |\n"
        "| fire | [it burns](../tests/test_fire.py) |\n"
        "| water | [it floats](../tests/test_fire.py) |\n"
        "| wind | we are sure of it |\n\n## Numbers\n\n| a | b |\n| 1 | 2 |\n"
    )
    root = site(
        tmp_path, {"docs/faults.md": page, "tests/test_fire.py": "def test_it_burns() -> None:\n    pass\n"}
    )
    assert list(check.proofs(root)) == [
        "docs/faults.md: test_fire.py has no test test_it_floats",
        "docs/faults.md: this fault names no test: wind",
    ]


def test_a_variable_that_does_not_exist_is_found(tmp_path: Path) -> None:
    page = (
        "`PACKHOUSE_STORE__API_KEY_FILE` `PACKHOUSE_PROVIDERS__EASYPOST_US__API_KEY` `PACKHOUSE_URL` "
        "`PACKHOUSE_CARRIER` `PACKHOUSE_PROVIDERS__EASYPOST__API_KEYS`\n"
    )
    root = site(tmp_path, {"README.md": page, "CHANGELOG.md": "`PACKHOUSE_CARRIER`"})
    assert list(check.variables(root)) == [
        "README.md: there is no variable PACKHOUSE_CARRIER",
        "README.md: there is no variable PACKHOUSE_PROVIDERS__EASYPOST__API_KEYS",
    ]


@pytest.mark.parametrize(
    ("block", "error"),
    [
        ("[providers.command]\ntimeout_s = 60\n", "timeout_s"),
        ("[store]\ntimeout = 9\n", "is not a setting"),
        ('provider = "command"\n[providers.command]\nargv = []\n', "argv"),
        ("[store]\ntimeout_s = 900\n", "at most 120"),
        ('provider = "nowhere"\n', "nowhere"),
    ],
)
@pytest.mark.parametrize("indent", ["", "   "])
def test_a_block_of_settings_that_starts_no_daemon_is_found(
    tmp_path: Path, block: str, error: str, indent: str
) -> None:
    fenced = "".join(f"{indent}{line}\n" for line in f"```toml\n{block}```".splitlines())
    (found,) = check.settings(site(tmp_path, {"README.md": fenced}))
    assert error in found


def test_a_name_of_no_setting_is_found(tmp_path: Path) -> None:
    root = site(tmp_path, {"README.md": "Set `store.timeout = 9`, `store.timeout_s` or `parcel.weight_g`."})
    assert list(check.settings(root)) == ["README.md: there is no setting store.timeout"]


def test_a_variable_of_no_setting_in_deploy_is_found(tmp_path: Path) -> None:
    root = site(
        tmp_path, {"deploy/packhouse.env.example": "PACKHOUSE_PARCEL__WEIGHT=4\n#PACKHOUSE_DATA_DIR=x\n"}
    )
    assert list(check.variables(root)) == [
        "deploy/packhouse.env.example: there is no variable PACKHOUSE_PARCEL__WEIGHT"
    ]
