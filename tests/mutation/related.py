"""Tests that cannot notice a mutant of core or engine: neither they nor what they import mention the program.

The sandbox imports neither core nor engine (a contract of import-linter), so that `ert_deploy.sandbox` does not count.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

_PROGRAM = re.compile(r"ert[-_]deploy(?!\.sandbox|/sandbox)")


def unrelated(root: Path) -> list[str]:
    """Return the test files below `root`, relative to it, that neither import nor start the program."""
    files = sorted((root / "tests").rglob("test_*.py"))
    return [str(file.relative_to(root)) for file in files if not _mentions(root, file)]


def _mentions(root: Path, file: Path) -> bool:
    """Whether a test or a module of the tests that it imports, directly or not, mentions the program."""
    pending, known = [file], set[Path]()
    while pending:
        one = pending.pop()
        if one in known:
            continue
        known.add(one)
        text, imported = _read(root, one)
        if _PROGRAM.search(text):
            return True
        pending += imported
    return False


@cache
def _read(root: Path, file: Path) -> tuple[str, tuple[Path, ...]]:
    text = file.read_text()
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    places = [root / (name.replace(".", "/") + ".py") for name in names if name.startswith("tests.")]
    return text, tuple(place for place in places if place.is_file())
