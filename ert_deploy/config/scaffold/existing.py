"""Existing Blueprint: what its web services tell about the app, and our variables added to one of them.

Nothing else of the file changes: lines are inserted, and the result is checked against what was there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ert_deploy.config.yaml.tree import Listing, Scalar, Table, Tree, read_tree

OURS = "# A Render Blueprint for the dashboard of the deployment "  # the first line of one that `init` has written
# Question of `init` -> key of a service.
_ANSWERS = {
    "service": "name", "health_path": "healthCheckPath", "region": "region", "root": "rootDir", "build": "buildCommand",
    "start": "startCommand", "repo": "repo",
}  # fmt: skip
_DASH = re.compile(r"( *)-( +)\S")


@dataclass(frozen=True, slots=True)
class Merge:
    """What to add to a Blueprint: `lines` for a person; `text` is the whole file with them, None if that is unclear.

    `found`: it has a service of that name.
    """

    found: bool
    lines: tuple[str, ...]
    text: str | None


def answers(text: str, name: str) -> dict[str, str]:
    """Return values for the questions of `init`: those of the web service `name`, else of the first one."""
    services = list(_web_services(read_tree(text)[0]))
    named = [service for service in services if _text(service, "name") == name] or services
    if not named:
        return {}
    return {question: said for question, key in _ANSWERS.items() if (said := _text(named[0], key))}


def merge(text: str, service: str, owned: Iterable[str]) -> Merge:
    """Add the variables of `owned` that the service lacks, each as `sync: false`."""
    tree, _ = read_tree(text)
    table = next((one for one in _web_services(tree) if _text(one, "name") == service), None)
    if tree is None or table is None:
        return Merge(False, (), None)
    there = table.items.get("envVars")
    rows = there.items if isinstance(there, Listing) else ()
    has = {_text(entry, "key") for entry in rows if isinstance(entry, Table)}
    names = [name for name in owned if name not in has]
    lines = tuple(line for name in names for line in (f"- key: {name}", "  sync: false"))
    if not names:
        return Merge(True, (), text)
    made = _inserted(text.splitlines(keepends=True), table, there, lines)
    return Merge(True, lines, made if made and _adds_only(tree, made, table, names) else None)


def _inserted(text: list[str], table: Table, there: Tree | None, lines: tuple[str, ...]) -> str | None:
    """Return the text with the lines behind the last variable, or with a list of them at the end of the service."""
    if isinstance(there, Listing) and there.items:
        start, more = there.items[-1].line, lines
    elif there is None:
        start, more = table.line, ("envVars:", *(f"  {line}" for line in lines))
    else:
        return None
    if not (dash := _DASH.match(text[start - 1])):
        return None
    deep = len(dash[1]) + (1 + len(dash[2]) if there is None else 0)
    end = _end(text, start, len(dash[1]))
    if not text[end - 1].endswith("\n"):
        text[end - 1] += "\n"
    return "".join([*text[:end], *(f"{' ' * deep}{line}\n" for line in more), *text[end:]])


def _end(text: list[str], start: int, indent: int) -> int:
    """Return the number of the last line of the entry that begins in line `start`, whose dash is at `indent`."""
    last = start
    for number, line in enumerate(text[start:], start + 1):
        bare = line.strip()
        if bare and not bare.startswith("#"):
            if len(line) - len(line.lstrip(" ")) <= indent:
                break
            last = number
    return last


def _adds_only(before: Tree, made: str, table: Table, names: list[str]) -> bool:
    """Whether the text is the same Blueprint with these variables at the end of the service's, and nothing else."""
    after, problems = read_tree(made)
    return not problems and after is not None and _plain(after) == _plain(before, id(table), names)


def _plain(tree: Tree, service: int = 0, names: Iterable[str] = ()) -> object:
    """Return a tree without lines; the table with the id `service` gets the variables."""
    match tree:
        case Table(items=items):
            found = {name: _plain(inner, service, names) for name, inner in items.items()}
            if id(tree) == service:
                has = found.get("envVars")
                added = [{"key": (name, "str"), "sync": ("false", "bool")} for name in names]
                found["envVars"] = [*(has if isinstance(has, list) else []), *added]
            return found
        case Listing(items=rows):
            return [_plain(row, service, names) for row in rows]
        case Scalar(text=text, kind=kind):
            return text, kind


def _web_services(tree: Tree | None) -> Iterator[Table]:
    """Yield the web services of the whole file: at the top level, and in the environments of projects."""
    match tree:
        case Table(items=items):
            for name, inner in items.items():
                if name == "services" and isinstance(inner, Listing):
                    yield from (row for row in inner.items if isinstance(row, Table) and _text(row, "type") == "web")
                else:
                    yield from _web_services(inner)
        case Listing(items=rows):
            for row in rows:
                yield from _web_services(row)


def _text(table: Table, name: str) -> str:
    value = table.items.get(name)
    return value.text if isinstance(value, Scalar) and value.kind == "str" else ""
