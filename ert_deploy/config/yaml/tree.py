"""Config tree: tables, lists and scalars of a YAML text, with line numbers.

Scalars keep both their text and their type, so that `no`, `1:30` and `010` can be distinguished from the intended
value. No objects are constructed: a tag for one is an error, and aliases are expanded only up to a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from ert_deploy.config.yaml.problems import Problem, joined, shown

MOST_NODES = 5_000
DEEPEST = 16
_STANDARD = "tag:yaml.org,2002:"
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A leaf. `kind` is its YAML 1.1 type: str, int, float, bool, null, timestamp."""

    text: str
    kind: str
    line: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A sequence."""

    items: tuple[Tree, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping. `key_lines` has the line of each key."""

    items: dict[str, Tree]
    line: int
    key_lines: dict[str, int]


Tree = Scalar | Listing | Table


@dataclass(slots=True)
class _Growth:
    """Number of nodes and the errors found so far."""

    nodes: int = 0
    problems: list[Problem] = field(default_factory=list)


class _Unusable(Exception):
    """The text cannot be parsed to a tree at all."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def read_tree(text: str) -> tuple[Tree | None, list[Problem]]:
    """Return the tree of a text and its errors; the tree is None if the text is empty or unusable. Never raises."""
    growth = _Growth()
    try:
        _must_be_shallow(text)
        node = yaml.compose(text, Loader=_LOADER)
        return (_grown(node, "", 0, growth) if node else None), growth.problems
    except _Unusable as unusable:
        return None, [unusable.problem]
    except yaml.MarkedYAMLError as error:
        return None, [_syntax(error)]
    except (yaml.YAMLError, ValueError) as error:
        return None, [Problem("", 0, f"it is not YAML: {_one_line(str(error))}")]


def _must_be_shallow(text: str) -> None:
    """Check the depth before composing, which is recursive and must not reach a thousand levels."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.events.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.events.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise _Unusable(Problem("", line, f"it is nested more than {DEEPEST} levels deep"))


def _grown(node: yaml.Node, path: str, depth: int, growth: _Growth) -> Tree:
    line = node.start_mark.line + 1
    growth.nodes += 1
    if growth.nodes > MOST_NODES or depth > DEEPEST:
        raise _Unusable(Problem("", line, f"it holds more than {MOST_NODES} values, aliases (*name) written out"))
    if not node.tag.startswith(_STANDARD) or "python" in node.tag:
        growth.problems.append(Problem(path, line, f"the tag {shown(node.tag)} is not allowed", "remove it"))
        return Scalar("", "refused", line)
    if isinstance(node, yaml.MappingNode):
        return _table(node, path, depth, growth)
    if isinstance(node, yaml.SequenceNode):
        items = (_grown(item, joined(path, str(at)), depth + 1, growth) for at, item in enumerate(node.value))
        return Listing(tuple(items), line)
    return Scalar(node.value, node.tag.removeprefix(_STANDARD), line)


def _table(node: yaml.MappingNode, path: str, depth: int, growth: _Growth) -> Table:
    table = Table({}, node.start_mark.line + 1, {})
    for key, value in _keyed(node, path, growth):
        line = key.start_mark.line + 1
        if key.value in table.items:
            first = table.key_lines[key.value]
            growth.problems.append(
                Problem(joined(path, key.value), line, f"it is given twice, in lines {first} and {line}", "keep one")
            )
            continue
        table.key_lines[key.value] = line
        table.items[key.value] = _grown(value, joined(path, key.value), depth + 1, growth)
    return table


def _keyed(node: yaml.MappingNode, path: str, growth: _Growth) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            yield key, value
        else:
            growth.problems.append(Problem(path, key.start_mark.line + 1, "a key must be a word"))


def _syntax(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    said = ", ".join(part for part in (error.context, error.problem) if part)
    hint = "indent with spaces, not tabs" if "\\t" in said else ""
    return Problem("", mark.line + 1 if mark else 0, f"it is not YAML: {_one_line(said)}", hint)


def _one_line(text: str) -> str:
    return " ".join(text.encode("ascii", "backslashreplace").decode().split())[:200]
