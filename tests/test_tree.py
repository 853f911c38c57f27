"""Rules for the whole repository: each one is checked here, so that a contributor need not remember it."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
MOST_LINES = 400
# The types of a transaction and of a result row, which other modules may name.
TRANSACTION = {"Connection", "Row"}
VAGUE_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "manager",
    "managers",
    "service",
    "misc",
    "base",
}


def tracked(*patterns: str) -> list[Path]:
    """The files of the repository, with new files and without ignored ones."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: the files of the project are not known")
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_module_has_a_docstring() -> None:
    modules = tracked("service/*.py", "cli/*.py", "docs/*.py")
    silent = [short(path) for path in modules if not ast.get_docstring(ast.parse(path.read_text()))]
    assert modules
    assert not silent


def test_no_module_holds_two_ideas() -> None:
    long = {
        short(path): lines
        for path in tracked("*.py")
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert not long, f"over {MOST_LINES} lines: split each file and name its second idea"


def test_no_module_has_a_name_that_could_hold_anything() -> None:
    vague = [short(path) for path in tracked("service/*.py", "cli/*.py") if path.stem in VAGUE_NAMES]
    assert not vague


def test_import_packages_are_complete_and_their_roots_are_not_packages() -> None:
    assert not (ROOT / "service/__init__.py").exists(), "service/ is a folder, not a package"
    assert not (ROOT / "cli/__init__.py").exists(), "cli/ is a folder, not a package"
    folders = {path.parent for path in tracked("service/*/*.py", "cli/*/*.py", "tests/*.py")}
    bare = sorted(short(folder) for folder in folders if not (folder / "__init__.py").is_file())
    assert not bare, "without __init__.py a test folder can hide the package it is named like"


def test_sql_is_written_in_the_ledger_only() -> None:
    """Other modules may pass a transaction on and name its type. Only functions of the ledger use it."""
    writers = []
    for path in tracked("service/*.py", "cli/*.py"):
        if "ledger" in path.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
                writers += [
                    f"{short(path)}: {each.name}" for each in node.names if each.name not in TRANSACTION
                ]
            elif isinstance(node, ast.Import):
                writers += [f"{short(path)}: {n.name}" for n in node.names if n.name.startswith("sqlalchemy")]
    assert not writers


def test_no_file_has_a_note_to_finish_later() -> None:
    later = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    left = [
        f"{short(path)}:{number}"
        for path in tracked("*.py", "*.md", "*.toml", "*.yml", "Makefile", "Dockerfile", ".ci/*")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if later.search(line)
    ]
    assert not left


def test_no_file_names_a_folder_of_one_machine() -> None:
    folder = re.compile(r"(?<![\w.])/(?:work|home|Users|root)/\w")
    named = [
        f"{short(path)}:{number}"
        for path in tracked(
            "*.py", "*.md", "*.toml", "*.lock", "*.yml", "*.yaml", "Makefile", "Dockerfile", ".ci/*"
        )
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if folder.search(line)
    ]
    assert not named


# Words of a former private language, and what to write instead. docs/concepts.md has the glossary.
BANNED_WORDS = {
    r"desks?|doorkeepers?": "context, client, port or operations",
    r"doors?": "port, client or route",
    r"bells?": "notify, notification",
    r"shelf|shelves": "documents",
    r"dossiers?": "records",
    r"nudges?|nudged": "wake",
    r"in[_ ]hand": "taken over",
    r"by[_ ]hand|by[_ ]person": "manual, or who does it",
    r"lets? go|let_go": "release or withdraw",
    r"(take|takes|took|taken|taking|give|gives|gave|given|giving)[_ ]back": "void, release or return",
    r"relook|rescued?|stirs?|seized?": "recheck, wake_stalled, wake_unfinished, revoke",
    r"left alone|leaves? alone": "skipped",
    r"keeps failing": "fails repeatedly",
    r"nobody|somebody|whoever": "the person or the thing",
    r"anew": "again",
    r"mend|mends|mended": "fix",
    r"wares": "products",
    r"the house": "the daemon or Packhouse",
    r"goes on|go on": "continues",
    r"tells|told(?! apart)": "notifies, reports, records or shows",
    r"heard|hears": "received",
    r"rooms|floors": "modules, layers",
    r"nouns?": "command, resource or model",
    r"befalls?|befell": "happens to",
    r"beside": "next to, or in addition to",
    r"PACKHOUSE_CARRIERS?(__|_|\b)\w*|\[carriers\.\w*": "PACKHOUSE_PROVIDER..., [providers.NAME]",
    r"Carrier(Error|Unavailable|Refused|Misconfigured|Context)": "Provider...",
}
# Decisions tell about the past, the refusal of an old setting names it, stores have a field for a flat's
# entrance, and a license is a quotation.
MAY_USE_BANNED_WORDS = (
    "docs/decisions/",
    "service/packhouse/config/renamed.py",
    "service/packhouse/store/address_fields.py",
    "service/packhouse/documents/fonts/LICENSE.txt",
)


def test_no_word_of_the_former_private_language_comes_back() -> None:
    banned = [
        # Also as a part of a name: label_taken_back.
        (re.compile(rf"(?<![A-Za-z-])(?:{word})(?![A-Za-z-])", re.IGNORECASE), instead)
        for word, instead in BANNED_WORDS.items()
    ]
    found = [
        f"{short(path)}:{number}: {match[0]!r}: write {instead}"
        for path in tracked("service/*", "cli/*", "docs/*", "deploy/*", "README.md", "CONTRIBUTING.md")
        if path.suffix in {".py", ".md", ".toml", ".txt", ".mako", ".1"}
        and not short(path).startswith(MAY_USE_BANNED_WORDS)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for word, instead in banned
        for match in word.finditer(line)
    ]
    assert not found, "\n".join(found)


def pins(name: str) -> dict[str, str]:
    """The version of each package in one lock file."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE)
    return {package.lower(): version for package, version in found}


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ENGINES = "tests/bench/engines/requirements"
DECLARED = {
    "requirements-build.lock": PROJECT["build-system"]["requires"],
    "requirements.lock": [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["postgres"],
    ],
    "requirements-dev.lock": PROJECT["dependency-groups"]["dev"],
    f"{ENGINES}.lock": re.findall(r"^[a-z].*$", (ROOT / f"{ENGINES}.in").read_text(), re.MULTILINE),
}


@pytest.mark.parametrize("name", DECLARED)
def test_the_lock_has_a_version_in_range_for_each_dependency(name: str) -> None:
    locked = pins(name)
    for text in DECLARED[name]:
        wanted = Requirement(text)
        version = locked.get(wanted.name.lower())
        assert version, f"{name} lacks {wanted.name}; run: make lock"
        assert wanted.specifier.contains(version), (
            f"{name} has {wanted.name} {version}, wanted {text}; run: make lock"
        )


def test_the_tests_run_on_the_versions_that_are_shipped() -> None:
    tested, built = pins("requirements-dev.lock"), pins("requirements-build.lock")
    shipped = pins("requirements.lock")
    assert {name: tested.get(name) for name in shipped} == shipped
    shared = shipped.keys() | tested.keys()
    assert {name: version for name, version in built.items() if name in shared} == {
        name: tested[name] for name in built if name in shared
    }


def test_packhouse_and_the_engines_of_the_benchmark_run_on_the_same_versions() -> None:
    shipped, measured = pins("requirements.lock"), pins(f"{ENGINES}.lock")
    assert {name: measured.get(name) for name in shipped} == shipped


@pytest.mark.parametrize("name", DECLARED)
def test_every_locked_file_is_pinned_by_hash(name: str) -> None:
    lines = (ROOT / name).read_text()
    assert "://" not in lines
    for block in re.split(r"^(?=[a-z0-9])", lines, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]
