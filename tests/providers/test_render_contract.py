"""The Render adapter against Render's published OpenAPI and the recorded traffic of Render's own tools."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest

from ert_deploy.core.model.errors import OutcomeUnknown
from ert_deploy.core.model.observed import DeployKind
from ert_deploy.core.model.secret import Secret
from ert_deploy.providers.render.parse import WORKER, deploy_of, page_of, service_of, variable_of
from ert_deploy.providers.render.web import RenderWeb
from tests.support.doubles.scripted_http import Answer, Answers, Script, Seen
from tests.support.render.recorded import (
    BASE,
    DEPLOY,
    DEPLOYS,
    EMPTY,
    ENV,
    ONE_DEPLOY,
    SERVICE,
    deploy,
    page,
    render,
    service,
    variable,
)

pytestmark = pytest.mark.contract


@cache
def contract(folder: Path, name: str) -> Any:
    """Return one of the files, which are large and therefore cached."""
    return json.loads((folder / "contracts" / name).read_text("utf-8"))


@cache
def specification(folder: Path) -> OpenAPI:
    """Return Render's OpenAPI, ready to validate with."""
    return OpenAPI.from_dict(contract(folder, "render-openapi.json"))


@pytest.fixture
def recorded(shared: Path) -> list[dict[str, Any]]:
    exchanges: list[dict[str, Any]] = contract(shared, "render-recorded-exchanges.json")["exchanges"]
    return exchanges


@pytest.fixture
def openapi(shared: Path) -> OpenAPI:
    return specification(shared)


def use_everything(web: RenderWeb) -> None:
    """Send each kind of request that the adapter uses."""
    found = web.service(SERVICE)
    web.service("ert-dashboard")
    web.read_env(SERVICE)
    web.put_env(SERVICE, "ERT_LLM_TIMEOUT", Secret("180"))
    web.delete_env(SERVICE, "ERT_LLM_TIMEOUT")
    web.newest_deploy(SERVICE)
    assert web.deploy(SERVICE) is not None
    with pytest.raises(OutcomeUnknown):
        web.deploy(SERVICE)
    shown = web.get_deploy(SERVICE, DEPLOY)
    web.failure(found, shown)


SCRIPT: Answers = {
    f"GET {BASE}": Answer(200, service()),
    "GET /v1/services": [page("service", service()), EMPTY],
    f"GET {ENV}": [page("envVar", variable("A", "1")), EMPTY],
    f"PUT {ENV}/ERT_LLM_TIMEOUT": Answer(200, variable("ERT_LLM_TIMEOUT", "180")),
    f"DELETE {ENV}/ERT_LLM_TIMEOUT": Answer(204),
    f"GET {DEPLOYS}": page("deploy", deploy()),
    f"POST {DEPLOYS}": [Answer(400, {"message": "no build"}), Answer(201, deploy()), Answer(500)],
    f"GET {ONE_DEPLOY}": Answer(200, deploy()),
    f"GET {BASE}/events": EMPTY,
    "GET /v1/logs": Answer(200, {"hasMore": False, "logs": []}),
}


def test_every_request_is_one_the_openapi_allows(openapi: OpenAPI) -> None:
    with render(SCRIPT) as (web, script):
        use_everything(web)
    assert len({(seen.method, seen.path) for seen in script.seen}) == len(SCRIPT)
    for seen in script.seen:
        openapi.validate_request(_as_sent(seen))


def test_a_forbidden_deploy_body_would_be_noticed(openapi: OpenAPI) -> None:
    wrong = Seen("POST", DEPLOYS, {}, {"Authorization": "Bearer x"}, b'{"clearCache": true}')
    with pytest.raises(Exception, match=r"InvalidRequestBody|body"):
        openapi.validate_request(_as_sent(wrong))


def test_the_call_that_replaces_all_variables_is_never_sent() -> None:
    with render(SCRIPT) as (web, script):
        use_everything(web)
    assert ENV not in script.asked("PUT")
    assert all(seen.json() in ({"deployMode": "deploy_only"}, {}) for seen in _posts(script))


def _posts(script: Script) -> list[Seen]:
    return [seen for seen in script.seen if seen.method == "POST"]


def _as_sent(seen: Seen) -> MockRequest:
    return MockRequest(
        "https://api.render.com",
        seen.method.lower(),
        seen.path,
        args={name: values[-1] for name, values in seen.query.items()},
        headers={"Authorization": seen.headers["Authorization"]},
        data=seen.body or None,
        content_type="application/json",
    )


def bodies(recorded: list[dict[str, Any]], method: str, template: str) -> list[Any]:
    """Return the recorded bodies of one operation; fail when there are none."""
    found = [e for e in recorded if (e["method"], e["path_template"]) == (method, template) and e["status"] < 400]
    assert found
    return [e["response_body"] for e in found]


def test_every_recorded_web_service_is_read(recorded: list[dict[str, Any]]) -> None:
    shown = bodies(recorded, "GET", "/services/{srv}")
    listed = [item for body in bodies(recorded, "GET", "/services") for item in page_of(body, "service")[0]]
    web = [item for item in [*shown, *listed] if item["type"] == "web_service"]
    assert len(web) > 5
    for item in web:
        found = service_of(item)
        assert found.id == item["id"]
        assert found.url == item["serviceDetails"]["url"]
        assert found.has_disk == ("disk" in item["serviceDetails"])


def test_every_other_recorded_service_is_told_apart(recorded: list[dict[str, Any]]) -> None:
    others = [b for b in bodies(recorded, "GET", "/services/{srv}") if b["type"] not in ("web_service", WORKER)]
    assert others
    for item in others:
        with pytest.raises(ValueError, match="not a web_service"):
            service_of(item)


def test_every_recorded_page_of_variables_is_read(recorded: list[dict[str, Any]]) -> None:
    for body in bodies(recorded, "GET", "/services/{srv}/env-vars"):
        items, cursor = page_of(body, "envVar")
        assert dict(variable_of(item) for item in items) == {
            e["envVar"]["key"]: Secret(e["envVar"]["value"]) for e in body
        }
        assert cursor == (body[-1]["cursor"] if body else "")


def test_every_recorded_deploy_is_read(recorded: list[dict[str, Any]]) -> None:
    for body in filter(None, bodies(recorded, "POST", "/services/{srv}/deploys")):
        found = deploy_of(body)
        assert found.created > 1_700_000_000
        assert found.kind is (DeployKind.LIVE if body["status"] == "live" else DeployKind.IN_FLIGHT)


def test_every_published_status_is_one_we_know(shared: Path) -> None:
    spec = contract(shared, "render-openapi.json")["components"]["schemas"]["deployStatus"]["enum"]
    sdk = contract(shared, "render-sdk-1.5.0-contract.json")["enums"]["DeployStatus"]
    flying = {s for s in [*spec, *sdk] if deploy_of(deploy(status=s)).kind is DeployKind.IN_FLIGHT}
    building = {"build_in_progress", "pre_deploy_in_progress", "update_in_progress"}
    assert flying == {"created", "queued", *building}
