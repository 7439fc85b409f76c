"""Compares real responses with an OpenAPI document, more strictly than its readers do: no undeclared field passes."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator


@dataclass
class Witness:
    """Checks responses against `document`; `seen` are those that were described, as (`GET /path`, status)."""

    document: dict[str, Any]
    seen: set[tuple[str, str]] = field(default_factory=set)
    _closed: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._closed = copy.deepcopy(self.document["components"])
        for schema in self._closed["schemas"].values():
            if schema.get("type") == "object" and "properties" in schema:
                schema.setdefault("additionalProperties", False)

    def operations(self) -> set[str]:
        paths = self.document["paths"].items()
        return {f"{method.upper()} {path}" for path, methods in paths for method in methods}

    def described(self) -> set[tuple[str, str]]:
        """Every response of every operation that the document names with a status."""
        return {
            (f"{method.upper()} {path}", status)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
            for status in operation["responses"]
            if status != "default"
        }

    def check(self, method: str, path: str, status: int, media: str, body: Any) -> None:
        """Fail unless the document allows this response; `body` is the parsed JSON where `media` says so."""
        template = self._template(method, path)
        responses = self.document["paths"][template][method.lower()]["responses"]
        name = str(status) if str(status) in responses else "default"
        assert name != "default" or status >= 400, f"{method} {template} does not describe {status}"
        content = responses[name].get("content", {})
        if content:
            assert media in content, f"{method} {template} {status} is {media}, not {sorted(content)}"
        if media == "application/json" and content:
            self.valid(content[media]["schema"], body, f"{method} {template} {status}")
        self.seen.add((f"{method} {template}", name))

    def valid(self, schema: dict[str, Any], body: Any, what: str) -> None:
        """Fail unless the body is valid."""
        self._valid(schema, self._closed, body, what)

    def taken(self, method: str, path: str, body: Any) -> None:
        """Fail unless the document allows this request, which was accepted."""
        template = self._template(method, path)
        operation = self.document["paths"][template][method.lower()]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        self._valid(schema, self.document["components"], body, f"request {method} {template}")

    @staticmethod
    def _valid(schema: dict[str, Any], components: Any, body: Any, what: str) -> None:
        validator = Draft202012Validator({**schema, "components": components})
        problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]
        assert problems == [], f"{what}: {problems}"

    def _template(self, method: str, path: str) -> str:
        plain = path.partition("?")[0]
        for template, methods in self.document["paths"].items():
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
            if method.lower() in methods and re.fullmatch(pattern, plain):
                return str(template)
        raise AssertionError(f"{method} {plain} is in no operation")
