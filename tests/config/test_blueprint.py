"""The Blueprint we render, and what our lint finds in others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ert_deploy.config import Settings, parse
from ert_deploy.config.blueprint import render
from ert_deploy.config.blueprint_lint import lint
from ert_deploy.core.errors import UsageError
from ert_deploy.core.model import OwnedNames

Change = Callable[[str, str], str]
ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("ERT_SHARED", ROOT.parent / "shared"))
SCHEMA = SHARED / "contracts" / "render-yaml-schema.json"

SOUND = """\
services:
  - type: web
    name: app
    runtime: python
    plan: starter
    autoDeployTrigger: "off"
    envVars:
      - key: DEBUG
        value: "false"
      - key: ERT_LLM_API_KEY
        sync: false
      - key: ERT_SECRET_KEY
        generateValue: true
      - fromGroup: shared
envVarGroups:
  - name: shared
    envVars:
      - key: LIMIT
        value: 12
"""


def services(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(text)["services"]
    return found


def test_the_dashboard_s_service(settings: Settings) -> None:
    (service,) = services(render(settings))
    assert service["name"] == "ert-dashboard"
    assert service["healthCheckPath"] == "/health"
    assert service["startCommand"].startswith("gunicorn -k gthread -w 1 ")
    assert service["startCommand"].endswith("--bind 0.0.0.0:$PORT wsgi:app")
    assert service["plan"] == "starter"
    assert service["autoDeployTrigger"] == "checksPass"
    variables = {entry.pop("key"): entry for entry in service["envVars"]}
    assert variables["PYTHON_VERSION"] == {"value": "3.13.1"}
    assert variables["ERT_SECRET_KEY"] == {"generateValue": True}
    assert {name for name, entry in variables.items() if entry == {"sync": False}} == set(OwnedNames().all())


def test_it_points_at_what_is_in_this_repository(settings: Settings) -> None:
    (service,) = services(render(settings))
    folder = ROOT / service["rootDir"]
    assert (folder / service["buildCommand"].rpartition(" ")[2]).is_file()
    assert (folder / "wsgi.py").is_file()


def test_options(settings: Settings) -> None:
    (service,) = services(render(settings, region="frankfurt", trigger="off"))
    assert (service["region"], service["autoDeployTrigger"]) == ("frankfurt", "off")


def test_hostile_names_stay_names(changed: Change) -> None:
    name = 'a": {b} #\\ {{ x }} {% raw %} é'
    (service,) = services(render(parse(changed("name: ert-dashboard", f"name: {json.dumps(name)}"), Path("c"))))
    assert service["name"] == name


def test_several_services(changed: Change) -> None:
    text = changed(
        "    - name: ert-dashboard", "    - name: second\n      owned: {url: LLM}\n    - name: ert-dashboard"
    )
    first, second = services(render(parse(text, Path("c"))))
    assert {"key": "LLM", "sync": False} in first["envVars"]
    assert {"key": "LLM", "sync": False} not in second["envVars"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: ert-dashboard", "name: srv-cu2k4j3qf0us73fbv7u0", "a Blueprint needs the service's name"),
        ("ERT_LLM_BACKEND_URL", "ERT_SECRET_KEY", "does not make a valid Blueprint"),
    ],
)
def test_configs_that_make_no_blueprint(changed: Change, old: str, new: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        render(parse(changed(old, new), Path("c")))
    assert said in caught.value.summary


def test_a_config_has_to_name_a_service(good: str) -> None:
    text = good[: good.index("    - name:")].rstrip() + " []\n"
    with pytest.raises(UsageError, match="render/services: it is empty"):
        parse(text, Path("c"))


@pytest.mark.contract
@pytest.mark.skipif(not SCHEMA.is_file(), reason="the published contracts are not beside the repository")
@pytest.mark.parametrize("trigger", ["off", "commit", "checksPass"])
def test_it_keeps_to_render_s_own_schema(settings: Settings, trigger: Any) -> None:
    jsonschema: Any = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text())
    one = {"$ref": "#/definitions/serverService", "definitions": schema["definitions"], "$schema": schema["$schema"]}
    validator = jsonschema.Draft202012Validator(one)
    for service in services(render(settings, trigger=trigger)):
        assert [error.message for error in validator.iter_errors(service)] == []
        assert list(validator.iter_errors(service | {"env": "python"}))  # the check can fail


def test_a_sound_blueprint_has_no_findings() -> None:
    assert lint(SOUND) == []


# (what stands in the sound Blueprint, what stands there instead, what is found)
FINDINGS = [
    ("        sync: false", "        value: x", "line 10: services/0/envVars/1: ERT_LLM_API_KEY is written"),
    ("        sync: false", "        sync: true", "ERT_LLM_API_KEY is written by ert-deploy"),
    ("        sync: false", '        sync: "false"', "ERT_LLM_API_KEY is written by ert-deploy"),
    ("        sync: false", "        generateValue: true", "ERT_LLM_API_KEY is written by ert-deploy"),
    ("        sync: false", "        sync: false\n        value: x", "more than one source: value, sync"),
    ("        sync: false", "        previewValue: x", "no value and no source"),
    ('value: "false"', "value: false", 'line 9: services/0/envVars/0/value: a bare true or false is not accepted'),
    ('value: "false"', "value: yes", "a bare true or false is not accepted"),
    ("key: DEBUG", "key: ERT_SECRET_KEY", "ERT_SECRET_KEY is set already in line 8"),
    ("key: DEBUG", "key: FMP_API_KEY", "FMP_API_KEY has a secret in the file"),
    ("key: DEBUG", "key: DB_PASSWORD", "DB_PASSWORD has a secret in the file"),
    ('value: "false"', "value: rnd_abcdefghijklmnopqrst", "DEBUG has a secret in the file"),
    ('value: "false"', "value: ert-abcdefghijklmnopqrstuvwxyz012345", "DEBUG has a secret in the file"),
    ('value: "false"', "value: postgres://me:hunter22@db/x", "DEBUG has a secret in the file"),
    ('value: "false"', "value: " + "0a" * 32, "DEBUG has a secret in the file"),
    ('value: "false"', "value: x\n        previewValue: sk-abcdefghijklmnopqrst", "DEBUG has a secret in the file"),
    ("    runtime:", "    env:", "services/0/env: this key is deprecated (hint: use runtime)"),
    ("    runtime:", "    env:", "services/0: it has no runtime"),
    ("    plan: starter", "    autoDeploy: true", "this key is deprecated (hint: use autoDeployTrigger)"),
    ("    plan: starter", "    domain: x", "use domains"),
    ("    plan: starter", "    pullRequestPreviewsEnabled: true", "use previews.generation"),
    ("    plan: starter", "    previewPlan: starter", "use previews.plan"),
    ("type: web", "type: redis", "redis is deprecated (hint: use keyvalue)"),
    ("plan: starter", "plan: pro_plus", "it is not a plan of a service (hint: write a space: pro plus)"),
    ('"off"', "off", 'it is not "off", "commit" or "checksPass"'),
    ("    name: app\n", "", "services/0: it has no name"),
    ("    name: app\n", "    name: app\n    name: b\n", "given twice, in lines 3 and 4"),
    ("value: 12", "sync: false", "sync is not allowed in a group"),
    ("value: 12", "value: true", "envVarGroups/0/envVars/0/value: a bare true or false"),
    ("services:\n  - type: web", "services:\n  - web\n  - type: web", "services/0: it must be a section with keys"),
    ("services:", "projects:\n - environments:\n   - services:\n     - 1\nx:", "projects/0/environments/0/services/0"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "finding"), FINDINGS, ids=[f"{row[1][:35]!r}" for row in FINDINGS])
def test_findings(old: str, new: str, finding: str) -> None:
    assert SOUND.count(old) == 1
    found = lint(SOUND.replace(old, new))
    assert any(finding in line for line in found), found
    assert not any(secret in "".join(found) for secret in ("hunter22", "abcdefgh", "0a0a"))


@pytest.mark.parametrize("plan", ["pro plus", "0.5c-512mb", "1c-2g", "free"])
def test_plans_old_and_new(plan: str) -> None:
    assert lint(SOUND.replace("plan: starter", f"plan: {plan}")) == []


def test_a_key_value_store_needs_no_runtime() -> None:
    assert lint("services: [{type: keyvalue, name: cache, plan: starter, ipAllowList: []}]") == []


def test_digests_and_limits_are_not_secrets() -> None:
    digest = "name@sha256:" + "0a" * 32
    assert lint(SOUND.replace('value: "false"', f"value: {digest}").replace("key: LIMIT", "key: MAX_TOKENS")) == []


@pytest.mark.parametrize("text", ["", "just words", "- a", "a: [", "a: *b"])
def test_text_that_is_no_blueprint(text: str) -> None:
    assert len(lint(text)) == 1


def test_other_apps_own_other_names() -> None:
    text = SOUND.replace("key: DEBUG", "key: LLM_URL")
    assert lint(text) == []
    assert len(lint(text, owned=["LLM_URL"])) == 1
