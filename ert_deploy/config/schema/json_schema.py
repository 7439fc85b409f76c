"""JSON Schema of a config, for editors and for whoever generates one.

It accepts whatever the parsers accept, and rejects every value that has the wrong type, form or key. Only the parsers
check what spans several keys, the bounds of a duration written as text, and names that are still a placeholder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ert_deploy.config.schema.keys import ROOT
from ert_deploy.config.schema.parser import Shape
from ert_deploy.config.schema.parts import Default, Field, Many, Part, Range, Rows, Section
from ert_deploy.config.schema.walk import LEAST, MOST, MOST_ITEMS

# The one draft that every editor understands.
DRAFT = "http://json-schema.org/draft-07/schema#"
TITLE = "Config of ert-deploy"
_NULL = {"type": "null"}


def json_schema(about: Mapping[str, str], defaults: Mapping[str, str]) -> Shape:
    """Return the schema; `about` has the description of each key by its path, `defaults` its default in YAML.

    A default that is empty or `required` is none.
    """
    described: dict[str, Shape] = {path: {"description": text} if text else {} for path, text in about.items()}
    for path, text in defaults.items():
        if text not in ("", "required"):
            described[path]["default"] = yaml.safe_load(text)
    return {"$schema": DRAFT, "title": TITLE, **_mapping(ROOT.parts, "", described), **_unless_spared(ROOT.parts)}


def _unless_spared(parts: tuple[Part, ...]) -> Shape:
    """Return the condition on which some sections are required: that another key has not the value that spares them."""
    shape: Shape = {}
    for part in parts:
        if isinstance(part, Section) and part.spared is not None:
            section, _, name = part.spared[0].partition("/")
            inside = {"properties": {name: {"const": part.spared[1]}}, "required": [name], "type": "object"}
            shape.setdefault("if", {"properties": {section: inside}, "required": [section]})
            shape.setdefault("else", {"required": []})["required"].append(part.name)
    return shape


def required(part: Part) -> bool:
    """Whether this part is required in a config."""
    match part:
        case Field():
            return part.default is Default.REQUIRED
        case Many():
            return False
        case Rows():
            return True
        case Section():
            return not part.chosen_by and part.spared is None and any(required(inner) for inner in part.parts)


def _part(part: Part, path: str, described: Mapping[str, Shape]) -> Shape:
    shape = _bare(part, path, described)
    unit = shape.pop("unit", "")
    shape = {**described.get(path, {}), **(shape if required(part) else _or_null(shape))}
    if unit:
        shape["description"] = f"{shape.get('description', '')} Unit: {unit}.".strip()
    return shape


def _bare(part: Part, path: str, described: Mapping[str, Shape]) -> Shape:
    match part:
        case Range():
            both = (Field(LEAST, part.least, 0), Field(MOST, part.parse))
            return part.parse.shape | {"anyOf": [*part.parse.shape["anyOf"], _mapping(both, path, described)]}
        case Field():
            return dict(part.parse.shape)
        case Many():
            item = {key: value for key, value in part.parse.shape.items() if key != "unit"}
            return {"type": "array", "items": item, "uniqueItems": True, "maxItems": MOST_ITEMS}
        case Rows():
            row = _mapping(part.parts, f"{path}/*", described)
            return {"type": "array", "items": row, "minItems": 1, "maxItems": MOST_ITEMS}
        case Section():
            return _mapping(part.parts, path, described)


def _mapping(parts: tuple[Part, ...], path: str, described: Mapping[str, Shape]) -> Shape:
    inside = {part.name: _part(part, f"{path}/{part.name}" if path else part.name, described) for part in parts}
    needed = [part.name for part in parts if required(part)]
    shape: dict[str, Any] = {"type": "object", "properties": inside, "additionalProperties": False}
    return shape | ({"required": needed} if needed else {})


def _or_null(shape: Shape) -> Shape:
    """Return the shape of a part that may be left out: `null` is "not set"."""
    if "anyOf" in shape:
        return shape | {"anyOf": [*shape["anyOf"], _NULL]}
    if "enum" in shape:
        return shape | {"enum": [*shape["enum"], None]}
    return shape | {"type": [shape["type"], "null"]}
