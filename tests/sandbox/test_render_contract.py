"""The sandbox's Render against the published OpenAPI, recorded traffic of Render's own tools, and the newest SDK.

Two profiles: `as_recorded` must match the recordings, `spec_strict` must be valid by the OpenAPI.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from ert_deploy.sandbox.render.models import IN_FLIGHT, REUSABLE
from tests.support.render.world import World, running, until

CONTRACTS = Path(os.environ.get("ERT_SHARED") or Path(__file__).parents[2] / ".." / "shared") / "contracts"
pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(not CONTRACTS.is_dir(), reason="the providers' contracts are not beside the repository"),
]
# Headers of the connection, not of the API.
TRANSPORT = {"content-length", "content-type", "date"}


def load(name: str) -> Any:
    """Return one of the published files."""
    return json.loads((CONTRACTS / name).read_text())


@pytest.fixture(scope="module")
def recorded() -> list[dict[str, Any]]:
    exchanges: list[dict[str, Any]] = load("render-recorded-exchanges.json")["exchanges"]
    return exchanges


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running() as up:
        yield up


@pytest.fixture(scope="module")
def strict() -> Iterator[World]:
    with running(profile="spec_strict") as up:
        yield up


def bodies(recorded: list[dict[str, Any]], method: str, template: str, status: int = 200) -> list[Any]:
    """Return every recorded response of one operation."""
    wanted = (method, template, status)
    return [e["response_body"] for e in recorded if (e["method"], e["path_template"], e["status"]) == wanted]


def kinds(value: Any, at: str = "") -> set[tuple[str, str]]:
    """Return every path in a JSON value with its type; the items of a list share one path."""
    found: set[tuple[str, str]] = {(at, type(value).__name__)}
    if isinstance(value, dict):
        for key, item in value.items():
            found |= kinds(item, f"{at}.{key}")
    elif isinstance(value, list):
        for item in value:
            found |= kinds(item, f"{at}[]")
    return found


def native_web_services(recorded: list[dict[str, Any]]) -> list[Any]:
    """Return the recorded services of the relevant kind: a web service built from a repository."""
    found = bodies(recorded, "GET", "/services/{srv}") + bodies(recorded, "PATCH", "/services/{srv}")
    return [s for s in found if s["type"] == "web_service" and "startCommand" in str(s)]


def test_a_service_has_the_recorded_fields_and_types(world: World, recorded: list[dict[str, Any]]) -> None:
    examples = native_web_services(recorded)
    ours = kinds(world.get("{s}"))
    always = set.intersection(*(kinds(example) for example in examples))
    assert always <= ours
    anywhere = kinds(bodies(recorded, "GET", "/services/{srv}") + examples)
    extra = {(at, kind) for at, kind in ours if (f"[]{at}", kind) not in anywhere}
    # Both are in the OpenAPI; the recordings are older.
    assert extra <= {
        (".serviceDetails.maxShutdownDelaySeconds", "int"),
        (".serviceDetails.renderSubdomainPolicy", "str"),
    }


def test_a_new_deploy_has_a_recorded_shape(world: World, recorded: list[dict[str, Any]]) -> None:
    examples = bodies(recorded, "POST", "/services/{srv}/deploys", 201)
    ours = world.call("POST", "{s}/deploys", json={"deployMode": "deploy_only"}).json()
    assert set.intersection(*(set(e) for e in examples)) <= set(ours) <= set.union(*(set(e) for e in examples))
    assert kinds(ours) <= set.union(*(kinds(e) for e in examples))
    assert len(ours["commit"]["id"]) == 40
    assert "finishedAt" not in ours, "as in the newest recording of a service from git"


def test_a_waiting_deploy_is_answered_as_recorded(world: World, recorded: list[dict[str, Any]]) -> None:
    world.deploy()
    answer = world.deploy()
    (example,) = [e for e in recorded if e["status"] == 202 and e["path_template"].endswith("/deploys")]
    assert (answer.status_code, answer.content) == (example["status"], b"")
    assert ("content-type" in example["response_headers"]) is ("Content-Type" in answer.headers)


@pytest.mark.parametrize("what", ["env-vars", "secret-files"])
def test_lists_of_variables_and_files_have_the_recorded_shape(
    world: World, recorded: list[dict[str, Any]], what: str
) -> None:
    for exchange in [e for e in recorded if e["path_template"] == f"/services/{{srv}}/{what}" and e["method"] == "PUT"]:
        answer = world.call("PUT", f"{{s}}/{what}", data=json.dumps(exchange["request_body"]))
        assert kinds(answer.json()) == kinds(exchange["response_body"])
        assert [_bare(row) for row in answer.json()] == [_bare(row) for row in exchange["response_body"]]


def _bare(row: dict[str, Any]) -> dict[str, Any]:
    assert len(row["cursor"]) == 32
    return {name: item for name, item in row.items() if name != "cursor"}


def test_every_recorded_header_is_on_every_answer_of_ours(world: World, recorded: list[dict[str, Any]]) -> None:
    wanted = set.intersection(*(set(e["response_headers"]) for e in recorded)) - TRANSPORT
    assert len(wanted) >= 8
    for method, path in (("GET", "/users"), ("GET", "/services/srv-x"), ("POST", "{s}/deploys"), ("GET", "/nowhere")):
        assert wanted <= {name.lower() for name in world.call(method, path).headers}


def test_the_recorded_limits_are_ours(world: World, recorded: list[dict[str, Any]]) -> None:
    def limits(method: str, template: str) -> set[str]:
        rows = [e for e in recorded if (e["method"], e["path_template"]) == (method, template)]
        return {e["response_headers"]["ratelimit-limit"] for e in rows}

    for method, template, path in (
        ("GET", "/services/{srv}", "{s}"),
        ("PATCH", "/services/{srv}", "{s}"),
        ("PUT", "/services/{srv}/env-vars", "{s}/env-vars"),
        ("POST", "/services/{srv}/deploys", "{s}/deploys"),
        ("POST", "/services", "/services"),
    ):
        assert world.call(method, path).headers["Ratelimit-Limit"] in limits(method, template)


@pytest.fixture(scope="module")
def schema() -> Any:
    """Return the OpenAPI, with `serviceDetails` and event `details` still to be selected by type."""
    return load("render-openapi.json")


def check(schema: Any, pointer: str, value: Any) -> None:
    """Validate one value against one pointer of the OpenAPI."""
    registry: Any = Registry().with_resource("urn:render", DRAFT4.create_resource(schema))
    validator: Any = OAS30Validator({"$ref": f"urn:render#{pointer}"}, registry=registry)
    problems = [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(value)]
    assert problems == []


def answer_of(path: str, method: str = "get", status: str = "200") -> str:
    """Return the JSON pointer to the schema of an operation's response."""
    escaped = path.replace("/", "~1")
    return f"/paths/{escaped}/{method}/responses/{status}/content/application~1json/schema"


def web_only(schema: Any) -> Any:
    """Return the OpenAPI with the one branch of `serviceDetails` for a web service."""
    narrowed = copy.deepcopy(schema)
    details = narrowed["components"]["schemas"]["service"]["properties"]["serviceDetails"]
    details["oneOf"] = [o for o in details["oneOf"] if o["$ref"].endswith("/webServiceDetails")]
    return narrowed


def test_services_owners_and_users_are_valid(strict: World, schema: Any) -> None:
    narrowed = web_only(schema)
    check(narrowed, answer_of("/services"), strict.get("/services"))
    check(narrowed, answer_of("/services/{serviceId}"), strict.get("{s}"))
    check(schema, answer_of("/owners"), strict.get("/owners"))
    check(schema, answer_of("/users"), strict.get("/users"))
    check(schema, answer_of("/services/{serviceId}/instances"), strict.get("{s}/instances"))


def test_variables_groups_and_files_are_valid(strict: World, schema: Any) -> None:
    strict.double.trouble({"kind": "env_group", "name": "shared", "env": {"A": "b"}})
    base = "/services/{serviceId}"
    check(schema, answer_of(f"{base}/env-vars"), strict.get("{s}/env-vars"))
    check(schema, answer_of(f"{base}/env-vars/{{envVarKey}}"), strict.get("{s}/env-vars/KEEP"))
    check(schema, answer_of(f"{base}/secret-files"), strict.get("{s}/secret-files"))
    groups = strict.get("/env-groups")
    check(schema, answer_of("/env-groups"), groups)
    check(schema, answer_of("/env-groups/{envGroupId}"), strict.get(f"/env-groups/{groups[0]['id']}"))


def test_deploys_and_logs_are_valid_while_running_and_afterwards(strict: World, schema: Any) -> None:
    base = "/services/{serviceId}/deploys"
    created = strict.deploy()
    assert created.status_code == 201
    check(schema, answer_of(base, "post", "201"), created.json())
    check(schema, answer_of(base), strict.get("{s}/deploys"))
    until(lambda: strict.status(created.json()["id"]) == "live")
    check(schema, answer_of(f"{base}/{{deployId}}"), strict.get(f"{{s}}/deploys/{created.json()['id']}"))
    pointer = "/components/responses/Logs200Response/content/application~1json/schema"
    check(schema, pointer, strict.get("/logs", ownerId=strict.double.owner_id, resource=strict.service))
    for pair in ({"deployMode": "deploy_only", "clearCache": "clear"}, {"limit": 1}):
        check(schema, "/components/schemas/error", strict.deploy(**pair).json())


def test_every_kind_of_event_we_send_is_valid_and_known(strict: World, schema: Any) -> None:
    provoke(strict)
    rows = strict.get("{s}/events", startTime="2020-01-01T00:00:00Z", limit=100)
    place = schema["components"]["schemas"]["serviceEventWithCursor"]["properties"]["event"]["properties"]["details"]
    titles = [option.get("title", "") for option in place["oneOf"]]
    base = "/components/schemas/serviceEventWithCursor/properties/event/properties"
    for row in rows:
        event = row["event"]
        for name in ("id", "timestamp", "serviceId", "type"):
            check(schema, f"{base}/{name}", event[name])
        title = {"plan_changed": "Instance Type Changed"}.get(event["type"], event["type"].replace("_", " ").title())
        check(schema, f"{base}/details/oneOf/{titles.index(title)}", event["details"])
    assert len({row["event"]["type"] for row in rows}) >= 12
    known = load("render-sdk-1.5.0-contract.json")["enums"]
    listed = schema["components"]["parameters"]["eventTypeParam"]["schema"]["anyOf"][0]["enum"]
    assert {row["event"]["type"] for row in rows} <= {*known["EventType"], *listed}


def provoke(world: World) -> None:
    """Trigger events of every kind."""
    world.call("POST", "{s}/scale", json={"numInstances": 2})
    world.call("POST", "{s}/scale", json={"numInstances": 1})
    world.call("PATCH", "{s}", json={"serviceDetails": {"plan": "standard"}})
    world.double.trouble({"kind": "deploy_fails", "status": "update_failed"})
    world.double.trouble({"kind": "foreign_deploy"})
    world.call("POST", "{s}/restart")
    until(lambda: any(e["deployStatus"] == "failed" for e in world.events("deploy_ended")))
    world.double.trouble({"kind": "pipeline_minutes_exhausted"})
    world.double.trouble({"kind": "foreign_deploy"})
    until(lambda: bool(world.events("pipeline_minutes_exhausted")))
    world.double.trouble({"kind": "pipeline_minutes_exhausted", "on": False})
    world.double.trouble({"kind": "crash"})
    until(lambda: bool(world.events("server_available")))
    world.double.trouble({"kind": "suspend"})
    world.double.trouble({"kind": "resume"})


def test_our_statuses_and_triggers_are_those_of_the_newest_sdk(world: World) -> None:
    enums = load("render-sdk-1.5.0-contract.json")["enums"]
    failures = {"build_failed", "pre_deploy_failed", "update_failed", "canceled"}
    assert set(enums["DeployStatus"]) == IN_FLIGHT | REUSABLE | failures
    assert {d["deploy"]["trigger"] for d in world.get("{s}/deploys")} <= set(enums["DeployTrigger"])
