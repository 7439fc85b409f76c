"""The generated Render Blueprint."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ert_dashboard.auth.password import hash_password
from ert_dashboard.base.env import BadSetting
from ert_dashboard.settings import read_settings
from ert_deploy.config import Settings, parse
from ert_deploy.config.scaffold.blueprint import render
from ert_deploy.core.model.desired import OwnedNames
from ert_deploy.core.model.errors import UsageError

Change = Callable[[str, str], str]
ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("ERT_SHARED", ROOT.parent / "shared"))
SCHEMA = SHARED / "contracts" / "render-yaml-schema.json"


def services(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(text)["services"]
    return found


def test_the_dashboard_s_service(settings: Settings) -> None:
    (service,) = services(render(settings))
    assert service["name"] == "ert-dashboard"
    assert service["healthCheckPath"] == "/health"
    assert service["startCommand"] == "python -m ert_dashboard"
    assert service["plan"] == "starter"
    assert service["autoDeployTrigger"] == "checksPass"
    variables = {entry.pop("key"): entry for entry in service["envVars"]}
    assert variables["PYTHON_VERSION"] == {"value": "3.13.1"}
    assert variables["ERT_SECRET_KEY"] == {"generateValue": True}
    asked_for = {"ERT_DASHBOARD_PASSWORD_HASH", "ERT_SEC_USER_AGENT"}
    assert {name for name, entry in variables.items() if entry == {"sync": False}} == asked_for | {*OwnedNames().all()}


def test_what_it_sets_is_what_the_dashboard_reads(settings: Settings) -> None:
    """Names and values are parsed by the dashboard's own code; an empty value is explained or disables a feature."""
    (service,) = services(render(settings))
    given = {entry["key"]: entry["value"] for entry in service["envVars"] if "value" in entry}
    made = read_settings({**given, "ERT_DASHBOARD_PASSWORD_HASH": hash_password("correct horse battery")})
    assert made.access.password is not None
    assert made.access.proxies.trusts("10.1.2.3")
    assert read_settings({**given, "ERT_SEC_USER_AGENT": ""}).sources.sec_user_agent is None
    with pytest.raises(BadSetting, match=r"python -m ert_dashboard\.auth\.password"):
        read_settings({**given, "ERT_DASHBOARD_PASSWORD_HASH": ""})


@pytest.mark.parametrize(
    ("address", "host"),
    [("https://ert.example.com", "ert.example.com"), ("https://ert-dashboard.onrender.com", "render")],
)
def test_the_user_s_own_domain_is_a_name_of_the_dashboard(changed: Change, address: str, host: str | None) -> None:
    text = changed("    - name: ert-dashboard\n", f"    - name: ert-dashboard\n      address: {address}\n")
    (service,) = services(render(parse(text, Path("c"))))
    given = {entry["key"]: entry["value"] for entry in service["envVars"] if "value" in entry}
    assert given["ERT_DASHBOARD_HOSTS"] == host


def test_it_points_at_what_is_in_this_repository(settings: Settings) -> None:
    (service,) = services(render(settings))
    folder = ROOT / service["rootDir"]
    assert (folder / service["buildCommand"].rpartition(" ")[2]).is_file()
    assert (folder / "wsgi.py").is_file()


def with_blueprint(good: str, **given: str | int) -> str:
    """Return the valid config with a blueprint section in its service."""
    lines = "".join(f"        {name}: {json.dumps(value)}\n" for name, value in given.items())
    return good.replace("      owned:\n", f"      blueprint:\n{lines}      owned:\n")


OWN = {
    "repo": "https://github.com/me/my-app", "branch": "release/1", "root": ".", "runtime": "node", "build": "npm ci",
    "start": "node server.js # {{ x }}", "region": "frankfurt", "plan": "pro plus", "trigger": "off",
}  # fmt: skip


SEVERAL: dict[str, str | int] = {"instances": 2, "database": "ert-reports", "key_value": "ert-live"}


def test_an_app_of_one_s_own(good: str) -> None:
    (service,) = services(render(parse(with_blueprint(good, **OWN), Path("c"))))
    assert (service["repo"], service["branch"], service["runtime"]) == (OWN["repo"], "release/1", "node")
    assert (service["buildCommand"], service["startCommand"]) == ("npm ci", OWN["start"])
    assert (service["region"], service["plan"], service["autoDeployTrigger"]) == ("frankfurt", "pro plus", "off")
    assert "rootDir" not in service
    assert "buildFilter" not in service
    assert [entry for entry in service["envVars"] if entry.get("sync") is not False] == []


def test_a_folder_is_all_that_triggers_a_deploy(good: str) -> None:
    own = with_blueprint(good, root="apps/web", start="gunicorn app:app")
    (service,) = services(render(parse(own, Path("c"))))
    assert (service["rootDir"], service["buildFilter"]) == ("apps/web", {"paths": ["apps/web/**"]})
    assert next(entry["key"] for entry in service["envVars"]) == "PYTHON_VERSION"
    assert "ERT_SECRET_KEY" not in str(service)
    assert "ERT_DASHBOARD" not in str(service)


def databases(text: str) -> Any:
    return yaml.safe_load(text).get("databases")


def test_a_database_that_outlives_deploys(good: str, settings: Settings) -> None:
    assert databases(render(settings)) is None
    text = render(parse(with_blueprint(good, database="ert-reports", region="ohio"), Path("c")))
    assert databases(text) == [{"name": "ert-reports", "plan": "basic-256mb", "region": "ohio", "ipAllowList": []}]
    (service,) = services(text)
    source = {"fromDatabase": {"name": "ert-reports", "property": "connectionString"}}
    assert {"key": "DATABASE_URL", **source} in service["envVars"]
    assert importlib.util.find_spec(service["preDeployCommand"].split()[-1]) is not None


def test_an_app_of_one_s_own_or_a_free_one_migrates_by_itself(good: str) -> None:
    for given in ({**OWN, "database": "mine"}, {"plan": "free", "database": "mine"}):
        (service,) = services(render(parse(with_blueprint(good, **given), Path("c"))))
        assert "preDeployCommand" not in service
        assert "DATABASE_URL" in [entry["key"] for entry in service["envVars"]]


def test_two_services_share_a_database_in_one_region(changed: Change) -> None:
    second = "    - name: second\n      owned: {url: LLM}\n      blueprint: {database: mine, region: %s}\n"
    first = "    - name: ert-dashboard\n      blueprint: {database: mine, region: ohio}"
    text = render(parse(changed("    - name: ert-dashboard", second % "ohio" + first), Path("c")))
    assert [row["name"] for row in databases(text)] == ["mine"]
    with pytest.raises(UsageError, match="used from oregon and from ohio"):
        render(parse(changed("    - name: ert-dashboard", second % "oregon" + first), Path("c")))


def test_several_instances_share_a_database_and_a_key_value_store(good: str, settings: Settings) -> None:
    assert "numInstances" not in services(render(settings))[0]
    given: dict[str, str | int] = {"instances": 3, "database": "ert-reports", "key_value": "ert-live", "region": "ohio"}
    service, store = services(render(parse(with_blueprint(good, **given), Path("c"))))
    assert service["numInstances"] == 3
    source = {"type": "keyvalue", "name": "ert-live", "property": "connectionString"}
    assert {"key": "REDIS_URL", "fromService": source} in service["envVars"]
    assert (store["type"], store["name"], store["region"]) == ("keyvalue", "ert-live", "ohio")
    assert store["ipAllowList"] == []


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "database and key_value"),
        ({"database": "mine"}, "key_value"),
        ({"key_value": "mine"}, "database"),
    ],
)
def test_instances_of_the_dashboard_that_would_share_nothing_are_refused(
    good: str, given: dict[str, str], missing: str
) -> None:
    with pytest.raises(UsageError, match=f"2 instances .* need {missing} under") as refusal:
        render(parse(with_blueprint(good, instances=2, **given), Path("c")))
    assert "blueprint" in (refusal.value.hint or "")
    assert services(render(parse(with_blueprint(good, instances=2, **OWN), Path("c"))))[0]["numInstances"] == 2


def test_a_free_service_has_one_instance(good: str) -> None:
    given: dict[str, str | int] = {"instances": 2, "plan": "free", "database": "mine", "key_value": "kv"}
    with pytest.raises(UsageError, match="a free service has one instance"):
        render(parse(with_blueprint(good, **given), Path("c")))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"instances": 0}, "instances: "),
        ({"instances": 101}, "instances: "),
        ({"key_value": "Live!"}, "is not the name of a key value store"),
        ({"database": "Reports!"}, "is not the name of a database"),
        ({"root": "../x"}, "is not a folder inside the repository"),
        ({"root": "a//b"}, "is not a folder inside the repository"),
        ({"root": "/etc"}, "is not a folder inside the repository"),
        ({"root": "apps/web"}, "blueprint/start: how the app in apps/web is started is not known"),
        ({"start": "a\nb"}, "it is not a command on one line"),
        ({"start": "LLM=rnd_abcdefghijklmnopqrst ./run"}, "it contains a value similar to a key"),
        ({"repo": "https://me:hunter22@github.com/me/x"}, "it holds more than an address"),
        ({"repo": "git@github.com:me/x.git"}, "is not an https address"),
        ({"branch": "-f"}, "is not the name of a branch"),
        ({"plan": "huge"}, "is not a plan"),
        ({"region": "frankfort"}, "did you mean frankfurt?"),
        ({"trigger": "checkspass"}, "did you mean checksPass?"),
        ({"runtime": "docker"}, "is not one of python"),
    ],
    ids=lambda given: next(iter(given.items()))[1] if isinstance(given, dict) else "",
)
def test_blueprint_sections_that_are_refused(good: str, given: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(with_blueprint(good, **given), Path("c"))
    told = f"{caught.value.summary} {caught.value.detail} {caught.value.hint}"
    assert said in told
    assert "abcdefgh" not in told
    assert "hunter22" not in told


def test_a_draft_has_a_blueprint_and_nothing_to_rent(changed: Change) -> None:
    text = changed("ghcr.io/someone/ert-llm-backend:0.1.0", "ghcr.io/YOUR-NAME/ert-llm-backend:0.1.0")
    with pytest.raises(UsageError, match="placeholder"):
        parse(text, Path("c"))
    draft = parse(text, Path("c"), draft=True)
    assert draft.desired.launch.image == ""
    assert services(render(draft))[0]["name"] == "ert-dashboard"
    with pytest.raises(UsageError, match="latest"):
        parse(text.replace("ghcr.io/YOUR-NAME/ert-llm-backend:0.1.0", "a/b:latest"), Path("c"), draft=True)


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
        ("ERT_LLM_BACKEND_URL", "ERT_SEC_USER_AGENT", "does not make a valid Blueprint"),
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
@pytest.mark.parametrize(
    "given",
    [
        {},
        OWN,
        {"trigger": "off"},
        {"root": "a/b", "start": "x", "trigger": "commit"},
        {"database": "ert-reports"},
        SEVERAL,
    ],
)
def test_it_keeps_to_render_s_own_schema(good: str, given: dict[str, str | int]) -> None:
    jsonschema: Any = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text())
    one = {"$ref": "#/definitions/serverService", "definitions": schema["definitions"], "$schema": schema["$schema"]}
    validator = jsonschema.Draft202012Validator(one)
    text = render(parse(with_blueprint(good, **given), Path("c")))
    two = {"$ref": "#/definitions/database", "definitions": schema["definitions"], "$schema": schema["$schema"]}
    for row in databases(text) or []:
        assert [error.message for error in jsonschema.Draft202012Validator(two).iter_errors(row)] == []
    three = {"$ref": "#/definitions/redisServer", "definitions": schema["definitions"], "$schema": schema["$schema"]}
    stores = [row for row in services(text) if row["type"] == "keyvalue"]
    assert len(stores) == int("key_value" in given)
    for row in stores:
        assert [error.message for error in jsonschema.Draft202012Validator(three).iter_errors(row)] == []
    for service in (row for row in services(text) if row not in stores):
        assert [error.message for error in validator.iter_errors(service)] == []
        assert list(validator.iter_errors(service | {"env": "python"}))  # ensures that the check can fail
