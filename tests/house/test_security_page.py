"""Attack trees of SECURITY.md: every branch has a leaf, and every referenced test exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "SECURITY.md"
TREES = PAGE.read_text().partition("## Attack trees")[2]
QUOTED = re.compile(r"`([^`]*)`", re.DOTALL)
TEST = re.compile(r"[\w/]+\.py::test_\w+")
LINES, WIDTH = 200, 150
NAMED = sorted({text for text in QUOTED.findall(TREES) if ".py" in text or "test_" in text})
BRANCHES = re.findall(r"^- .*(?:\n  .*)*", TREES, re.MULTILINE)
ATTACKERS = ("GPU box", "dashboard", "Render variable", "state writer", "pull request", "local user")


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_the_page_names_exists(name: str) -> None:
    assert TEST.fullmatch(name), "path and function, below tests/"
    path, _, function = name.partition("::")
    defined = {node.name for node in ast.parse((ROOT / "tests" / path).read_text()).body if hasattr(node, "name")}
    assert function in defined


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_branch_ends_with_a_test_or_with_what_is_accepted(branch: str) -> None:
    assert set(QUOTED.findall(branch)) & set(NAMED) or re.search(r"Accepted\b.+\w", branch, re.DOTALL)


def test_every_attacker_has_a_tree() -> None:
    headings = re.findall(r"^### (.*)$", TREES, re.MULTILINE)
    assert [a for a in ATTACKERS if not any(a.lower() in heading.lower() for heading in headings)] == []
    assert len(BRANCHES) == len(re.findall(r"^- ", TREES, re.MULTILINE)) > 50


def test_the_page_can_be_read() -> None:
    lines = PAGE.read_text().splitlines()
    assert len(lines) <= LINES
    assert [line for line in lines if len(line) > WIDTH] == []
