"""The Blueprints that we render, and our lint of them, held against Render's own schema of `render.yaml`.

The schema carries no licence, so no copy of it is in this repository: these tests read it beside the repository.
"""

from __future__ import annotations

import itertools
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from ert_deploy.config import Settings, parse
from ert_deploy.config.scaffold.blueprint import render
from ert_deploy.config.scaffold.blueprint_lint import DEPRECATED, SOURCES, lint
from ert_deploy.config.schema.types import REGIONS, RUNTIMES, TRIGGERS
from tests.config.test_blueprint_lint import FINDINGS, SOUND

ROOT = Path(__file__).parents[2]
SCHEMA = Path(os.environ.get("ERT_SHARED", ROOT.parent / "shared")) / "contracts" / "render-yaml-schema.json"
pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(not SCHEMA.is_file(), reason="the published contracts are not beside the repository"),
]


@cache
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMA.read_text())
    return found


def definition(name: str) -> dict[str, Any]:
    found: dict[str, Any] = schema()["definitions"][name]
    return found


def refused(text: str) -> list[str]:
    """What Render's schema says against a Blueprint, whole and service by service: the whole names no inner error."""
    document = yaml.safe_load(text)
    one = {
        "$ref": "#/definitions/serverService",
        "definitions": schema()["definitions"],
        "$schema": schema()["$schema"],
    }
    found = [error.message for error in Draft202012Validator(schema()).iter_errors(document)]
    for service in document.get("services", ()) if found else ():
        found += [error.message for error in Draft202012Validator(one).iter_errors(service)]
    return found


def config(good: str, **blueprint: str) -> Settings:
    lines = "".join(f"        {name}: {json.dumps(value)}\n" for name, value in blueprint.items())
    return parse(good.replace("      owned:\n", f"      blueprint:\n{lines}      owned:\n"), Path("c"))


def test_every_blueprint_that_a_config_can_ask_for_is_valid(good: str) -> None:
    plans = definition("plan")["enum"][:7]
    assert refused(render(config(good, plan="starter"))) == []
    for runtime, region, trigger, plan in itertools.zip_longest(RUNTIMES, REGIONS, TRIGGERS, plans, fillvalue=None):
        given = {
            "runtime": runtime,
            "region": region,
            "trigger": trigger,
            "plan": plan,
            "start": "./run",
            "root": "a/b",
        }
        text = render(config(good, **{name: value for name, value in given.items() if value is not None}))
        assert refused(text) == [], given
        assert refused(text.replace("    runtime:", "    env:")), "the check can fail"


def test_the_words_of_a_config_are_those_of_the_schema() -> None:
    assert set(RUNTIMES) == set(definition("runtime")["enum"]) - {"docker", "image", "static"}, "the native ones"
    assert set(REGIONS) == set(definition("region")["enum"])
    assert set(TRIGGERS) == set(definition("autoDeployTrigger")["enum"])


def test_the_sources_that_the_lint_counts_are_those_of_a_variable() -> None:
    forms = [definition(form["$ref"].rpartition("/")[2]) for form in definition("envVar")["anyOf"]]
    known = {name for form in forms for name in form["properties"]}
    assert known - {"key", "previewValue"} == set(SOURCES)


def test_no_key_that_the_lint_calls_deprecated_is_what_it_names_instead() -> None:
    service = definition("serverService")["properties"]
    assert {new.partition(".")[0] for new in DEPRECATED.values()} <= set(service)


# What the schema would find as well; all other findings are those of the lint alone.
BOTH = {
    "", "        sync: \"false\"", "    env:", "off", "plan: pro_plus", "type: redis", "value: false", "value: true",
    "value: yes", "key: A\n        fromService: {name: app, envVarKey: B}",
    "services:\n  - web\n  - type: web", "projects:\n - environments:\n   - services:\n     - 1\nx:",
}  # fmt: skip


def test_the_lint_finds_what_the_schema_lets_pass() -> None:
    assert refused(SOUND) == lint(SOUND) == []
    assert {new for old, new, _ in FINDINGS if refused(SOUND.replace(old, new))} == BOTH
    assert len({new for _, new, _ in FINDINGS} - BOTH) > len(BOTH)
