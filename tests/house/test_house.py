"""House rules: size limits and conventions for the whole repository."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOPS = (ROOT / "images" / "llm-backend", ROOT / "images" / "dashboard", ROOT)
WIRING_LINES = 80
MODULE_LINES, TEST_LINES, FUNCTION_LINES, P90_LINES, PACKAGE_MODULES = 250, 400, 60, 30, 20
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".j2", ".sh", ".js", ".css", ".html", ".txt", ".json", ""}
# Split, so that this file does not match itself.
HOSTS = re.compile("pypi" + r"\.org|python" + r"hosted|npm" + r"js\.org|deb\.debian" + r"\.org")
PATHS = re.compile("/" + r"work/(?:main|shared|\.)|/" + r"root/|/" + "farm/")
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f]")


def product() -> list[Path]:
    """Return every Python file of the distribution."""
    return sorted(p for top in ("ert_deploy", "images") for p in (ROOT / top).rglob("*.py"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file() and Path(name).suffix in TEXT]


@pytest.mark.parametrize("path", product(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_fits_on_a_few_screens(path: Path) -> None:
    source = path.read_text()
    assert source.count("\n") <= MODULE_LINES
    doc = ast.get_docstring(ast.parse(source)) if source.strip() else "empty"
    assert doc, "no module docstring"


def test_a_module_of_the_tests_says_what_it_is_for_and_can_be_read_at_once() -> None:
    sources = {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / "tests").rglob("*.py"))}
    assert {path: n for path, source in sources.items() if (n := source.count("\n")) > TEST_LINES} == {}
    assert [path for path, source in sources.items() if not ast.get_docstring(ast.parse(source))] == []


def test_the_wiring_is_read_at_once() -> None:
    assert (ROOT / "ert_deploy" / "wiring.py").read_text().count("\n") <= WIRING_LINES


def test_a_package_has_at_most_twenty_modules() -> None:
    folders = {path.parent for path in product()}
    large = {str(f.relative_to(ROOT)): n for f in folders if (n := len(list(f.glob("*.py")))) > PACKAGE_MODULES}
    assert large == {}


def imports_of(path: Path, known: frozenset[str]) -> set[str]:
    """Return the modules of this repository that a module imports at any level."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                found.add(whole if whole in known else node.module)
    return found & known


def module_name(path: Path) -> str:
    """Return the import name of a module."""
    top = next(top for top in TOPS if path.is_relative_to(top))
    return ".".join(path.relative_to(top).with_suffix("").parts).removesuffix(".__init__")


def test_no_import_goes_in_a_circle() -> None:
    modules = {module_name(path): path for path in product()}
    known = frozenset(modules)
    graph = {name: imports_of(path, known) - {name} for name, path in modules.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which contains the cycle


def test_functions_are_short() -> None:
    lengths = sorted((length(f), f"{p.relative_to(ROOT)}:{f.name}") for p in product() for f in functions(p))
    assert lengths[-1][0] <= FUNCTION_LINES, lengths[-1]
    assert lengths[int(len(lengths) * 0.9)][0] <= P90_LINES


def test_public_functions_say_what_they_do() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in product()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_no_registry_host_and_no_path_of_a_machine() -> None:
    found = [
        f"{p.relative_to(ROOT)}: {m[0]}"
        for p in tracked()
        for pattern in (HOSTS, PATHS)
        if (m := pattern.search(p.read_text(errors="replace")))
    ]
    assert found == []


def test_no_emoji() -> None:
    assert [str(p) for p in tracked() if EMOJI.search(p.read_text(errors="replace"))] == []


def test_images_and_product_share_http_and_environment_only() -> None:
    for path in (ROOT / "images").rglob("*.py"):
        assert not re.search(r"^\s*(?:from|import) ert_deploy\b", path.read_text(), re.MULTILINE), path
    for path in (ROOT / "ert_deploy").rglob("*.py"):
        assert not re.search(r"^\s*(?:from|import) ert_(?:backend|dashboard)\b", path.read_text(), re.MULTILINE), path


def test_the_images_have_the_redactor_of_the_product_letter_by_letter() -> None:
    own = (ROOT / "ert_deploy" / "core" / "redaction.py").read_bytes()
    copies = ("llm-backend/ert_backend", "dashboard/ert_dashboard")
    assert [name for name in copies if (ROOT / "images" / name / "base" / "redaction.py").read_bytes() != own] == []


def test_the_replace_all_call_for_environment_variables_is_not_in_the_product() -> None:
    """Render's bulk PUT deletes every variable that is not in the body."""
    for path in (ROOT / "ert_deploy" / "providers").rglob("*.py"):
        assert not re.search(r"""["']PUT["'][^\n]*env-vars["']""", path.read_text()), path
