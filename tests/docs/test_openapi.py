"""The OpenAPI documents and the page's types are those that `make openapi` writes, and are valid."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from ci.openapi import typescript
from ci.openapi.__main__ import ROOT, files, main

FILES = files()


@pytest.mark.parametrize("name", FILES)
def test_a_generated_file_is_what_the_code_says(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == FILES[name], "run `make openapi`"


@pytest.mark.parametrize("name", FILES)
def test_a_stale_file_fails_the_check_by_its_name(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    (tmp_path / name).write_text(FILES[name].replace("string", "number", 1))
    assert main(["--check"], tmp_path) == 1
    assert capsys.readouterr().err.startswith(f"error: {name} is not what the route table says")


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".json")])
def test_a_document_is_valid_openapi(name: str) -> None:
    found = json.loads((ROOT / name).read_text(encoding="utf-8"))
    validate(found)
    names = [operation["operationId"] for methods in found["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, "(string | null)[]"),
        ({"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Row"}}, "Record<string, Row>"),
        ({"type": "object", "additionalProperties": True}, "Record<string, unknown>"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "number"),
        ({"enum": ["a", "b"], "type": "string"}, '"a" | "b"'),
        ({}, "unknown"),
    ],
)
def test_a_schema_as_a_type(schema: dict[str, object], text: str) -> None:
    assert typescript.kind(schema) == text


@pytest.mark.parametrize("schema", [{"type": "set"}, {"allOf": [{"type": "string"}]}])
def test_a_schema_without_a_type_in_typescript_is_refused(schema: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no TypeScript"):
        typescript.kind(schema)
