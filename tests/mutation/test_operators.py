"""Operator mutants: each is one change that is valid Python, and a relevant one is detected."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest

from tests.mutation.__main__ import STAGES, noticed_by
from tests.mutation.operators import mutated, places

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = 80


def changed(source: str) -> list[str]:
    """Return every mutant of a module."""
    plain, found = ast.unparse(ast.parse(source)), list[str]()
    while True:
        try:
            found.append(mutated(source, len(found)))
        except IndexError:
            assert plain not in found
            return found


@pytest.mark.parametrize(
    ("source", "mutants"),
    [
        ("x = a < b", ["x = a <= b"]),
        ("x = a and b", ["x = a or b"]),
        ("x = not a", ["x = a"]),
        ("x = a + 1", ["x = a - 1", "x = a + 2"]),
        ("x = max(a)", ["x = min(a)"]),
        ("if a:\n    pass", ["if not a:\n    pass"]),
        ("x = True", ["x = False"]),
        ("x = sorted(a, key=f)", ["x = sorted(a, key=f, reverse=True)"]),
    ],
)
def test_a_place_becomes_one_other_thing(source: str, mutants: list[str]) -> None:
    assert changed(source) == mutants


@pytest.mark.parametrize(
    "source",
    [
        "def f(x: A | B) -> C | None:\n    pass",
        "X: TypeAlias = A | B",
        "@dataclass(frozen=True, slots=True)\nclass X:\n    y: int = field(repr=False)",
        "if TYPE_CHECKING:\n    import a",
        "assert x is not None",
        '"""Words."""',
    ],
)
def test_what_no_test_could_see_is_left_out(source: str) -> None:
    assert changed(source) == []


def test_every_mutant_of_the_product_is_python_and_another_program() -> None:
    found = places(ROOT)
    assert len(found) > 1000
    for place in random.Random(1).sample(found, SAMPLE):
        source = (ROOT / place.file).read_text()
        made = mutated(source, place.number)
        assert ast.unparse(ast.parse(made)) != ast.unparse(ast.parse(source)), place


def test_a_mutant_that_matters_is_noticed_by_the_quickest_tests() -> None:
    place = next(p for p in places(ROOT) if p.file.endswith("health.py") and p.what.endswith("Vital.HEALTHY: IsNot"))
    assert noticed_by(place, STAGES[:1]) == "tests/core"
    assert noticed_by(None, STAGES[:1]) == "", "the copy itself fails, so that anything would be noticed"
