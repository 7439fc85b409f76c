"""Render's OpenAPI, cut down to what the sandbox has: for programs that read it to make requests or check responses.

Ids in paths can be limited to existing ones, without which every generated request would be a 404.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from ert_deploy.sandbox.render.server import MODULES
from tests.support.known import Known

_EVENT_DETAILS = "serviceEventWithCursor/properties/event/properties/details"
METHODS = ("get", "put", "post", "patch", "delete")


def shape_of(path: str) -> str:
    """Return a path with nameless parameters, by which the routes and the OpenAPI agree."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def routes() -> set[tuple[str, str]]:
    """Return the method and shape of each operation that the sandbox has."""
    return {(method.lower(), shape_of(path)) for module in MODULES for method, path, *_ in module.ROUTES}


def operations(schema: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return each operation of the OpenAPI by method and shape."""
    return {
        (method, shape_of(path)): item[method]
        for path, item in schema["paths"].items()
        for method in METHODS
        if method in item
    }


def chosen_by_type(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI with the choices that it leaves open: `oneOf` without a discriminator fits several or none.

    `serviceDetails` are those of a web service. `details` of an event are those of any; `test_render_contract` checks
    them by the type of the event.
    """
    text = json.dumps(schema).replace(f"{_EVENT_DETAILS}/oneOf/", f"{_EVENT_DETAILS}/anyOf/")
    narrowed: dict[str, Any] = json.loads(text)
    for whole in narrowed["components"]["schemas"].values():
        details = whole.get("properties", {}).get("serviceDetails")
        if details and "oneOf" in details:
            details["oneOf"] = [o for o in details["oneOf"] if "/webServiceDetails" in o["$ref"]]
    event = narrowed["components"]["schemas"]["serviceEventWithCursor"]["properties"]["event"]
    event["properties"]["details"]["anyOf"] = event["properties"]["details"].pop("oneOf")
    return narrowed


def cut_down(
    schema: Mapping[str, Any],
    ids: Mapping[str, str],
    left_alone: Collection[str] = (),
    undocumented: Mapping[str, Known] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the OpenAPI with every operation deprecated that the sandbox does not have or that is `left_alone`.

    `ids` are the values of parameters in paths, by the parameter's name; without them nothing is left alone.
    `undocumented` are operations whose status 400 is to be added, by operationId. Nothing is deleted:
    others refer to it.
    """
    known, narrowed = routes(), chosen_by_type(schema)
    for (method, path), operation in operations(narrowed).items():
        alone = bool(ids) and operation["operationId"] in left_alone
        if alone or (method, path) not in known:
            operation["deprecated"] = True
        if operation["operationId"] in undocumented:
            content = {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}}
            assert "400" not in operation["responses"], f"{operation['operationId']} documents 400 by now"
            description = undocumented[operation["operationId"]].reason
            operation["responses"]["400"] = {"description": description, "content": content}
    for parameter in narrowed["components"]["parameters"].values():
        if parameter.get("in") == "path" and parameter["name"] in ids:
            parameter["schema"] = {"type": "string", "enum": [ids[parameter["name"]]]}
    return narrowed
