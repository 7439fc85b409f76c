"""The sample config is the reference: it contains every key of the schema, with the default of the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ert_deploy.config import ConfigProblems, load, parse
from ert_deploy.config.providers import every
from ert_deploy.config.schema.keys import keys
from ert_deploy.config.schema.parts import Default, Field, Many
from ert_deploy.config.yaml.tree import Listing, Scalar, read_tree

ROOT = Path(__file__).parents[2]
ERT = ROOT / "configs" / "ert.yaml"
SANDBOX = ROOT / "configs" / "sandbox.yaml"
OTHERS = tuple((ROOT / "configs" / "providers").glob("*.yaml"))  # each chooses another provider


def paths(value: Any, path: str = "") -> set[str]:
    """Return the key paths of a YAML document; the items of a list of sections are `*`."""
    if isinstance(value, dict):
        below = {f"{path}/{name}" if path else str(name): inner for name, inner in value.items()}
        return set(below) | {found for name, inner in below.items() for found in paths(inner, name)}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {found for row in value for found in paths(row, f"{path}/*")}
    return set()


def notes(file: Path) -> dict[str, str]:
    """Return the comment after each key of a sample, by path, from the indentation."""
    found: dict[str, str] = {}
    stack: list[tuple[int, str]] = []
    for line in file.read_text().splitlines():
        key = re.match(r"(?P<indent>[ ]*(- )?)(?P<name>[a-z_]+):(?P<rest>.*)", line)
        if not key:
            continue
        indent = len(key["indent"])
        while stack and stack[-1][0] >= indent:
            stack.pop()
        if "- " in key["indent"]:
            stack.append((indent - 1, "*"))
        stack.append((indent, key["name"]))
        found["/".join(name for _, name in stack)] = key["rest"].partition("  # ")[2].strip()
    return found


def test_every_key_of_the_schema_is_in_the_sample_and_no_other() -> None:
    schema = {path for path, _ in keys()}
    samples = {path for one in (ERT, SANDBOX, *OTHERS) for path in paths(yaml.safe_load(one.read_text()))}
    chosen = yaml.safe_load(ERT.read_text())["providers"].values()
    absent = {"sandbox/", "external/", *(f"{one.section}/" for one in every() if one.section not in chosen)}
    here = {path for path in schema if not f"{path}/".startswith(tuple(absent)) or path == "sandbox"}
    assert paths(yaml.safe_load(ERT.read_text())) == here
    assert samples == schema


LEAVES = [(path, part) for path, part in keys() if isinstance(part, Field | Many)]


@pytest.mark.parametrize(("path", "part"), LEAVES, ids=[path for path, _ in LEAVES])
def test_the_default_in_the_comment_is_that_of_the_code(path: str, part: Field | Many) -> None:
    found = {key: note for one in (*OTHERS, SANDBOX, ERT) for key, note in notes(one).items()}
    note = notes(SANDBOX)[path] if path.startswith("sandbox/") else found[path]
    if part.default is Default.REQUIRED:
        assert note == "required"
        return
    tree, _ = read_tree(note.removeprefix("default "))
    assert note.startswith("default ")
    if isinstance(tree, Listing):
        written: Any = tuple(part.parse(item) for item in tree.items if isinstance(item, Scalar))
    else:
        assert isinstance(tree, Scalar)
        written = None if tree.kind == "null" else part.parse(tree)
    assert written == part.default
    assert type(written) is type(part.default) or isinstance(part.default, int | float)


def test_the_production_sample_waits_for_a_name_and_an_image_and_nothing_else() -> None:
    with pytest.raises(ConfigProblems) as caught:
        load(ERT)
    assert [problem.path for problem in caught.value.problems] == ["deployment", "launch/image"]


def test_the_production_sample_has_the_defaults_of_the_code() -> None:
    image = "ghcr.io/someone/ert-llm-backend:0.1.0"
    text = ERT.read_text().replace("YOUR-DEPLOYMENT", "ert")
    sample = parse(text.replace("ghcr.io/YOUR-NAME/ert-llm-backend:0.1.0", image), ERT)
    shortest = f"""
deployment: ert
launch: {{image: "{image}", model: gpt-oss:20b}}
offer: {{max_dph: 0.60}}
render: {{services: [{{name: ert-dashboard}}]}}
"""
    assert sample == parse(shortest, ERT)


def test_the_samples_keep_their_lines_short() -> None:
    for file in (ERT, SANDBOX):
        assert max(len(line) for line in file.read_text().splitlines()) <= 120


def test_importing_the_config_costs_little() -> None:
    heavy = "jinja2", "requests", "vastai", "pydantic", "rich", "click"
    code = "import sys, ert_deploy.config, ert_deploy.config.scaffold.blueprint; "
    code += f"print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
