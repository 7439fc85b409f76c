"""TypeScript types from an OpenAPI document: an interface for each schema, and one of all JSON operations.

Own code, because the usual generator needs a compiler API that the page's TypeScript no longer has (ADR 37). It knows
what the documents of this repository use, and fails on anything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

HEAD = "// Written by `make openapi` from docs/openapi/dashboard.json: the bodies of its routes. Not by hand.\n"
Schema = dict[str, Any]
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_WIDTH = 120


def module(document: Schema) -> str:
    """Return the text of the module; raise ValueError for a schema it does not know."""
    schemas = document["components"]["schemas"]
    blocks = [_declaration(name, schema) for name, schema in schemas.items()]
    return "\n".join([HEAD, *blocks, _operations(document)])


def _declaration(name: str, schema: Schema) -> str:
    about = f"/** {schema['description'].strip()} */\n" if "description" in schema else ""
    about = about if len(about) <= _WIDTH else "/**\n" + "".join(_wrapped(schema["description"])) + " */\n"
    if schema.get("type") != "object" or ("properties" not in schema and "additionalProperties" in schema):
        return f"{about}{_alias(name, kind(schema))}"
    if not schema.get("properties"):
        return f"{about}{_alias(name, 'Record<string, never>')}"
    required = schema.get("required", [])
    fields = [
        f"  {key}{'' if key in required else '?'}: {kind(value)};\n"
        for key, value in schema.get("properties", {}).items()
    ]
    return f"{about}export interface {name} {{\n{''.join(fields)}}}\n"


def _alias(name: str, text: str) -> str:
    line = f"export type {name} = {text};\n"
    if len(line) <= _WIDTH:
        return line
    return f"export type {name} =\n  | " + "\n  | ".join(text.split(" | ")) + ";\n"


def _wrapped(text: str) -> Iterator[str]:
    line = " *"
    for word in text.split():
        if len(line) + len(word) + 1 > _WIDTH:
            yield f"{line}\n"
            line = " *"
        line += f" {word}"
    yield f"{line}\n"


def _operations(document: Schema) -> str:
    """Return the interface with the body and the answer of each operation that answers in JSON."""
    lines = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            answer = _json(operation["responses"].get("200"))
            if answer is not None:
                body = _json(operation.get("requestBody"))
                given = "undefined" if body is None else kind(body)
                lines.append(f'  "{method.upper()} {path}": {{ body: {given}; answer: {kind(answer)} }};\n')
    return "/** Each operation with a JSON answer. */\nexport interface Operations {\n" + "".join(lines) + "}\n"


def _json(part: Schema | None) -> Schema | None:
    found: Schema | None = (part or {}).get("content", {}).get("application/json", {}).get("schema")
    return found


def kind(schema: Schema) -> str:
    """Return the TypeScript type of a schema; raise ValueError for one it does not know."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(kind(part) for part in schema["anyOf"]))
    if "type" not in schema:
        return _anything(schema)
    return _typed(schema)


def _typed(schema: Schema) -> str:
    if schema["type"] == "array":
        inner = kind(schema["items"])
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if schema["type"] == "object" and "properties" not in schema:
        values = schema.get("additionalProperties", True)
        return f"Record<string, {'unknown' if values is True else kind(values)}>"
    if schema["type"] not in _PLAIN:
        raise ValueError(f"no TypeScript for {schema}")
    return _PLAIN[schema["type"]]


def _anything(schema: Schema) -> str:
    if schema.keys() - {"description", "default"}:
        raise ValueError(f"no TypeScript for {schema}")
    return "unknown"
