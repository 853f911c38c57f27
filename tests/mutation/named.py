"""Mistakes that have a name: each is a piece of source, and what it would wrongly say."""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.rooms import ROOT

_NAMED = Path(__file__).parent / "named.toml"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Named:
    """One mistake: in `file`, `before` becomes `after`."""

    name: str
    file: str
    before: str
    after: str

    @property
    def places(self) -> int:
        """How often `before` is in the file; a mistake that can be planted has one place."""
        return (ROOT / self.file).read_text().count(self.before)

    def mutant(self) -> Mutant:
        """The mistake as a mutant. Raises ValueError if it changes more or less than one function."""
        source = (ROOT / self.file).read_text()
        real = ast.parse(source).body
        mutated = ast.parse(source.replace(self.before, self.after, 1)).body
        changed = [
            index
            for index, (one, other) in enumerate(zip(real, mutated, strict=True))
            if ast.dump(one) != ast.dump(other)
        ]
        if len(changed) != 1:
            raise ValueError(f"{self.name}: it changes {len(changed)} statements of {self.file}")
        statement, other = real[changed[0]], mutated[changed[0]]
        line = source[: source.index(self.before)].count("\n") + 1
        lines = line, line + self.before.count("\n")
        function = _function_at(statement, line)
        key = f"named::{self.name}"
        return Mutant(
            key, self.file, line, lines, changed[0], function, self.name, self.before, self.after, other
        )


def named() -> list[Named]:
    """All named mistakes."""
    with _NAMED.open("rb") as file:
        return [Named(**one) for one in tomllib.load(file)["mutant"]]


def _function_at(statement: ast.stmt, line: int) -> str:
    if isinstance(statement, _FUNCTIONS):
        return statement.name
    if isinstance(statement, ast.ClassDef):
        for member in statement.body:
            if isinstance(member, _FUNCTIONS) and member.lineno <= line <= (member.end_lineno or line):
                return f"{statement.name}.{member.name}"
    return ""
