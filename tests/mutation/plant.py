"""Plant a mutant in this process: its code takes the place of the real one in modules that are loaded."""

from __future__ import annotations

import ast
import functools
import gc
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from sqlalchemy import Table

from tests.mutation.mutants import Mutant


class NotPlanted(Exception):
    """The mutated code is not found in the loaded modules."""


def caches(paths: Collection[str]) -> list[Callable[[], None]]:
    """What empties each cache of these files' functions: an answer from a cache runs none of their code."""
    found: list[Any] = [one for one in gc.get_objects() if isinstance(one, functools._lru_cache_wrapper)]
    return [
        one.cache_clear
        for one in found
        if getattr(getattr(one.__wrapped__, "__code__", None), "co_filename", "") in paths
    ]


class Plants:
    """The functions of some files, found once, so that planting is quick in each fork."""

    def __init__(self, root: Path, files: list[str]) -> None:
        self._root = root
        self._paths = {str(root / file): file for file in files}
        self._sources = {file: ast.parse((root / file).read_text(), file) for file in files}
        self._modules: dict[str, ModuleType] = {}
        for module in list(sys.modules.values()):
            file = self._paths.get(getattr(module, "__file__", None) or "")
            if file:
                self._modules[file] = module
        self._caches = caches(self._paths)
        self._functions: dict[tuple[str, str], list[FunctionType]] = defaultdict(list)
        for one in gc.get_objects():
            if isinstance(one, FunctionType) and one.__code__.co_filename in self._paths:
                file = self._paths[one.__code__.co_filename]
                self._functions[file, one.__code__.co_qualname].append(one)

    def plant(self, mutant: Mutant) -> None:
        """Change the loaded code. Raises NotPlanted."""
        if mutant.file not in self._modules:
            raise NotPlanted(f"no test imports {mutant.file}")
        if mutant.function:
            self._plant_function(mutant)
        else:
            self._plant_values(mutant)
        for clear in self._caches:
            clear()

    def _plant_function(self, mutant: Mutant) -> None:
        path = str(self._root / mutant.file)
        module = ast.Module([*self._futures(mutant.file), mutant.mutated], [])
        planted = 0
        for code in _codes(compile(module, path, "exec", dont_inherit=True)):
            name = code.co_qualname
            if name != mutant.function and not name.startswith(f"{mutant.function}.<locals>."):
                continue
            for function in self._functions.get((mutant.file, name), ()):
                if function.__code__.co_firstlineno != code.co_firstlineno:
                    continue
                if function.__code__.co_freevars == code.co_freevars:
                    function.__code__ = code
                    planted += 1
        if not planted:
            raise NotPlanted(f"{mutant.function} of {mutant.file} is not found among the loaded functions")

    def _plant_values(self, mutant: Mutant) -> None:
        """Evaluate a value of the module again, and what the module makes of it, and pass them on."""
        module = self._modules[mutant.file]
        changed = _assigned(mutant.mutated)
        if not changed:
            raise NotPlanted("it gives no value a name")
        again = [mutant.mutated]
        for statement in self._sources[mutant.file].body[mutant.statement + 1 :]:
            if isinstance(statement, ast.Assign | ast.AnnAssign) and changed & _read(statement):
                again.append(statement)
                changed |= _assigned(statement)
        before = {name: getattr(module, name) for name in changed}
        for value in before.values():
            if isinstance(value, Table):
                value.metadata.remove(value)  # so that it can be declared again
        code = compile(
            ast.Module([*self._futures(mutant.file), *again], []), str(self._root / mutant.file), "exec"
        )
        exec(code, module.__dict__)
        for other in list(sys.modules.values()):
            if other is module or not getattr(other, "__name__", "").startswith("packhouse"):
                continue
            for name, old in before.items():
                if other.__dict__.get(name) is old:
                    setattr(other, name, getattr(module, name))

    def readers(self, mutant: Mutant) -> set[str]:
        """The functions of its module that read a value outside of any function."""
        changed = _assigned(mutant.mutated)
        found: set[str] = set()
        for statement in self._sources[mutant.file].body[mutant.statement + 1 :]:
            if isinstance(statement, ast.Assign | ast.AnnAssign) and changed & _read(statement):
                changed |= _assigned(statement)
        for statement in self._sources[mutant.file].body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and changed & _read(statement):
                found.add(statement.name)
            elif isinstance(statement, ast.ClassDef):
                found |= {
                    f"{statement.name}.{member.name}"
                    for member in statement.body
                    if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and changed & _read(member)
                }
        return found

    def values(self, mutant: Mutant) -> dict[str, object]:
        """The values of its module that a mutant outside of any function changes, or that belong to those."""
        changed, near = _assigned(mutant.mutated), _read(mutant.mutated)
        own = {name for statement in self._sources[mutant.file].body for name in _assigned(statement)}
        for statement in self._sources[mutant.file].body[mutant.statement + 1 :]:
            if isinstance(statement, ast.Assign | ast.AnnAssign) and changed & _read(statement):
                changed |= _assigned(statement)
                near |= _read(statement)
        module = self._modules[mutant.file]
        return {name: getattr(module, name) for name in (changed | near) & own}

    def _futures(self, file: str) -> list[ast.stmt]:
        return [
            statement
            for statement in self._sources[file].body
            if isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        ]


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _assigned(statement: ast.stmt) -> set[str]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _read(statement: ast.stmt) -> set[str]:
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
