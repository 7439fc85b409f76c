"""Blueprint lint: mistakes that Render's own schema does not detect."""

from __future__ import annotations

import pytest

from ert_deploy.config.scaffold.blueprint_lint import lint

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


def test_a_sound_blueprint_has_no_findings() -> None:
    assert lint(SOUND) == []


# (text in the valid Blueprint, its replacement, the finding)
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
    ("fromGroup: shared", "key: A\n        fromService: {name: app, envVarKey: B}", "app does not declare B"),
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


def test_a_variable_another_service_declares_may_be_taken_from_it() -> None:
    taken = "key: A\n        fromService: {name: app, type: web, envVarKey: DEBUG}"
    assert lint(SOUND.replace("fromGroup: shared", taken)) == []


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
