"""The small mistakes to plant: each operator answers what a piece of syntax could wrongly have been."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator

Variant = tuple[str, Callable[[], ast.AST]]
"""The kind of the mistake, and what stands in the place of the node."""

_BOUNDARIES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_SIGNS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
}
_PAIRS = {"min": "max", "max": "min", "any": "all", "all": "any", "in_": "not_in", "not_in": "in_"}
_PAIRS |= {"is_": "is_not", "is_not": "is_"}
# Each argument is one condition of a query.
_CONDITIONS = {"where", "and_", "or_", "update_where"}
_SQL = re.compile(r"\b(SELECT|UPDATE|INSERT|DELETE|WHERE|IS NULL|IS NOT NULL)\b|=\s*:\w|<=|>=")
_SQL_VARIANTS = (
    (r" AND (?=[^()]*$|[^()]*\()", " OR "),
    (r" OR ", " AND "),
    (r"<=", "<"),
    (r">=", ">"),
    (r"(?<=\s)<(?=\s)", "<="),
    (r"(?<=\s)>(?=\s)", ">="),
    (r"<>", "="),
    (r"IS NULL", "IS NOT NULL"),
    (r"IS NOT NULL", "IS NULL"),
    (r"\+ 1\b", "- 1"),
    (r" AND [\w.]+ (?:=|<>|<=|>=|<|>) (?::\w+|'\w*'|[\w.]+)", ""),
    (r" ORDER BY [\w.]+", ""),
    (r"'(open|held)'", "'shipped'"),
)


def expressions(node: ast.AST, *, is_test: bool) -> Iterator[Variant]:
    """What this expression could wrongly have been. `is_test`: it decides a branch, as a whole."""
    if is_test:
        yield "forced true", lambda: ast.Constant(True)
        yield "forced false", lambda: ast.Constant(False)
    match node:
        case ast.Compare():
            yield from _comparisons(node, is_test=is_test)
        case ast.BoolOp() if len(node.values) > 1:
            for index in range(len(node.values)):
                yield f"condition {index + 1} dropped", lambda index=index: _without(node, index)  # type: ignore[misc]
        case ast.UnaryOp(op=ast.Not()) if not is_test:
            yield "not dropped", lambda: copy.deepcopy(node.operand)
        case ast.UnaryOp(op=ast.USub(), operand=operand) if not isinstance(operand, ast.Constant):
            yield "minus dropped", lambda: copy.deepcopy(operand)
        case ast.BinOp():
            yield from _arithmetic(node)
        case ast.Constant(value=bool() as value):
            yield f"{value} is {not value}", lambda: ast.Constant(not value)
        case ast.Constant(value=int() | float() as number):
            yield f"{number} is {number + 1}", lambda: ast.Constant(number + 1)
        case ast.Constant(value=str() as words) if _SQL.search(words):
            yield from _sql(words)
        case ast.Call():
            yield from _calls(node)


def _comparisons(node: ast.Compare, *, is_test: bool) -> Iterator[Variant]:
    for index, op in enumerate(node.ops):
        other = _BOUNDARIES.get(type(op)) or (None if is_test else _OPPOSITES.get(type(op)))
        if other is not None:

            def changed(index: int = index, other: type[ast.cmpop] = other) -> ast.AST:
                mutated = copy.deepcopy(node)
                mutated.ops[index] = other()
                return mutated

            yield f"{_sign(op)} is {_sign(other())}", changed


def _sign(op: ast.cmpop | ast.operator) -> str:
    if isinstance(op, ast.cmpop):
        return ast.unparse(ast.Compare(ast.Name("a"), [op], [ast.Name("a")]))[2:-2]
    return ast.unparse(ast.BinOp(ast.Name("a"), op, ast.Name("a")))[2:-2]


def _without(node: ast.BoolOp, index: int) -> ast.AST:
    rest = [copy.deepcopy(value) for place, value in enumerate(node.values) if place != index]
    return rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def _arithmetic(node: ast.BinOp) -> Iterator[Variant]:
    other = _SIGNS.get(type(node.op))
    if other is not None and not any(_is_text(side) for side in (node.left, node.right)):

        def changed() -> ast.AST:
            return ast.BinOp(copy.deepcopy(node.left), other(), copy.deepcopy(node.right))

        yield f"{_sign(node.op)} is {_sign(other())}", changed
    if isinstance(node.op, ast.BitAnd | ast.BitOr):
        yield "right side dropped", lambda: copy.deepcopy(node.left)
        yield "left side dropped", lambda: copy.deepcopy(node.right)


def _is_text(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=str() | bytes()) | ast.JoinedStr() | ast.List() | ast.Tuple():
            return True
        case ast.BinOp(left=left, right=right):
            return _is_text(left) or _is_text(right)
        case ast.Call(func=ast.Name(id="tuple" | "list" | "str" | "sorted")):
            return True
        case ast.IfExp(body=body, orelse=orelse):
            return _is_text(body) or _is_text(orelse)
    return False


def _calls(node: ast.Call) -> Iterator[Variant]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name in _PAIRS and node.args:

        def paired() -> ast.AST:
            mutated = copy.deepcopy(node)
            if isinstance(mutated.func, ast.Name):
                mutated.func.id = _PAIRS[name]
            elif isinstance(mutated.func, ast.Attribute):
                mutated.func.attr = _PAIRS[name]
            return mutated

        yield f"{name} is {_PAIRS[name]}", paired
    if name in _CONDITIONS and name != "update_where":
        for index in range(len(node.args)):

            def fewer(index: int = index) -> ast.AST:
                mutated = copy.deepcopy(node)
                del mutated.args[index]
                return mutated

            yield f"condition {index + 1} dropped", fewer
    if name == "update_where" and isinstance(node.args[1], ast.Tuple):
        for index in range(len(node.args[1].elts)):

            def looser(index: int = index) -> ast.AST:
                mutated = copy.deepcopy(node)
                assert isinstance(mutated.args[1], ast.Tuple)
                del mutated.args[1].elts[index]
                return mutated

            yield f"condition {index + 1} dropped", looser


def _sql(words: str) -> Iterator[Variant]:
    for pattern, instead in _SQL_VARIANTS:
        for place, found in enumerate(re.finditer(pattern, words)):
            changed = words[: found.start()] + found.expand(instead) + words[found.end() :]
            if changed != words:
                kind = f"SQL {found.group().strip()!r} ({place + 1}) is {instead.strip()!r}"
                yield kind, lambda changed=changed: ast.Constant(changed)  # type: ignore[misc]


_JUMPS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_LOGGED = {"debug", "info", "warning", "error", "exception", "critical"}
# `context.record` writes the log lines of entries that the journal has.
_LOGS = {"context.record", "self.record"}


def may_be_omitted(statement: ast.stmt, body: list[ast.stmt], *, is_function: bool, is_branch: bool) -> bool:
    """Whether the code still makes sense without this statement of `body`."""
    match statement:
        case ast.Return() | ast.Raise():
            # A branch of this one statement alone is omitted by forcing its condition.
            return not is_function and not (is_branch and len(body) == 1)
        case ast.Continue() | ast.Break():
            return not (is_branch and len(body) == 1)
        case ast.Expr(value=ast.Call() | ast.Await()):
            return not is_log(statement)
        case ast.Expr(value=ast.Yield() | ast.YieldFrom()):
            return True
        case ast.AugAssign() | ast.Delete():
            return True
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return True
    return False


def is_log(statement: ast.stmt) -> bool:
    """Whether the statement only writes a log line."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=attr, value=whose) as function)):
            return (attr in _LOGGED and "log" in ast.unparse(whose)) or ast.unparse(function) in _LOGS
    return False


def may_be_swapped(first: ast.stmt, second: ast.stmt) -> bool:
    """Whether the order of two neighbours matters and either order would run."""
    if any(isinstance(one, (*_JUMPS, ast.Pass)) or is_log(one) for one in (first, second)):
        return False
    if not (_has_effect(first) and _has_effect(second)):
        return False
    return not (_names(first, ast.Store) & _names(second, ast.Load))


def _has_effect(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    if isinstance(statement, ast.Expr):
        return not isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Attribute | ast.Subscript):
        return True
    return any(isinstance(node, (ast.Await, *_JUMPS)) or _executes(node) for node in ast.walk(statement))


def _executes(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"execute", "write", "move"}


def _names(statement: ast.stmt, context: type[ast.expr_context]) -> set[str]:
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    }
