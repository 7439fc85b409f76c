"""Schema walk: reads a tree according to the schema and collects its values, unknown keys and other errors.

The result is flat: `launch/disk_gb` -> 40.0, with the defaults filled in. A key with an error is omitted, so that rules
depending on it are not checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ert_deploy.config.schema.keys import ROOT
from ert_deploy.config.schema.parser import Bad
from ert_deploy.config.schema.parts import Default, Field, Many, Part, Range, Rows, Section
from ert_deploy.config.yaml.problems import Problem, joined, nearest
from ert_deploy.config.yaml.tree import Listing, Scalar, Table, Tree

MOST_ITEMS = 64
LEAST, MOST = "min", "max"  # keys of a range


@dataclass(slots=True)
class Reading:
    """Valid values by path (a list of mappings as its length, an optional section as a bool), and the errors."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def blame(self, path: str, line: int, what: str, hint: str = "") -> None:
        """Add a `Problem`."""
        self.problems.append(Problem(path, line, what, hint))


def read(tree: Tree) -> Reading:
    """Read all values and errors of a tree. Never raises."""
    reading = Reading()
    _section(ROOT, tree, "", tree.line, reading)
    return reading


def _part(part: Part, tree: Tree | None, path: str, line: int, reading: Reading) -> None:
    """Read one part. `tree` is None without the key; `line` is that of the key or of the enclosing mapping."""
    reading.lines[path] = tree.line if tree else line
    if isinstance(tree, Scalar) and tree.kind == "refused":
        return
    match part:
        case Range():
            _range(part, tree, path, line, reading)
        case Field():
            _field(part, tree, path, line, reading)
        case Many():
            _many(part, tree, path, reading)
        case Rows():
            _rows(part, tree, path, line, reading)
        case Section():
            _section(part, tree, path, line, reading)


def _field(part: Field, tree: Tree | None, path: str, line: int, reading: Reading) -> None:
    if _unset(tree):
        if part.default is Default.REQUIRED:
            reading.blame(path, line, "it has no value" if tree else "it is missing")
        else:
            reading.values[path] = part.default
    elif isinstance(tree, Scalar):
        try:
            reading.values[path] = part.parse(tree)
        except Bad as bad:
            reading.blame(path, tree.line, bad.what, bad.hint)
    else:
        reading.blame(path, line, f"it must be one value, not {_shape(tree)}")


def _range(part: Range, tree: Tree | None, path: str, line: int, reading: Reading) -> None:
    """Read a range: the value of its own path is `max`, and that of `min` is below it."""
    least, most = Field(LEAST, part.least, 0), Field(MOST, part.parse)
    if not isinstance(tree, Table):
        _field(part, tree, path, line, reading)
        reading.values[f"{path}/{LEAST}"] = least.default
        return
    _section(Section(part.name, (least, most)), tree, path, line, reading)
    if (found := reading.values.pop(f"{path}/{MOST}", None)) is not None:
        reading.values[path] = found


def _many(part: Many, tree: Tree | None, path: str, reading: Reading) -> None:
    if _unset(tree):
        reading.values[path] = part.default
    elif isinstance(tree, Listing):
        item = Field(part.name, part.parse)
        for at, entry in enumerate(_some(tree, path, reading)):
            _part(item, entry, f"{path}/{at}", entry.line, reading)
        _collect(tree, path, reading)
    else:
        reading.blame(path, _line(tree), f"it must be a list, not {_shape(tree)}", "write it like [one, two]")


def _collect(tree: Listing, path: str, reading: Reading) -> None:
    """Combine the values of the items into one tuple, if all of them are valid and unique."""
    places = [f"{path}/{at}" for at in range(len(tree.items))]
    if any(place not in reading.values for place in places):
        return
    found = tuple(reading.values[place] for place in places)
    repeated = sorted({str(value) for value in found if found.count(value) > 1})
    if repeated:
        reading.blame(path, tree.line, f"it names {', '.join(repeated)} more than once")
    else:
        reading.values[path] = found


def _rows(part: Rows, tree: Tree | None, path: str, line: int, reading: Reading) -> None:
    if _unset(tree):
        what = "it has no value" if tree else "it is missing"
        reading.blame(path, line, what, "name at least one")
    elif isinstance(tree, Listing) and not tree.items:
        reading.blame(path, line, "it is empty", "name at least one: the API key is stored in a service's environment")
    elif isinstance(tree, Listing):
        rows = _some(tree, path, reading)
        reading.values[path] = len(rows)
        for at, row in enumerate(rows):
            _part(Section(part.name, part.parts), row, f"{path}/{at}", row.line, reading)
    else:
        reading.blame(path, line, f"it must be a list, not {_shape(tree)}", "put a dash before each entry")


def _section(part: Section, tree: Tree | None, path: str, line: int, reading: Reading) -> None:
    if part.chosen_by and reading.values.get(part.chosen_by) != part.name:
        _not_chosen(part, tree, path, line, reading)
        return
    if part.spared is not None and _unset(tree) and reading.values.get(part.spared[0]) == part.spared[1]:
        return
    if part.optional:
        reading.values[path] = not _unset(tree)
    if not (_unset(tree) or isinstance(tree, Table)):
        reading.blame(path, line, f"it must be a section with keys, not {_shape(tree)}")
        return
    table = tree if isinstance(tree, Table) else Table({}, line, {})
    for inner in part.parts:
        key_line = table.key_lines.get(inner.name, line)
        _part(inner, table.items.get(inner.name), joined(path, inner.name), key_line, reading)
    _unknown_keys(part, table, path, reading)


def _not_chosen(part: Section, tree: Tree | None, path: str, line: int, reading: Reading) -> None:
    chosen = reading.values.get(part.chosen_by)
    if chosen is not None and not _unset(tree):
        reading.blame(
            path, line, f"{part.chosen_by} is {chosen}", f"remove this section, or write {part.chosen_by}: {part.name}"
        )


def _unknown_keys(part: Section, table: Table, path: str, reading: Reading) -> None:
    names = [inner.name for inner in part.parts]
    for name, line in table.key_lines.items():
        if name not in names:
            listed = f"{f'in {path}' if path else 'at the top'} there are: {', '.join(names)}"
            reading.blame(joined(path, name), line, "there is no such key", nearest(name, names) or listed)


def _some(tree: Listing, path: str, reading: Reading) -> tuple[Tree, ...]:
    """Return the items, or none if there are too many."""
    if len(tree.items) <= MOST_ITEMS:
        return tree.items
    reading.blame(path, tree.line, f"it has {len(tree.items)} entries", f"at most {MOST_ITEMS}")
    return ()


def _unset(tree: Tree | None) -> bool:
    """Whether the key is absent or has no value."""
    return tree is None or (isinstance(tree, Scalar) and tree.kind == "null")


def _line(tree: Tree | None) -> int:
    return tree.line if tree else 0


def _shape(tree: Tree | None) -> str:
    match tree:
        case Table():
            return "a section"
        case Listing():
            return "a list"
        case _:
            return "a single value"
