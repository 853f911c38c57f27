"""Checks the documentation: links, generated parts, the commands shown, and text that does not belong in it.

Each check takes the repository's root and yields one sentence for each error; CHECKS lists the checks.
`python docs/check.py` prints all errors and ends with 1 if there is one.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import generate
import manual
import settings_shown

ROOT = Path(__file__).parent.parent

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_PICTURE = re.compile(r"!\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_PROOF = re.compile(r"\[(?P<words>[^\]]+)\]\((?P<file>[^)\s#]*/test_\w+\.py)\)")
_HEADING = re.compile(r"^#{1,6} +(?P<text>.+?) *$", re.MULTILINE)
_VARIABLE = re.compile(r"\bPACKHOUSE_[A-Z][A-Z0-9_]*[A-Z0-9]\b")
# Variables that no table describes: the folder of secret files, and names with a placeholder.
_OTHER_VARIABLES = {"PACKHOUSE_SECRETS_DIR", "PACKHOUSE_PROVIDERS__NAME"}
_FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)


def pages(root: Path) -> list[Path]:
    """Every Markdown page of the repository's root, docs/ and deploy/."""
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("deploy/**/*.md")])


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub derives them."""
    names: set[str] = set()
    for heading in _HEADING.finditer(_FENCE.sub("", page.read_text())):
        slug = re.sub(r"[^\w\- ]", "", heading["text"].lower()).replace(" ", "-")
        name, count = slug, 0
        while name in names:
            count += 1
            name = f"{slug}-{count}"
        names.add(name)
    return names


def links(root: Path) -> Iterator[str]:
    """Every relative link and picture has a target file, and the heading that it names exists."""
    for page in pages(root):
        prose = _FENCE.sub("", page.read_text())
        for found in [*_LINK.finditer(prose), *_PICTURE.finditer(prose)]:
            path, _, anchor = unquote(found["target"]).partition("#")
            if re.match(r"[a-z]+:", path):
                continue
            target = (page.parent / path) if path else page
            where = f"{page.relative_to(root)}: link {found['target']}"
            if not target.exists():
                yield f"{where} has no target file"
            elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                yield f"{where} names a missing heading of {target.resolve().relative_to(root.resolve())}"


def unreached(root: Path) -> Iterator[str]:
    """Every page can be reached from the README by links."""
    reached, waiting = set(), [root / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page in reached or not page.is_file() or page.suffix != ".md":
            continue
        reached.add(page)
        waiting += [page.parent / found["target"].split("#")[0] for found in _LINK.finditer(page.read_text())]
    for page in pages(root):
        if page.resolve() not in reached:
            yield f"{page.relative_to(root)}: not reachable by links from README.md"


def stale_parts(root: Path) -> Iterator[str]:
    """The generated parts are up to date, and every part is on a page."""
    shown = ""
    for page in pages(root):
        text = page.read_text()
        shown += text
        if generate.render(text) != text:
            yield f"{page.relative_to(root)}: a generated part is out of date; run make docs"
    for name in generate.PARTS:
        if f"<!-- begin {name} -->" not in shown:
            yield f"docs: the generated part {name} is on no page"


def stale_manual(root: Path) -> Iterator[str]:
    """The manual pages match the parsers; there is one for each command, and no other."""
    wanted = manual.pages()
    there = {file.name: file.read_text() for file in (root / "docs" / "man").glob("*")}
    for name in sorted(wanted.keys() | there.keys()):
        if wanted.get(name) != there.get(name):
            yield f"docs/man/{name}: out of date; run make docs"


def make_targets(root: Path) -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE))


def shown_commands(page: Path) -> Iterator[list[str]]:
    """The commands in a page's shell blocks: each line of `sh`, and in `console` each line after a `$`."""
    for fence in _FENCE.finditer(page.read_text()):
        if fence["kind"] not in ("sh", "console"):
            continue
        for line in fence["body"].replace("\\\n", " ").splitlines():
            text = line.strip()
            if fence["kind"] == "console":
                if not text.startswith("$ "):
                    continue
                text = text.removeprefix("$ ")
            words = shlex.split(text, comments=True)
            while words and re.match(r"^[A-Z_]+=", words[0]):
                words = words[1:]
            if words:
                yield words


def commands(root: Path) -> Iterator[str]:
    """The commands shown exist: targets of the Makefile, and packhouse commands with their options."""
    targets = make_targets(root)
    known: dict[str, str] = {}

    def help_of(*words: str) -> str:
        if " ".join(words) not in known:
            program = Path(sys.executable).with_name("packhouse")
            run = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=False)
            known[" ".join(words)] = run.stdout if run.returncode == 0 else ""
        return known[" ".join(words)]

    for page in pages(root):
        for words in shown_commands(page):
            where = f"{page.relative_to(root)}: {' '.join(words)}"
            if words[0] == "make":
                wrong = [word for word in words[1:] if "=" not in word and word not in targets]
                if wrong:
                    yield f"{where}: the Makefile has no target {wrong[0]}"
            elif words[0] == "packhouse":
                depth = 2
                shown = help_of(words[1] if len(words) > 1 else "help")
                while " SUBCOMMAND" in shown and len(words) > depth:
                    depth += 1
                    shown = help_of(*words[1:depth])
                if not shown:
                    yield f"{where}: packhouse has no such command"
                    continue
                for option in re.findall(r"(?<!\S)--[a-z-]+", " ".join(words)):
                    if option not in shown:
                        yield f"{where}: the command has no option {option}"


def foreign_text(root: Path) -> Iterator[str]:
    """No lock file names a download address, and no page names a folder of one machine."""
    for lock in sorted([*root.glob("*.lock"), *root.glob("tests/**/*.lock")]):
        if "://" in lock.read_text():
            name = lock.relative_to(root)
            yield f"{name}: contains an address; only names, versions and hashes are allowed"
    for page in pages(root):
        for found in re.finditer(r"(?<![\w.])/(?:home|Users|root|work)/\S*", page.read_text()):
            yield f"{page.relative_to(root)}: {found[0]} is a folder of one machine"


def known_variables() -> set[str]:
    """The environment variables that the generated parts and the manual pages describe."""
    parts = [generate.PARTS[name]() for name in generate.PARTS if name.startswith(("settings", "provider-"))]
    return set(_VARIABLE.findall(" ".join([*parts, *manual.ENVIRONMENT]))) | _OTHER_VARIABLES


def variables(root: Path) -> Iterator[str]:
    """Every variable on a page and in deploy/ exists. Changelog and decisions may name former ones."""
    known = known_variables()
    options = {name.rpartition("__")[2] for name in known if name.startswith("PACKHOUSE_PROVIDERS__")} | {
        "KIND"
    }
    others = [file for file in root.glob("deploy/*") if file.is_file() and file.suffix != ".md"]
    others += [file for file in (root / "docker-compose.yml", root / "Dockerfile") if file.is_file()]
    for page in [*pages(root), *others]:
        name = page.relative_to(root).as_posix()
        if name == "CHANGELOG.md" or name.startswith("docs/decisions/"):
            continue
        for variable in sorted(set(_VARIABLE.findall(page.read_text()))):
            plain = variable.removesuffix("_FILE")
            section, _, option = plain.rpartition("__")
            is_account = section.startswith("PACKHOUSE_PROVIDERS__") and option in options
            if not (variable in known or plain in known or is_account):
                yield f"{name}: there is no variable {variable}"


def settings(root: Path) -> Iterator[str]:
    """Every TOML block starts a daemon, and every setting that is named exists."""
    for page in pages(root):
        name = page.relative_to(root).as_posix()
        if name == "CHANGELOG.md" or name.startswith("docs/decisions/"):
            continue
        for block in settings_shown.blocks_of(page):
            for problem in settings_shown.problems_of(block):
                yield f"{name}: {block.splitlines()[0]} ...: {problem}"
        for setting in settings_shown.unknown_names(page):
            yield f"{name}: there is no setting {setting}"


def proofs(root: Path) -> Iterator[str]:
    """The text of a link to a test file is the name of a test in that file. Every row of the fault catalogue
    has such a link.
    """
    for page in pages(root):
        catalogue = False
        for line in page.read_text().splitlines():
            named = [found for found in _PROOF.finditer(line) if (page.parent / found["file"]).is_file()]
            for found in named:
                name = "test_" + found["words"].replace(" ", "_")
                if f"def {name}(" not in (page.parent / found["file"]).read_text():
                    yield f"{page.relative_to(root)}: {Path(found['file']).name} has no test {name}"
            if line.startswith("## "):
                catalogue = line == "## Fault catalogue"
            elif catalogue and re.match(r"\| (?!fault \||---)", line) and not named:
                yield f"{page.relative_to(root)}: this fault names no test: {line.split('|')[1].strip()}"


CHECKS: dict[str, Callable[[Path], Iterator[str]]] = {
    "links": links,
    "reach": unreached,
    "generated parts": stale_parts,
    "manual pages": stale_manual,
    "commands": commands,
    "foreign text": foreign_text,
    "variables": variables,
    "settings": settings,
    "tests named": proofs,
}


def main() -> int:
    """Print every error. Returns 1 if there is one."""
    errors = 0
    for name, check in CHECKS.items():
        found = list(check(ROOT))
        errors += len(found)
        print(f"docs, {name}: {f'{len(found)} errors' if found else 'ok'}")
        for error in found:
            print(f"  {error}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
