"""The sandbox's Render against every stored exchange of the real one: the same request, status, fields and values.

`tests/support/render/known.py` lists what nothing here is deployed to or reads, and differences of single fields, with
reason and source. An exchange that is neither replayed nor listed fails.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.render.known import NEWER_FIELDS, NOT_IMPLEMENTED, OLDER_FIELDS, OTHER_TYPES, OWN_VALUES
from tests.support.render.world import World, running

CONTRACTS = Path(os.environ.get("ERT_SHARED") or Path(__file__).parents[2] / ".." / "shared") / "contracts"
pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(not CONTRACTS.is_dir(), reason="the providers' contracts are not beside the repository"),
]
Exchange = dict[str, Any]
RECORDED = "render-recorded-exchanges.json"
EXCHANGES: list[Exchange] = json.loads((CONTRACTS / RECORDED).read_text())["exchanges"] if CONTRACTS.is_dir() else []
NEEDED: set[str] = set()  # the exceptions that the replays have met
SOURCE = ("repo", "branch", "rootDir", "buildFilter", "autoDeploy")
MADE_WITH = (
    *("autoscaling", "disk", "envSpecificDetails", "healthCheckPath", "maintenanceMode", "numInstances", "plan"),
    *("previews", "pullRequestPreviewsEnabled", "region", "runtime"),
)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running(speed=2000.0) as up:
        yield up


@pytest.fixture(autouse=True)
def only_the_first_service(world: World) -> Iterator[None]:
    """Delete what a replay has made, so that no other finds its names and domains in use."""
    yield
    for row in world.get("/services", limit=100):
        if row["service"]["id"] != world.service:
            world.call("DELETE", f"/services/{row['service']['id']}")


def differences(ours: Any, theirs: Any, at: str = "") -> list[str]:
    """Return what differs between two JSON values, apart from what the tables above allow."""
    name = at.rpartition(".")[2].removesuffix("[]")
    if ours != theirs and name in OWN_VALUES:
        NEEDED.add(f"value of {name}")
    if isinstance(ours, dict) and isinstance(theirs, dict):
        added, gone = set(ours) - set(theirs), set(theirs) - set(ours)
        NEEDED.update(added & set(NEWER_FIELDS), (added | gone) & set(OLDER_FIELDS))
        added, gone = added - set(NEWER_FIELDS) - set(OLDER_FIELDS), gone - set(OLDER_FIELDS)
        found = [f"{at}.{key} is not recorded" for key in added] + [f"{at}.{key} is missing" for key in gone]
        return found + [
            d for key in set(ours) & set(theirs) for d in differences(ours[key], theirs[key], f"{at}.{key}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return [f"{at} has {len(ours)} items instead of {len(theirs)}"]
        return [d for mine, other in zip(ours, theirs, strict=True) for d in differences(mine, other, f"{at}[]")]
    if type(ours) is not type(theirs) and name not in OLDER_FIELDS:
        return [f"{at} is {ours!r} instead of {theirs!r}"]
    generated = name == "value" and isinstance(ours, str) and len(ours) == 44
    return [] if ours == theirs or name in OWN_VALUES or generated else [f"{at} is {ours!r} instead of {theirs!r}"]


def made(world: World, body: dict[str, Any]) -> requests.Response:
    """Create a service with a recorded body."""
    given = {**body, "ownerId": world.double.owner_id}
    if "image" in given:
        given["image"] = {**given["image"], "ownerId": world.double.owner_id}
    return world.patiently("POST", "/services", json=given)


def twin(world: World, service: dict[str, Any]) -> str:
    """Create a service with the settings of a recorded one; return its path."""
    details = service["serviceDetails"]
    body: dict[str, Any] = {"type": "web_service", "name": service["name"]}
    body |= {name: service[name] for name in SOURCE if name in service}
    if "imagePath" in service:
        body["image"] = {"imagePath": service["imagePath"]}
    body["serviceDetails"] = {name: details[name] for name in MADE_WITH if name in details}
    answer = made(world, body)
    assert answer.status_code == 201, answer.text
    return f"/services/{answer.json()['service']['id']}"


def service_of(exchange: Exchange) -> dict[str, Any] | None:
    """Return the service that a recorded response is about, if it is about one."""
    body = exchange["response_body"]
    body = body[0] if isinstance(body, list) and body else body
    found = body.get("service", body) if isinstance(body, dict) else {}
    return found if isinstance(found, dict) and "serviceDetails" in found else None


def send(world: World, exchange: Exchange, path: str) -> requests.Response:
    """Send the recorded request to another path, with the recorded query unless it is a cursor."""
    query = "" if "cursor" in exchange["query"] else f"?{exchange['query']}"
    return world.patiently(exchange["method"], path + query.rstrip("?"), data=json.dumps(exchange["request_body"]))


def on_service(world: World, exchange: Exchange) -> requests.Response:
    """Replay a request to one service; PATCH carries the owner of its image."""
    service = service_of(exchange)
    assert service is not None
    path = twin(world, service)
    if exchange["method"] == "GET":
        return world.call("GET", path)
    body = dict(exchange["request_body"])
    if "image" in body:
        body["image"] = {**body["image"], "ownerId": world.double.owner_id}
    return world.patiently("PATCH", path, json=body)


def listed(world: World, exchange: Exchange) -> requests.Response:
    """List the twin of the one recorded service."""
    service = service_of(exchange)
    assert service is not None
    path = twin(world, service)
    answer = world.call("GET", "/services", params={"name": service["name"]})
    assert answer.json()[0]["service"]["id"] == path.rpartition("/")[2]
    return answer


def deployed(world: World, exchange: Exchange) -> requests.Response:
    """Deploy a service from the same kind of source; 202 while another deploy runs."""
    recorded = exchange["response_body"]
    image = {"image": {"imagePath": "nginx"}} if recorded and recorded["commit"] is None else {}
    path = made(world, {"type": "web_service", "name": "deployed", **image}).json()["service"]["id"]
    if exchange["status"] == 201:
        first = world.get(f"/services/{path}/deploys")[0]["deploy"]["id"]
        world.patiently("POST", f"/services/{path}/deploys/{first}/cancel")
    return send(world, exchange, f"/services/{path}/deploys")


def on_web_service(world: World, exchange: Exchange) -> requests.Response:
    """Replay a request below a fresh service."""
    image = {"image": {"imagePath": "nginx"}}
    path = f"/services/{made(world, {'type': 'web_service', 'name': 'below', **image}).json()['service']['id']}"
    kind = exchange["path_template"].rpartition("/")[2]
    recorded = exchange["response_body"]
    if kind == "{cd}":
        world.call("POST", f"{path}/custom-domains", json={"name": "static-site.example.com"})
        return send(world, exchange, f"{path}/custom-domains/static-site.example.com")
    if kind == "autoscaling" and exchange["method"] == "DELETE":
        world.call("PUT", f"{path}/autoscaling", json={"enabled": False, "min": 1, "max": 1, "criteria": LOAD})
    if exchange["method"] == "GET" and recorded:
        filled(world, path, kind, recorded)
    return send(world, exchange, f"{path}/{kind}")


LOAD = {name: {"enabled": False, "percentage": 50} for name in ("cpu", "memory")}


def filled(world: World, path: str, kind: str, recorded: list[dict[str, Any]]) -> None:
    """Give a service what the recorded list has."""
    if kind == "custom-domains":
        for row in recorded:
            world.call("POST", f"{path}/{kind}", json={"name": row["customDomain"]["name"]})
    else:
        name = {"env-vars": "envVar", "secret-files": "secretFile"}[kind]
        world.call("PUT", f"{path}/{kind}", json=[row[name] for row in recorded])


def on_group(world: World, exchange: Exchange) -> requests.Response:
    """Replay a request to a group with the recorded content before the change."""
    after = exchange["response_body"] or {"envVars": [], "secretFiles": []}
    template, last = exchange["path_template"], exchange["path"].rpartition("/")[2]
    if exchange["method"] == "POST":
        return world.call("POST", "/env-groups", json={**exchange["request_body"], "ownerId": world.double.owner_id})
    deleted = exchange["method"] == "DELETE"
    variables = [v for v in after["envVars"] if v["key"] != last]
    files = [f for f in after["secretFiles"] if f["name"] != last]
    if deleted and "env-vars" in template:
        variables.append({"key": last, "value": "x"})
    if deleted and "secret-files" in template:
        files.append({"name": last, "content": "x"})
    body = {"name": "my-environment-group", "envVars": variables[::-1], "secretFiles": files[::-1]}
    group = world.call("POST", "/env-groups", json={**body, "ownerId": world.double.owner_id}).json()["id"]
    rest = exchange["path"].partition("/env-groups/")[2].partition("/")[2]
    return send(world, exchange, f"/env-groups/{group}" + (f"/{rest}" if rest else ""))


def on_disk(world: World, exchange: Exchange) -> requests.Response:
    """Replay a request about a disk."""
    image = {"image": {"imagePath": "nginx"}}
    service = made(world, {"type": "web_service", "name": "disky", **image}).json()["service"]["id"]
    body = {"name": "old", "mountPath": "/old", "sizeGB": 1, "serviceId": service}
    if exchange["method"] == "POST":
        return world.call("POST", "/disks", json={**exchange["request_body"], "serviceId": service})
    disk = world.call("POST", "/disks", json=body).json()["id"]
    return send(world, exchange, f"/disks/{disk}")


def deleted(world: World, _: Exchange) -> requests.Response:
    """Delete a service."""
    return world.call(
        "DELETE", f"/services/{made(world, {'type': 'web_service', 'name': 'x'}).json()['service']['id']}"
    )


REPLAYED: dict[str, Callable[[World, Exchange], requests.Response]] = {
    "GET /services": listed,
    "POST /services": lambda world, exchange: made(world, exchange["request_body"]),
    "GET /services/{srv}": on_service,
    "PATCH /services/{srv}": on_service,
    "DELETE /services/{srv}": deleted,
    "POST /services/{srv}/deploys": deployed,
}
BELOW: dict[str, Callable[[World, Exchange], requests.Response]] = {
    "/services/{srv}/": on_web_service,
    "/env-groups": on_group,
    "/disks": on_disk,
}


def reason_against(exchange: Exchange) -> str:
    """Return why an exchange is not replayed, or an empty string."""
    service = service_of(exchange)
    if service is not None and service["type"] != "web_service":
        return OTHER_TYPES.reason
    return next(
        (why.reason for start, why in NOT_IMPLEMENTED.items() if exchange["path_template"].startswith(start)), ""
    )


def name_of(exchange: Exchange) -> str:
    """Return a readable id of an exchange."""
    return f"{exchange['method']} {exchange['path_template']} {exchange['status']} {Path(exchange['source']).stem}"


REPLAY = "test_the_sandbox_answers_a_recorded_request_as_render_did["
REPLAYABLE = [exchange for exchange in EXCHANGES if not reason_against(exchange)]


@pytest.mark.parametrize("exchange", REPLAYABLE, ids=name_of)
def test_the_sandbox_answers_a_recorded_request_as_render_did(world: World, exchange: Exchange) -> None:
    template = exchange["path_template"]
    replay = REPLAYED.get(f"{exchange['method']} {template}")
    replay = replay or next((r for start, r in BELOW.items() if template.startswith(start)), None)
    assert replay is not None, "neither replayed nor listed as not implemented"
    answer = replay(world, exchange)
    assert answer.status_code == exchange["status"], answer.text
    ours = answer.json() if answer.content else None
    assert differences(ours, exchange["response_body"]) == []
    assert ("content-type" in exchange["response_headers"]) is ("Content-Type" in answer.headers)


def test_no_field_is_an_exception_without_need(request: pytest.FixtureRequest) -> None:
    chosen = [item for item in request.session.items if item.name.startswith(REPLAY)]
    if len(chosen) == len(REPLAYABLE):
        assert {*NEWER_FIELDS, *OLDER_FIELDS, *(f"value of {name}" for name in OWN_VALUES)} == NEEDED


def test_every_exchange_is_replayed_or_has_a_reason_and_no_reason_is_idle() -> None:
    reasons = [reason_against(exchange) for exchange in EXCHANGES]
    assert len(REPLAYABLE) >= 53
    assert {why for why in reasons if why} == {
        OTHER_TYPES.reason,
        *(known.reason for known in NOT_IMPLEMENTED.values()),
    }
