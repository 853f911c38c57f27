"""All mutants of a module: where each one is, and its code."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.operators import expressions, is_log, may_be_omitted, may_be_swapped

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = ("body", "orelse", "finalbody")
_TESTS = (ast.If, ast.While, ast.IfExp)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake. `id` stays the same while the function around it does; `statement` is the one of the
    module that is compiled again, and `function` the outermost function that it is in ("" outside of any).
    """

    id: str
    file: str
    line: int
    lines: tuple[int, int]
    statement: int
    function: str
    kind: str
    before: str
    after: str
    mutated: ast.stmt

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def mutants_of(root: Path, file: str) -> list[Mutant]:
    """Every mutant of one file, in the order of its lines."""
    tree = ast.parse((root / file).read_text(), file)
    found: list[Mutant] = []
    counts: Counter[str] = Counter()
    for index, statement in enumerate(tree.body):
        if isinstance(statement, ast.Import | ast.ImportFrom) or _is_typing_only(statement):
            continue
        for site in _sites(statement):
            mutated, before, after = site.apply(statement)
            key = one_writing(f"{file}::{site.function or '-'}::{site.kind}::{before}")
            counts[key] += 1
            found.append(
                Mutant(
                    f"{key}#{counts[key]}",
                    file,
                    site.line,
                    site.lines,
                    index,
                    site.outermost,
                    site.kind,
                    before,
                    after,
                    mutated,
                )
            )
    return sorted(found, key=lambda mutant: mutant.line)


def one_writing(identity: str) -> str:
    """An id in one way of writing: Python's versions differ in the quotes that they write around text."""
    return identity.replace('"', "'")


def _is_typing_only(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test)


@dataclass(frozen=True, slots=True)
class _Site:
    """A place in a statement of the module, as the path of fields that leads there, and what happens."""

    path: tuple[tuple[str, int | None], ...]
    kind: str
    variant: int
    is_test: bool
    line: int
    lines: tuple[int, int]
    function: str
    outermost: str

    def apply(self, statement: ast.stmt) -> tuple[ast.stmt, str, str]:
        """The mutated statement, and the piece of source before and after."""
        mutated = copy.deepcopy(statement)
        holder: ast.AST = mutated
        for name, index in self.path[:-1]:
            holder = getattr(holder, name) if index is None else getattr(holder, name)[index]
        name, index = self.path[-1]
        if self.kind in ("omitted", "swapped"):
            assert index is not None
            block: list[ast.stmt] = getattr(holder, name)
            first = block[index]
            before = ast.unparse(first)
            if self.kind == "omitted":
                # Never run, but compiled: the function keeps its names and stays a generator if it was one.
                block[index] = ast.copy_location(ast.If(ast.Constant(False), [first], []), first)
                after = ""
            else:
                block[index], block[index + 1] = block[index + 1], first
                after = ast.unparse(block[index])
        else:
            node = getattr(holder, name) if index is None else getattr(holder, name)[index]
            _, make = list(expressions(node, is_test=self.is_test))[self.variant]
            new = ast.copy_location(make(), node)
            before, after = ast.unparse(node), ast.unparse(new)
            if index is None:
                setattr(holder, name, new)
            else:
                getattr(holder, name)[index] = new
        return ast.fix_missing_locations(mutated), _short(before), _short(after)


def _short(source: str) -> str:
    line = " ".join(source.split())
    return line if len(line) <= 100 else line[:97] + "..."


def _sites(statement: ast.stmt) -> Iterator[_Site]:
    name = getattr(statement, "name", "") if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)) else ""
    is_function = isinstance(statement, _FUNCTIONS)
    if isinstance(statement, ast.ClassDef):
        for index, member in enumerate(statement.body):
            if isinstance(member, _FUNCTIONS):
                path: tuple[tuple[str, int | None], ...] = (("body", index),)
                qualified = f"{name}.{member.name}"
                yield from _visit(member, path, member, qualified, qualified)
        return
    yield from _visit(statement, (), statement, name if is_function else "", name if is_function else "")


def _visit(
    node: ast.AST,
    path: tuple[tuple[str, int | None], ...],
    statement: ast.stmt,
    function: str,
    outermost: str,
) -> Iterator[_Site]:
    """Every site in a node. `statement` is the one whose lines show whether a test reaches the site."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "args") and isinstance(
            node, (*_FUNCTIONS, ast.AnnAssign, ast.arg)
        ):
            continue
        if isinstance(node, ast.Raise) or (isinstance(node, ast.stmt) and is_log(node)):
            continue  # what an error or a log line says is not mutated
        children = value if isinstance(value, list) else [value]
        for index, child in enumerate(children):
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr):
                continue
            here = (*path, (field, index if isinstance(value, list) else None))
            inner, name = statement, function
            if isinstance(child, ast.stmt):
                inner = child
                if isinstance(child, _FUNCTIONS):
                    name = f"{function}.<locals>.{child.name}"
                yield from _statement_sites(node, field, value, index, here, function, outermost)
            is_test = field == "test" and isinstance(node, _TESTS)
            is_test = is_test or (field == "ifs" and isinstance(node, ast.comprehension))
            is_test = is_test or (field == "guard" and isinstance(node, ast.match_case))
            if isinstance(child, ast.expr) and not _is_endless(node, child):
                lines = _lines(inner)
                for variant, (kind, _) in enumerate(expressions(child, is_test=is_test)):
                    if isinstance(node, ast.While) and kind == "forced true":
                        continue
                    line = child.lineno
                    yield _Site(here, kind, variant, is_test, line, lines, name, outermost)
            yield from _visit(child, here, inner, name, outermost)


def _is_endless(node: ast.AST, child: ast.expr) -> bool:
    return isinstance(node, ast.While) and isinstance(child, ast.Constant)


def _statement_sites(
    node: ast.AST,
    field: str,
    block: list[ast.stmt],
    index: int,
    path: tuple[tuple[str, int | None], ...],
    function: str,
    outermost: str,
) -> Iterator[_Site]:
    if field not in _BLOCKS or not function:
        return
    child = block[index]
    is_function = isinstance(node, _FUNCTIONS)
    is_branch = isinstance(node, ast.If) and not node.orelse
    if may_be_omitted(child, block, is_function=is_function, is_branch=is_branch):
        yield _Site(path, "omitted", 0, False, child.lineno, _lines(child), function, outermost)
    if index + 1 < len(block) and may_be_swapped(child, block[index + 1]):
        yield _Site(path, "swapped", 0, False, child.lineno, _lines(child), function, outermost)


def _lines(statement: ast.stmt) -> tuple[int, int]:
    """The lines of a statement, of a compound one those of its head."""
    body = getattr(statement, "body", None)
    if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
        return statement.lineno, max(statement.lineno, body[0].lineno - 1)
    if isinstance(statement, ast.Match):
        return statement.lineno, statement.lineno
    return statement.lineno, statement.end_lineno or statement.lineno
