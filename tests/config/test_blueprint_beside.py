"""The agent in the dashboard's service of the Blueprint: what is common, what the agent alone gets, and errors."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.base.agent import read_agent
from ert_deploy.agent.beside.shares import shared
from ert_deploy.cli.commands.running.agent import command
from ert_deploy.config import parse
from ert_deploy.config.scaffold.blueprint import render
from ert_deploy.config.scaffold.prices import priced
from ert_deploy.config.settings import AgentService
from ert_deploy.core.model.errors import UsageError
from tests.config.test_blueprint_agent import ROOT, SOURCE, findings_by_render_s_schema, made, variables, with_agent

S3 = "state: s3://my-bucket/ert/{deployment}.json"


def beside(good: str, **given: object) -> str:
    """Return the config with an agent in the dashboard's service, and a state in PostgreSQL."""
    return with_agent(good, **{"name": None, "beside": "ert-dashboard"} | given)


def in_s3(text: str) -> str:
    assert text.count("state: postgres") == 1
    return text.replace("state: postgres", S3)


def only(text: str) -> Any:
    (service,) = made(text)["services"]
    return service


def test_both_are_one_web_service_whose_health_check_is_the_dashboards(good: str) -> None:
    service, before = only(beside(good)), only(good)
    for name in ("type", "name", "plan", "region", "healthCheckPath", "autoDeployTrigger"):
        assert service[name] == before[name]
    assert "rootDir" not in service
    words = shlex.split(service["startCommand"])
    assert words[:2] == ["ert-deploy", "agent"]
    given = command.make_context("agent", words[2:]).params
    assert (given["configs"], given["gpu_only"]) == (("my-app",), True)
    assert given["beside"] == Path("images/dashboard")
    assert f"http://{given['listen']}" == variables(service)["ERT_AGENT_URL"]["value"]


def test_the_dashboard_and_the_agent_read_what_render_sets(good: str) -> None:
    given = {name: said.get("value", "k" * 44) for name, said in variables(only(beside(good))).items()}
    parts = shared(given)
    found = read_agent({**parts.both, **parts.dashboard}, preview=False)
    assert found is not None
    assert (found.url, found.deployment) == ("http://127.0.0.1:8790", "ert")
    assert parts.agent.keys() == {"VAST_API_KEY", "ERT_STATE_DATABASE_URL"}
    assert {"ERT_LLM_API_KEY", "ERT_DASHBOARD_PASSWORD_HASH", "ERT_SECRET_KEY"} <= parts.dashboard.keys()
    assert not [name for name in given if name.startswith("RENDER")]


def test_all_that_is_installed_is_locked(good: str) -> None:
    for text, lock in ((beside(good), "postgres"), (in_s3(beside(good)), "s3")):
        build = only(text)["buildCommand"]
        first, *_, last = build.split(" && ")
        locks = [word for word in first.split() if word.endswith(".lock")]
        assert locks == [f"requirements/{name}.lock" for name in ("runtime", "agent", "beside", lock)]
        assert all((ROOT / name).is_file() for name in locks)
        assert "cd images/dashboard" in build
        assert last == "pip install -r requirements.txt"


def test_a_state_in_s3_needs_no_database_and_its_keys_are_the_agents(good: str) -> None:
    text = in_s3(beside(good)).replace("sandbox: null", "state_key: ERT_STATE_KEY\nsandbox: null")
    document = made(text)
    assert "databases" not in document
    names = variables(document["services"][0])
    of_the_state = {"ERT_STATE_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL_S3"}
    assert {name for name in of_the_state if names.get(name) == {"sync": False}} == of_the_state
    assert of_the_state <= shared(dict.fromkeys(names, "x")).agent.keys()


def test_the_state_has_a_database_of_its_own_near_the_dashboard(good: str) -> None:
    text = beside(good, operators=["203.0.113.7/32"]).replace(
        "      owned:", "      blueprint: {database: reports, region: ohio}\n      owned:"
    )
    document = made(text)
    assert [(row["name"], row["region"]) for row in document["databases"]] == [
        ("reports", "ohio"),
        ("ert-state", "ohio"),
    ]
    names = variables(document["services"][0])
    assert names["DATABASE_URL"]["fromDatabase"]["name"] == "reports"
    assert names["ERT_STATE_DATABASE_URL"]["fromDatabase"]["name"] == "ert-state"
    migrate = document["services"][0]["preDeployCommand"]
    assert migrate == "cd images/dashboard && python -m ert_dashboard.storage.sql.migrate"


def test_another_service_is_unchanged_and_gets_nothing_of_it(good: str) -> None:
    second = "    - name: second\n      owned: {url: LLM}\n      blueprint: {root: app, start: run}\n"
    plain = good.replace("    - name: ert-dashboard", f"{second}    - name: ert-dashboard")
    assert made(beside(plain))["services"][0] == made(plain)["services"][0]


def test_without_it_the_blueprint_is_unchanged_byte_for_byte(good: str) -> None:
    text = render(parse(good, SOURCE))
    unnamed = with_agent(good, beside=None).replace('name: "ert-agent"', "plan: pro")
    assert render(parse(unnamed, SOURCE)) == text
    assert "127.0.0.1" not in text


@pytest.mark.parametrize(
    ("given", "old", "new", "said"),
    [
        ({}, "state: postgres", "state: null", "needs a state that it sees too"),
        ({}, "state: postgres", "state: postgres:REPORTS_URL", "and the dashboard does not"),
        ({"name": "ert-agent"}, "", "", "no name of its own"),
        ({"plan": "pro", "root": "gpu"}, "", "", "no plan and no root of its own"),
        ({"beside": "other"}, "", "", "names no service of this config"),
        ({"database": "mine"}, "      owned:", "      blueprint: {database: mine}\n      owned:", "mine is an app's"),
        (
            {},
            "      owned:",
            "      blueprint: {root: app, start: run}\n      owned:",
            "another root and another start",
        ),
        ({}, "      owned:", "      blueprint: {plan: free}\n      owned:", "another plan"),
        (
            {},
            "      owned:",
            "      blueprint: {instances: 2, database: a, key_value: b}\n      owned:",
            "another instances",
        ),
    ],
)
def test_what_could_not_work_is_refused(good: str, given: dict[str, str], old: str, new: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refusal:
        made(beside(good, **given).replace(old, new, 1))
    assert refusal.value.hint


def test_an_external_server_needs_none(good: str) -> None:
    text = beside(good).replace("render:\n", "providers: {gpu: external}\nrender:\n")
    with pytest.raises(UsageError, match="an external server needs no agent"):
        made(text + "external: {url: 'https://llm.example.org', model: m}\n")


def test_the_plan_prices_it(good: str) -> None:
    settings = parse(beside(good), SOURCE)
    services = [("ert-dashboard", settings.blueprints[0])]
    found = priced(services, settings.agent)
    assert found is not None
    assert [(part.what, part.month) for part in found.parts[1:]] == [
        ("database ert-state (the cheapest)", 6.0),
    ]
    assert found.month == 13.0
    found = priced(services, settings.agent, s3=True)
    assert found is not None
    assert (found.month, found.parts[-1].what, found.parts[-1].month) == (7.0, "state in S3", None)
    assert replace(settings.agent, beside=None) == AgentService()


@pytest.mark.contract
def test_it_keeps_to_render_s_own_schema(good: str) -> None:
    assert findings_by_render_s_schema(made(beside(good))) == []
