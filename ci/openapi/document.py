"""OpenAPI document: built from operations whose bodies are Python types. It knows no service.

Schemas are pydantic's of the types; what stands here is how operations become a document (OpenAPI 3.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from pydantic import TypeAdapter

JSON = "application/json"
REF = "#/components/schemas/{model}"
Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]


@dataclass(frozen=True)
class Body:
    """One body: its media type, and the Python type of JSON; other media types are described by their name alone."""

    kind: Any = None
    media: str = JSON


@dataclass(frozen=True)
class Parameter:
    """Parameter in the path or the query, as a JSON Schema."""

    name: str
    place: Literal["path", "query", "header"]
    schema: Schema
    about: str = ""
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """One method of one path. `answers`: status or `default` -> bodies by media type. `security`: names of schemes."""

    method: str
    path: str
    name: str
    summary: str
    answers: Mapping[str, Sequence[Body]]
    body: Body | None = None
    body_required: bool = True
    parameters: Sequence[Parameter] = ()
    security: Sequence[str] = ()


@dataclass(frozen=True)
class Service:
    """A service and all its operations. `open_kinds` are types that may have more fields than they name."""

    title: str
    version: str
    about: str
    operations: Sequence[Operation]
    schemes: Mapping[str, Schema]
    events: Mapping[str, Any] = field(default_factory=dict)
    open_kinds: Sequence[type] = ()


def document(service: Service) -> Schema:
    """Return the document of a service."""
    schemas, components = _schemas(service)
    paths: dict[str, Schema] = {}
    for operation in service.operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    events = {name: schemas[_key(kind), "serialization"] for name, kind in service.events.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": service.title, "version": service.version, "description": service.about},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": dict(service.schemes)},
        **({"x-live-events": events} if events else {}),
    }


def _schemas(service: Service) -> tuple[dict[tuple[int, Mode], Schema], Schema]:
    """Return the schema of each body by type and direction, and the components that they refer to."""
    kinds: dict[tuple[int, Mode], Any] = {}
    for kind, mode in _bodies(service):
        kinds[_key(kind), mode] = kind
    asked = [(key, mode, TypeAdapter(kind)) for (key, mode), kind in kinds.items()]
    found, shared = TypeAdapter.json_schemas(asked, ref_template=REF)
    components = {name: _untitled(schema) for name, schema in sorted(shared.get("$defs", {}).items())}
    for kind in service.open_kinds:
        components[kind.__name__]["additionalProperties"] = True
    return {key: _untitled(schema) for key, schema in found.items()}, components


def _bodies(service: Service) -> Iterable[tuple[Any, Mode]]:
    for operation in service.operations:
        if operation.body is not None and operation.body.media == JSON:
            yield operation.body.kind, "validation"
        for body in (body for bodies in operation.answers.values() for body in bodies):
            if body.media == JSON:
                yield body.kind, "serialization"
    for kind in service.events.values():
        yield kind, "serialization"


def _key(kind: Any) -> int:
    return id(kind)


def _operation(operation: Operation, schemas: Mapping[tuple[int, Mode], Schema]) -> Schema:
    found: Schema = {"operationId": operation.name, "summary": operation.summary}
    if operation.parameters:
        found["parameters"] = [_parameter(parameter) for parameter in operation.parameters]
    if operation.body is not None:
        content = _content([operation.body], "validation", schemas)
        found["requestBody"] = {"required": operation.body_required, "content": content}
    found["responses"] = {
        status: _response(status, bodies, schemas) for status, bodies in sorted(operation.answers.items())
    }
    found["security"] = [{name: []} for name in operation.security]
    return found


def _parameter(parameter: Parameter) -> Schema:
    found: Schema = {"name": parameter.name, "in": parameter.place, "schema": parameter.schema}
    if parameter.about:
        found["description"] = parameter.about
    if parameter.required:
        found["required"] = True
    return found


def _response(status: str, bodies: Sequence[Body], schemas: Mapping[tuple[int, Mode], Schema]) -> Schema:
    phrases = {str(known.value): known.phrase for known in HTTPStatus}
    found: Schema = {"description": phrases.get(status, "Every other response, and every refusal before the operation")}
    if bodies:
        found["content"] = _content(bodies, "serialization", schemas)
    return found


def _content(bodies: Sequence[Body], mode: Mode, schemas: Mapping[tuple[int, Mode], Schema]) -> Schema:
    text = {"type": "string"}
    return {body.media: {"schema": schemas[_key(body.kind), mode] if body.media == JSON else text} for body in bodies}


def _untitled(schema: Any) -> Any:
    """Return the schema without the titles that pydantic makes of names; a property called title is not a string."""
    if isinstance(schema, list):
        return [_untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _untitled(item) for name, item in schema.items() if name != "title" or not isinstance(item, str)}
    if isinstance(kept.get("description"), str):
        kept["description"] = re.sub(r"(?<!\n)\n(?!\n)", " ", kept["description"])
    return kept
