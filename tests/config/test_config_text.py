"""Texts that are no config at all: broken YAML, too deep, too large."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ert_deploy.config import ConfigProblems

Judge = Callable[[str], ConfigProblems]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: ]", 1, "it is not YAML"),
        ("a: 1\n\tb: 2", 2, "it is not YAML"),
        ("a: *nothing", 1, "it is not YAML"),
        ("--- 1\n--- 2", 2, "it is not YAML"),
        ("a: \x07", 0, "it is not YAML"),
        ("[" * 5000, 1, "nested more than 16"),
        ("a: " + "{a: " * 5000, 1, "nested more than 16"),
        ("# nothing\n", 0, "only comments"),
        ("just words", 1, "a section with keys"),
        ("- a\n- b", 1, "a section with keys"),
        ("a: &a [*a]", 1, "more than 5000 values"),
    ],
)
def test_text_that_is_no_config(problems: Judge, text: str, line: int, what: str) -> None:
    found = problems(text)
    assert [(problem.line, problem.path) for problem in found.problems] == [(line, "")]
    assert what in found.problems[0].what


def test_an_alias_bomb_is_refused_at_once(problems: Judge) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "more than 5000 values" in problems("\n".join(rows)).problems[0].what
