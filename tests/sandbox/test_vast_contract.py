"""The sandbox's Vast against the published OpenAPI file, leniently: by the file's own examples and types.

Where the file is known to be incorrect (`ports` and `extra_env` of one instance, `env` of a create, search types) it
is not used; see the field notes in the modules of the server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.vast.world import Renter, renting

pytestmark = pytest.mark.contract
WRONG_IN_THE_FILE = {"ports", "extra_env", "os_version", "gpu_totalram"}
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
        if name in WRONG_IN_THE_FILE:
            continue
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
    assert complaints(row, spec["components"]["schemas"]["Instance"]["properties"]) == []


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
