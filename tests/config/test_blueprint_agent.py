"""The agent in the Blueprint: what is wired between it and the apps, what it is not given, and what is rejected."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from ert_dashboard.base.agent import read_agent
from ert_deploy.cli.commands.running.agent import command
from ert_deploy.config import parse
from ert_deploy.config.scaffold.blueprint import render
from ert_deploy.config.scaffold.prices import priced
from ert_deploy.core.model.errors import UsageError
from ert_deploy.endpoints import LEAST

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("ERT_SHARED", ROOT.parent / "shared"))
SCHEMA = SHARED / "contracts" / "render-yaml-schema.json"
SOURCE = Path("configs/my-app.yaml")
GENERATED = 44  # characters of a value that Render generates


def with_agent(good: str, **given: object) -> str:
    """Return the config with an agent and a state in PostgreSQL."""
    lines = "".join(f"    {name}: {json.dumps(value)}\n" for name, value in ({"name": "ert-agent"} | given).items())
    return good.replace("  services:\n", f"  agent:\n{lines}  services:\n").replace("state: null", "state: postgres")


def made(text: str) -> Any:
    return yaml.safe_load(render(parse(text, SOURCE)))


def variables(service: Any) -> dict[str, Any]:
    return {entry["key"]: {name: said for name, said in entry.items() if name != "key"} for entry in service["envVars"]}


def test_without_an_agent_nothing_of_it_is_there(good: str) -> None:
    text = render(parse(good, SOURCE))
    assert "AGENT" not in text.replace("ERT_SEC_USER_AGENT", "")
    assert "pserv" not in text
    unnamed = with_agent(good).replace('name: "ert-agent"', "plan: pro")
    assert render(parse(unnamed, SOURCE)) == text


def test_the_agent_and_the_app_are_wired_by_render_itself(good: str) -> None:
    app, agent = made(with_agent(good))["services"]
    assert (agent["type"], agent["name"], agent["region"], agent["plan"]) == ("pserv", "ert-agent", "oregon", "starter")
    assert variables(agent)["ERT_AGENT_KEY"] == {"generateValue": True}
    assert variables(agent)["VAST_API_KEY"] == {"sync": False}
    database = {"name": "ert-state", "property": "connectionString"}
    assert variables(agent)["ERT_STATE_DATABASE_URL"] == {"fromDatabase": database}
    source = {"type": "pserv", "name": "ert-agent"}
    assert variables(app)["ERT_AGENT_URL"] == {"fromService": {**source, "property": "hostport"}}
    assert variables(app)["ERT_AGENT_KEY"] == {"fromService": {**source, "envVarKey": "ERT_AGENT_KEY"}}
    assert variables(app)["ERT_AGENT_DEPLOYMENT"] == {"value": "ert"}


def test_the_dashboard_reads_what_render_writes() -> None:
    """Render has no interpolation: the address is host and port, in its private network, and the key 44 characters."""
    given = {"ERT_AGENT_URL": "ert-agent-x1y2:10000", "ERT_AGENT_KEY": "k" * GENERATED, "ERT_AGENT_DEPLOYMENT": "ert"}
    found = read_agent(given, preview=False)
    assert found is not None
    assert found.url == "http://ert-agent-x1y2:10000"
    assert GENERATED >= LEAST


def test_its_start_command_is_one_of_the_command_line(good: str) -> None:
    _, agent = made(with_agent(good))["services"]
    words = shlex.split(agent["startCommand"])
    assert words[:2] == ["ert-deploy", "agent"]
    given = command.make_context("agent", words[2:]).params
    assert (given["configs"], given["gpu_only"], given["listen"]) == (("my-app",), True, "0.0.0.0:10000")


def test_its_build_installs_what_is_locked(good: str) -> None:
    _, agent = made(with_agent(good))["services"]
    locks = [word for word in agent["buildCommand"].split() if word.endswith(".lock")]
    assert len(locks) == 3
    assert all((ROOT / lock).is_file() for lock in locks)


def test_it_gets_no_key_of_render_and_the_app_none_of_vast(good: str) -> None:
    app, agent = made(with_agent(good).replace("sandbox: null", "state_key: ERT_STATE_KEY\nsandbox: null"))["services"]
    assert not [name for name in variables(agent) if name.startswith("RENDER")]
    assert variables(agent)["ERT_STATE_KEY"] == {"sync": False}
    assert not [name for name in variables(app) if "VAST" in name or "STATE" in name]


def test_the_state_is_reached_by_the_agent_and_by_named_networks(good: str) -> None:
    (database,) = made(with_agent(good))["databases"]
    assert (database["name"], database["ipAllowList"]) == ("ert-state", [])
    (database,) = made(with_agent(good, operators=["203.0.113.7/32", "2001:db8::/64"]))["databases"]
    assert [row["source"] for row in database["ipAllowList"]] == ["203.0.113.7/32", "2001:db8::/64"]


def test_a_copy_elsewhere(good: str) -> None:
    own = {
        "repo": "https://github.com/me/ops",
        "branch": "live",
        "root": "gpu",
        "build": "pip install .",
        "plan": "pro",
    }
    _, agent = made(with_agent(good, **own, trigger="off"))["services"]
    assert (agent["repo"], agent["branch"], agent["rootDir"]) == (own["repo"], "live", "gpu")
    assert (agent["buildCommand"], agent["plan"], agent["autoDeployTrigger"]) == ("pip install .", "pro", "off")


SECOND = "    - name: second\n      owned: {url: LLM}\n      blueprint: {region: ohio}\n    - name: ert-dashboard"


@pytest.mark.parametrize(
    ("given", "old", "new", "said"),
    [
        ({}, "state: postgres", "state: null", "needs a state that it sees too"),
        ({"plan": "free"}, "", "", "no free plan"),
        ({"name": "ert-dashboard"}, "", "", "the name ert-dashboard is an app's"),
        ({"database": "mine"}, "      owned:", "      blueprint: {database: mine}\n      owned:", "mine is an app's"),
        ({}, "    - name: ert-dashboard", SECOND, "the services are in ohio and oregon"),
    ],
)
def test_what_could_not_work_is_refused(good: str, given: dict[str, str], old: str, new: str, said: str) -> None:
    text = with_agent(good, **given)
    with pytest.raises(UsageError, match=said) as refusal:
        made(text.replace(old, new, 1))
    assert refusal.value.hint


def test_an_external_server_needs_none(good: str) -> None:
    text = with_agent(good).replace("render:\n", "providers: {gpu: external}\nrender:\n")
    with pytest.raises(UsageError, match="an external server needs no agent"):
        made(text + "external: {url: 'https://llm.example.org', model: m}\n")


@pytest.mark.parametrize("network", ["everywhere", "203.0.113.7", "203.0.113.7/24", "203.0.113.7/33"])
def test_operators_are_networks(good: str, network: str) -> None:
    with pytest.raises(UsageError, match="operators"):
        parse(with_agent(good, operators=[network]), SOURCE)


def test_the_plan_prices_it(good: str) -> None:
    settings = parse(with_agent(good), SOURCE)
    found = priced([("ert-dashboard", settings.blueprints[0])], settings.agent)
    assert found is not None
    assert [(part.what, part.month) for part in found.parts[1:]] == [
        ("agent ert-agent (starter)", 7.0),
        ("database ert-state (the cheapest)", 6.0),
    ]
    assert found.month == 20.0


def findings_by_render_s_schema(document: Any) -> list[str]:
    """Return what Render's schema finds in a Blueprint; skip where it is not beside the repository."""
    jsonschema: Any = pytest.importorskip("jsonschema")
    if not SCHEMA.is_file():
        pytest.skip("the published contracts are not beside the repository")
    schema = json.loads(SCHEMA.read_text())

    def findings(kind: str, row: Any) -> list[str]:
        one = {"$ref": f"#/definitions/{kind}", "definitions": schema["definitions"], "$schema": schema["$schema"]}
        return [error.message for error in jsonschema.Draft202012Validator(one).iter_errors(row)]

    found = [line for service in document["services"] for line in findings("serverService", service)]
    return found + [line for row in document["databases"] for line in findings("database", row)]


@pytest.mark.contract
def test_it_keeps_to_render_s_own_schema(good: str) -> None:
    document = made(with_agent(good, operators=["203.0.113.7/32"], root="gpu", branch="live"))
    assert findings_by_render_s_schema(document) == []
    document["services"][1]["port"] = 1  # ensures that the check can fail
    assert findings_by_render_s_schema(document)
