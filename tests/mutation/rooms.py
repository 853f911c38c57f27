"""The files that are mutated, and the source of each function, which says whether a result is still valid."""

from __future__ import annotations

import ast
import hashlib
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_PACKAGE = "service/packhouse"
ROOMS = {
    "steps": (f"{_PACKAGE}/steps",),
    "ledger": (f"{_PACKAGE}/ledger",),
    "store": (f"{_PACKAGE}/store",),
    "rules": (f"{_PACKAGE}/rules",),
    "wire": (f"{_PACKAGE}/providers",),
    "flow": (f"{_PACKAGE}/flow.py", f"{_PACKAGE}/next_check.py", f"{_PACKAGE}/worker/intake.py"),
}


def files_of(room: str) -> list[str]:
    """The files of a room. Of the providers only the pure translation; of the ledger no migrations."""
    found: list[str] = []
    for place in ROOMS[room]:
        path = ROOT / place
        pattern = "wire.py" if room == "wire" else "*.py"
        files = [path] if path.is_file() else sorted(path.rglob(pattern))
        found += [str(file.relative_to(ROOT)) for file in files if "migrations" not in file.parts]
    return found


def room_of(file: str) -> str:
    """The room that a file belongs to."""
    return next(name for name, places in ROOMS.items() if any(file.startswith(place) for place in places))


def changed_since(revision: str) -> set[str]:
    """The files that differ from a revision of git."""
    asked = ["git", "diff", "--name-only", revision]
    return set(subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


def functions_of(file: str) -> dict[str, tuple[str, int]]:
    """The outermost functions of a file: a hash of the source, and the first line. "" is the rest of it."""
    source = (ROOT / file).read_text()
    rest: list[str] = []
    found: dict[str, tuple[str, int]] = {}

    def add(name: str, node: ast.stmt) -> None:
        text = ast.unparse(node)
        found[name] = hashlib.sha256(text.encode()).hexdigest()[:12], node.lineno

    for statement in ast.parse(source).body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            add(statement.name, statement)
        elif isinstance(statement, ast.ClassDef):
            for member in statement.body:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                    add(f"{statement.name}.{member.name}", member)
        elif not isinstance(statement, ast.Import | ast.ImportFrom | ast.Expr):
            rest.append(ast.unparse(statement))
    found[""] = hashlib.sha256("\n".join(rest).encode()).hexdigest()[:12], 1
    return found


def digest(file: str) -> str:
    """A hash of a whole file."""
    return hashlib.sha256((ROOT / file).read_bytes()).hexdigest()[:12]
