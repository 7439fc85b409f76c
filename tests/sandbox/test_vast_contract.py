"""The sandbox's Vast against the published OpenAPI file, leniently: by the file's own examples and types.

Where the file is known to be incorrect (`WRONG_IN_THE_FILE`) it has to differ; `env` of a create and search types are
not compared, see the field notes in the modules of the server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.support.vast.known import WRONG_IN_THE_FILE
from tests.support.vast.world import KEY, Renter, renting

pytestmark = pytest.mark.contract
KINDS: Mapping[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


@pytest.fixture
def spec(shared: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((shared / "contracts" / "vast-openapi.yaml").read_text(), yaml.CSafeLoader)
    return loaded


@pytest.fixture(scope="module")
def renter() -> Iterator[Renter]:
    with renting() as up:
        up.running(label="contract")
        yield up


def answer(spec: dict[str, Any], path: str, method: str, status: str = "200") -> dict[str, Any]:
    media: dict[str, Any] = spec["paths"][path][method]["responses"][status]["content"]["application/json"]
    return media


def complaints(row: Mapping[str, Any], properties: Mapping[str, Any]) -> list[str]:
    """Return the fields that are absent or not of the type in the file; null is always allowed, as in practice."""
    found = []
    for name, schema in properties.items():
        kinds = schema.get("type", "object")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        allowed = tuple(kind for one in [*kinds, "null"] for kind in KINDS[one])
        if name not in row:
            found.append(f"{name} is absent")
        elif not isinstance(row[name], allowed):
            found.append(f"{name} is {row[name]!r}, not {kinds}")
    return found


def test_an_offer_has_the_fields_of_the_example(renter: Renter, spec: dict[str, Any]) -> None:
    example = answer(spec, "/api/v0/bundles", "post")["example"]["offers"]
    offer = renter.offers()[0]
    assert set(example) - set(offer) == set()
    differs = {
        name: (type(example[name]), type(offer[name]))
        for name in example
        if example[name] is not None
        and offer[name] is not None
        and not (isinstance(offer[name], (int, float)) and isinstance(example[name], (int, float)))
        and type(example[name]) is not type(offer[name])
    }
    assert differs == {}


def test_one_instance_has_the_fields_and_types_of_the_schema(renter: Renter, spec: dict[str, Any]) -> None:
    row = renter.row(renter.double.instances()[0]["id"])
    found = complaints(row, spec["components"]["schemas"]["Instance"]["properties"])
    assert {one.split()[0] for one in found} == set(WRONG_IN_THE_FILE), found


def test_a_page_of_instances_has_the_fields_and_types_of_the_schema(renter: Renter, spec: dict[str, Any]) -> None:
    schema = answer(spec, "/api/v1/instances", "get")["schema"]["properties"]
    page = renter.get("/v1/instances/").json()
    assert complaints(page, schema) == []
    assert complaints(page["instances"][0], schema["instances"]["items"]["properties"]) == []
    ports = page["instances"][0]["ports"]
    assert set(ports["8443/tcp"][0]) == {"HostIp", "HostPort"}


def test_a_create_is_answered_with_the_fields_of_the_schema(renter: Renter, spec: dict[str, Any]) -> None:
    schema = answer(spec, "/api/v0/asks/{id}", "put")["schema"]["properties"]
    made = renter.create(renter.offers()[0]["id"]).json()
    assert complaints(made, schema) == []
    gone = answer(spec, "/api/v0/asks/{id}", "put", "410")["schema"]["properties"]
    offer = renter.offers()[0]["id"]
    renter.double.trouble({"kind": "gpu_taken", "offer_id": offer})
    refused = renter.create(offer)
    assert complaints(refused.json(), gone) == []
    assert refused.json()["error"] == gone["error"]["example"]


def test_logs_and_commands_are_answered_with_the_fields_of_the_schema(renter: Renter, spec: dict[str, Any]) -> None:
    id = renter.double.instances()[0]["id"]
    for path, body in (("request_logs", {}), ("command", {"command": "ls"})):
        schema = answer(spec, f"/api/v0/instances/{path}/{{id}}", "put")["schema"]["properties"]
        assert complaints(renter.put(f"/instances/{path}/{id}/", body).json(), schema) == []


def test_the_account_has_the_fields_of_the_schema(renter: Renter, spec: dict[str, Any]) -> None:
    schema = answer(spec, "/api/v0/users/current", "get")["schema"]["properties"]
    assert complaints(renter.sdk.show_user(), schema) == []


def test_charges_have_the_fields_and_types_of_the_schema(renter: Renter, spec: dict[str, Any]) -> None:
    schema = answer(spec, "/api/v0/charges", "get")["schema"]["properties"]
    now = renter.double.clock.now()
    day = {"day": {"gte": now - 86400, "lte": now + 86400}}
    page = renter.get("/v0/charges/", select_filters=json.dumps(day)).json()
    assert complaints(page, schema) == []
    row, rows = page["results"][0], schema["results"]["items"]["properties"]
    assert complaints(row, rows) == []
    assert complaints(row["metadata"], rows["metadata"]["properties"]) == []
    assert complaints(row["items"][0], rows["items"]["items"]["properties"]) == []
    assert {item["type"] for item in row["items"]} <= set(rows["items"]["items"]["properties"]["type"]["enum"])


def test_invoices_have_the_fields_and_types_of_the_schema(renter: Renter, spec: dict[str, Any]) -> None:
    schema = answer(spec, "/api/v1/invoices", "get")["schema"]["properties"]
    now = renter.double.clock.now()
    when = {"when": {"gte": now - 86400, "lte": now + 86400}}
    page = renter.get("/v1/invoices/", select_filters=json.dumps(when)).json()
    assert complaints(page, schema) == []
    assert complaints(page["results"][0], schema["results"]["items"]["properties"]) == []


def test_ssh_keys_and_templates_have_the_fields_and_types_of_the_schema(renter: Renter, spec: dict[str, Any]) -> None:
    made = renter.sdk.create_ssh_key("ssh-ed25519 AAAAC3Nza me@x")
    schema = answer(spec, "/api/v0/ssh", "post")["schema"]["properties"]
    assert complaints(made, schema) == []
    assert complaints(made["key"], schema["key"]["properties"]) == []
    listed = renter.get("/v0/ssh/").json()
    assert complaints(listed[0], answer(spec, "/api/v0/ssh", "get")["schema"]["items"]["properties"]) == []
    template = renter.sdk.create_template(name="t", image="a/b")
    schema = answer(spec, "/api/v0/template", "post")["schema"]["properties"]
    assert complaints(template, schema) == []
    assert complaints(template["template"], schema["template"]["properties"]) == []
    found = renter.get("/v0/template/", select_filters='{"name": {"eq": "t"}}').json()
    schema = answer(spec, "/api/v0/template", "get")["schema"]["properties"]
    assert complaints(found, schema) == []
    assert complaints(found["templates"][0], spec["components"]["schemas"]["Template"]["properties"]) == []


def test_errors_of_new_routes_have_the_fields_of_the_schema(renter: Renter, spec: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    for path, method, status, body in (
        ("/api/v0/ssh", "post", "400", {}),
        ("/api/v0/volumes", "delete", "404", {"id": 5}),
        ("/api/v0/instances/bid_price/{id}", "put", "404", {"client_id": "me", "price": 1}),
    ):
        schema = answer(spec, path, method, status)["schema"]["properties"]
        url = renter.double.url + path.replace("{id}", "7") + "/"
        said = requests.request(method, url, json=body, headers=headers, timeout=10)
        assert str(said.status_code) == status
        assert complaints(said.json(), schema) == []
        assert said.json()["error"] in schema["error"]["enum"]
