"""Operator mutants: every place in core and engine where an operator, constant or condition can be replaced.

A mutant is one such place modified in the syntax tree of its module, which is then unparsed. Excluded are changes that
no test can detect: annotations, docstrings, decorators, assertions for the type checker, blocks under TYPE_CHECKING,
and the parameters of dataclasses and fields.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Operator: TypeAlias = ast.cmpop | ast.boolop | ast.operator | ast.unaryop
PACKAGES = ("ert_deploy/core", "ert_deploy/engine")
OPPOSITES: dict[type[Operator], type[Operator]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}  # fmt: skip
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
SETTINGS = frozenset({"dataclass", "field", "lru_cache"})  # calls whose arguments do not affect tested behaviour


@dataclass(frozen=True)
class Place:
    """Location of a mutant: module and index of the place in it; `line` and `what` are for output."""

    file: str
    number: int
    line: int
    what: str


def places(root: Path) -> list[Place]:
    """Return every place of every module, in a fixed order."""
    files = sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))
    return [place for path in files for place in _of(path, str(path.relative_to(root)))]


def mutated(source: str, number: int) -> str:
    """Return the source of the module with one place modified."""
    tree = ast.parse(source)
    for index, (node, _) in enumerate(_walk(tree)):
        if index == number:
            _change(node, tree)
            return ast.unparse(tree)
    raise IndexError(f"there are not {number + 1} places")


def _of(path: Path, file: str) -> Iterator[Place]:
    for number, (node, what) in enumerate(_walk(ast.parse(path.read_text()))):
        yield Place(file, number, getattr(node, "lineno", 0), what)


def _walk(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Yield the nodes that can be modified, each with its replacement."""
    if what := _becomes(node):
        yield node, what
    for child in _children(node):
        yield from _walk(child)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Assert | ast.Import | ast.ImportFrom | ast.arg) or _is_for_types(node):
        return
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SETTINGS:
        return
    left_out = {"annotation", "returns", "decorator_list", "type_params"}
    for name, value in ast.iter_fields(node):
        if name in left_out:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_alias(child):
                yield child


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _is_alias(node: ast.AST) -> bool:
    """Whether the node is `Name: TypeAlias = A | B`, where `|` is not an operator."""
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias"


def _becomes(node: ast.AST) -> str:
    match node:
        case ast.Compare(ops=[op]) if type(op) in OPPOSITES:
            return f"{ast.unparse(node)}: {OPPOSITES[type(op)].__name__}"
        case ast.BoolOp(op=op) | ast.BinOp(op=op) if type(op) in OPPOSITES and not _is_text(node):
            return f"{ast.unparse(node)}: {OPPOSITES[type(op)].__name__}"
        case ast.UnaryOp(op=ast.Not()):
            return f"{ast.unparse(node)}: without not"
        case ast.Constant(value=bool() as value):
            return f"{value}: {not value}"
        case ast.Constant(value=int() | float() as value):
            return f"{value}: {value + 1}"
        case ast.Call(func=ast.Name(id=name)) if name in CALLS:
            return f"{ast.unparse(node)}: {CALLS[name]}"
        case ast.Call(func=ast.Name(id="sorted"), keywords=[_, *_] as given) if all(k.arg != "reverse" for k in given):
            return f"{ast.unparse(node)}: reversed"
        case ast.If() | ast.While() if not _is_for_types(node) and not _constant(node.test):
            return f"if {ast.unparse(node.test)}: the contrary"
        case _:
            return ""


def _constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and any(isinstance(side, ast.JoinedStr) for side in (node.left, node.right))


def _change(node: ast.AST, tree: ast.Module) -> None:
    match node:
        case ast.Compare():
            node.ops = [OPPOSITES[type(node.ops[0])]()]  # type: ignore[list-item]
        case ast.BoolOp() | ast.BinOp():
            node.op = OPPOSITES[type(node.op)]()  # type: ignore[assignment]
        case ast.UnaryOp():
            _replace(tree, node, node.operand)
        case ast.Constant(value=bool() as value):
            node.value = not value
        case ast.Constant(value=int() | float() as value):
            node.value = value + 1
        case ast.Call(func=ast.Name(id="sorted")):
            node.keywords.append(ast.keyword("reverse", ast.Constant(value=True)))
        case ast.Call(func=ast.Name() as name):
            name.id = CALLS[name.id]
        case ast.If() | ast.While():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case _:
            raise TypeError(type(node).__name__)


def _replace(tree: ast.Module, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and old in value:
                value[value.index(old)] = new
