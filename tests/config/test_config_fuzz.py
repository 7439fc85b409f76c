"""Fuzzing of configs: any text results in settings or in errors with locations, and quickly."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ert_deploy.config import ConfigProblems, Settings, load, parse
from ert_deploy.config.scaffold.blueprint_lint import lint
from ert_deploy.config.schema.keys import keys

NAMES = sorted({path.rpartition("/")[2] for path, _ in keys()} | {"services", "envVars", "key", "value", "sync"})
WORDS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.binary(max_size=5),
    st.text(max_size=20),
    st.sampled_from(
        ["20m", "24GB", "gpt-oss:20b", "a:1", "US", "1:30", "srv-1", "https://[", "~x", "0" * 400, "1e400"]
    ),
)
KEYS = st.one_of(st.sampled_from(NAMES), st.text(max_size=5), st.integers(), st.booleans())
TREES = st.recursive(
    WORDS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=8)),
    max_leaves=25,
)
LIKE_A_CONFIG = st.dictionaries(
    st.sampled_from(["launch", "offer", "render", "vast", "plan", "sandbox", "timings"]), TREES
)
MODEST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def outcome(text: str) -> Settings | ConfigProblems:
    try:
        return parse(text, Path("c.yaml"))
    except ConfigProblems as found:
        return found


def judged(text: str) -> None:
    found = outcome(text)
    if isinstance(found, ConfigProblems):
        said = found.summary + found.detail + found.hint
        assert found.problems
        assert all(problem.what for problem in found.problems)
        assert said.replace("\n", "").isprintable()
        assert said.isascii()


@MODEST
@given(st.one_of(TREES, LIKE_A_CONFIG))
def test_any_yaml(tree: object) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True)
    judged(text)
    assert all(isinstance(finding, str) for finding in lint(text))


@MODEST
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    judged(text)
    lint(text)


@MODEST
@given(data=st.data())
def test_a_good_config_with_one_piece_of_nonsense(good: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 40)))
    judged(good[:start] + data.draw(st.text(max_size=15)) + good[end:])


@MODEST
@given(st.binary(max_size=200))
def test_any_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigProblems):
        load(path)
