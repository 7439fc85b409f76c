"""Blueprint lint: finds mistakes in a `render.yaml` that Render's schema does not detect.

Returns each finding as one line with its line number; no value that may be a secret is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ert_deploy.config.schema.secret_shapes import SECRET_VALUE
from ert_deploy.config.yaml.problems import Problem, joined
from ert_deploy.config.yaml.tree import Listing, Scalar, Table, Tree, read_tree
from ert_deploy.core.model.desired import OwnedNames

SOURCES = ("value", "generateValue", "sync", "fromDatabase", "fromService", "fromGroup")
DEPRECATED = {
    "env": "runtime",
    "autoDeploy": "autoDeployTrigger",
    "domain": "domains",
    "pullRequestPreviewsEnabled": "previews.generation",
    "previewPlan": "previews.plan",
}
_PLANS = re.compile(r"free|starter|standard|pro( plus| max| ultra)?|\d+(\.\d+)?c-\d+(mb|g)")
_SECRET_NAME = re.compile(r"(?i)(api_?key|secret|passw(or)?d|credential|private_key)|(^|_)(key|token)$")


@dataclass(frozen=True, slots=True)
class _Variable:
    """One entry of envVars. `group`: it is part of an envVarGroup."""

    table: Table
    path: str
    group: bool


def lint(text: str, owned: Collection[str] | None = None) -> list[str]:
    """Return the findings in the order of their lines; empty if there are none.

    `owned` are the variables set by `ert-deploy`, by default those of ERT: they must be `sync: false` or absent.
    """
    names = OwnedNames().all() if owned is None else owned
    tree, problems = read_tree(text)
    if isinstance(tree, Table):
        problems = [*problems, *_tables(tree, "", names), *_borrowed(tree)]
    elif not problems:
        problems = [Problem("", 0, "it is not a Blueprint: there are no keys")]
    return [str(problem) for problem in sorted(problems, key=lambda problem: problem.line)]


def _tables(tree: Tree, path: str, owned: Collection[str]) -> Iterator[Problem]:
    """Search the whole file: services may be at the top level or in the environments of projects."""
    for name, inner in _children(tree):
        place = joined(path, name)
        if isinstance(tree, Table) and name in ("services", "envVarGroups") and isinstance(inner, Listing):
            for at, row in enumerate(inner.items):
                yield from _row(row, f"{place}/{at}", owned, group=name == "envVarGroups")
        else:
            yield from _tables(inner, place, owned)


def _row(row: Tree, path: str, owned: Collection[str], *, group: bool) -> Iterator[Problem]:
    """Check a service or an environment group."""
    if not isinstance(row, Table):
        yield Problem(path, row.line, "it must be a section with keys")
        return
    if not group:
        yield from _service(row, path)
    entries = row.items.get("envVars")
    variables = [
        _Variable(entry, f"{path}/envVars/{at}", group)
        for at, entry in enumerate(entries.items if isinstance(entries, Listing) else ())
        if isinstance(entry, Table)
    ]
    for variable in variables:
        yield from _variable(variable, owned)
    yield from _repeated(variables)


def _borrowed(tree: Table) -> Iterator[Problem]:
    """Report variables taken from another service of the same file that does not declare them."""
    rows = [row for row in _items(tree.items.get("services")) if isinstance(row, Table)]
    declared = {_text(row, "name"): {_name(entry) for entry in _items(row.items.get("envVars"))} for row in rows}
    for at, row in enumerate(rows):
        for number, entry in enumerate(_items(row.items.get("envVars"))):
            source = entry.items.get("fromService") if isinstance(entry, Table) else None
            if not isinstance(source, Table) or not _text(source, "envVarKey"):
                continue
            name, key = _text(source, "name"), _text(source, "envVarKey")
            if name in declared and key not in declared[name]:
                path = f"services/{at}/envVars/{number}/fromService"
                yield Problem(path, source.line, f"{name} does not declare {key}", "declare it there first")


def _items(tree: Tree | None) -> tuple[Tree, ...]:
    return tree.items if isinstance(tree, Listing) else ()


def _text(table: Table, name: str) -> str:
    value = table.items.get(name)
    return value.text if isinstance(value, Scalar) else ""


def _service(row: Table, path: str) -> Iterator[Problem]:
    for name in ("type", "name"):
        if name not in row.items:
            yield Problem(path, row.line, f"it has no {name}")
    for old, new in DEPRECATED.items():
        if old in row.items:
            yield Problem(joined(path, old), row.key_lines[old], "this key is deprecated", f"use {new}")
    yield from _words(row, path)


def _words(row: Table, path: str) -> Iterator[Problem]:
    kind, plan, trigger = (row.items.get(name) for name in ("type", "plan", "autoDeployTrigger"))
    if isinstance(kind, Scalar) and kind.text == "redis":
        yield Problem(f"{path}/type", kind.line, "redis is deprecated", "use keyvalue")
    elif "runtime" not in row.items and not (isinstance(kind, Scalar) and kind.text == "keyvalue"):
        yield Problem(path, row.line, "it has no runtime")
    if isinstance(plan, Scalar) and not _PLANS.fullmatch(plan.text):
        hint = "write a space: pro plus" if "_" in plan.text else ""
        yield Problem(f"{path}/plan", plan.line, "it is not a plan of a service", hint)
    if isinstance(trigger, Scalar) and (trigger.kind != "str" or trigger.text not in ("off", "commit", "checksPass")):
        yield Problem(
            f"{path}/autoDeployTrigger", trigger.line, 'it is not "off", "commit" or "checksPass"', "quote off"
        )


def _variable(variable: _Variable, owned: Collection[str]) -> Iterator[Problem]:
    table, path = variable.table, variable.path
    given = [source for source in SOURCES if source in table.items]
    if len(given) != 1:
        what = f"it has more than one source: {', '.join(given)}" if given else "it has no value and no source"
        yield Problem(path, table.line, what, "exactly one of " + ", ".join(SOURCES))
    if variable.group and "sync" in table.items:
        yield Problem(path, table.line, "sync is not allowed in a group")
    name = _name(table)
    if name in owned and not _left_alone(table):
        yield Problem(path, table.line, f"{name} is written by ert-deploy", "make it sync: false, or leave it out")
    for source in ("value", "previewValue"):
        value = table.items.get(source)
        if isinstance(value, Scalar):
            yield from _literal(name, value, joined(path, source))


def _literal(name: str, value: Scalar, path: str) -> Iterator[Problem]:
    if value.kind == "bool":
        yield Problem(path, value.line, "a bare true or false is not accepted by Render", f'write "{value.text}"')
    if SECRET_VALUE.search(value.text) or (value.kind == "str" and value.text and _SECRET_NAME.search(name)):
        yield Problem(path, value.line, f"{name} has a secret in the file", "use sync: false or generateValue: true")


def _left_alone(table: Table) -> bool:
    sync = table.items.get("sync")
    return isinstance(sync, Scalar) and sync.kind == "bool" and sync.text == "false"


def _repeated(variables: list[_Variable]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for variable in variables:
        name = _name(variable.table)
        if name and name in seen:
            yield Problem(variable.path, variable.table.line, f"{name} is set already in line {seen[name]}")
        seen.setdefault(name, variable.table.line)


def _name(entry: Tree) -> str:
    return _text(entry, "key") if isinstance(entry, Table) else ""


def _children(tree: Tree) -> Iterator[tuple[str, Tree]]:
    match tree:
        case Table(items=items):
            yield from items.items()
        case Listing(items=rows):
            yield from ((str(at), row) for at, row in enumerate(rows))
        case Scalar():
            return
