"""Operator mutants: each is one change that is valid Python, and a relevant one is detected."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest

from tests.mutation import __main__ as runner
from tests.mutation.__main__ import STAGES, every_stage, noticed_by
from tests.mutation.operators import mutated, places
from tests.mutation.related import unrelated

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = 80
# Of the first stage, and without a deadline. The runner itself tries the copy with every stage before it mutates it.
QUICKEST = (("tests/core/test_offers_and_boots.py", "-k", "complaint"),)


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
        ("x = sorted(a, key=f, reverse=True)", ["x = sorted(a, key=f, reverse=False)"]),
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
    place = next(p for p in places(ROOT) if p.file.endswith("health.py") and p.what.endswith("HEALTHY: IsNot"))
    assert noticed_by(place, QUICKEST) == " ".join(QUICKEST[0])
    assert noticed_by(None, QUICKEST) == "", "the copy itself fails, so that anything would be noticed"


def test_only_tests_without_the_program_are_left_out(tmp_path: Path) -> None:
    written = {
        "tests/test_direct.py": "from ert_deploy.core import planning\n",
        "tests/test_process.py": "COMMAND = ('ert-deploy', 'up')\n",
        "tests/test_far.py": "from tests.support import near\n",
        "tests/support/near.py": "def late():\n    from tests.support.last import name\n    return name\n",
        "tests/support/last.py": "from ert_deploy.engine import name\n",
        "tests/test_sandbox.py": "from ert_deploy.sandbox.vast import api\n",
        "tests/test_image.py": "import ert_backend\nfrom tests.support import alone\n",
        "tests/support/alone.py": "import json\n",
    }
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert unrelated(tmp_path) == ["tests/test_image.py", "tests/test_sandbox.py"]


def test_whoever_imports_core_or_engine_is_run() -> None:
    *first, last = every_stage()
    assert tuple(first) == STAGES
    left_out = [word.removeprefix("--ignore=") for word in last if word.endswith(".py")]
    assert set(left_out) > set(unrelated(ROOT))
    assert not [file for file in left_out if "ert_deploy.core" in (ROOT / file).read_text()]
    assert not [file for file in left_out if "ert_deploy.engine" in (ROOT / file).read_text()]


UNSTABLE = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("name", ["a b"])
def test_once(name):
    seen = Path("seen " + name)
    if not seen.exists():
        seen.touch()
        raise AssertionError("only now - and once")

def test_fine():
    pass
"""


def test_a_test_that_fails_once_is_no_failure_and_one_that_fails_again_is(tmp_path: Path) -> None:
    (tmp_path / "test_unstable.py").write_text(UNSTABLE)
    assert runner._failure(("test_unstable.py",), tmp_path) == ""
    assert {path.name for path in tmp_path.glob("seen*")} == {"seen a b"}
    (tmp_path / "test_broken.py").write_text("def test_always():\n    assert 1 == 2\n")
    assert "test_always" in runner._failure(("test_broken.py",), tmp_path)
    (tmp_path / "conftest.py").write_text("import not_there\n")
    assert "not_there" in runner._failure(("test_unstable.py",), tmp_path)
