"""Scripted replies: convert a reply of a script to the parts of a stream. No I/O."""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import Any

from ert_deploy.sandbox.ollama.engine import Job, Piece
from ert_deploy.sandbox.ollama.wire import Json, Model, Refusal, normalised, option

_TOKEN = re.compile(r"\S+\s*|\s+")
_DEPTH = 8


def scripted_model(entry: Json) -> Model:
    """Return the model described by a script; the defaults are those of a 7B model."""
    name = normalised(entry["name"])
    family = str(entry.get("family", name.partition(":")[0].replace("-", "")))
    details = {
        "parent_model": "",
        "format": "gguf",
        "family": family,
        "families": [family],
        "parameter_size": str(entry.get("parameter_size", "7.2B")),
        "quantization_level": str(entry.get("quantization_level", "Q4_K_M")),
    }
    info = {"general.architecture": family, f"{family}.context_length": int(entry.get("context_length", 131072))}
    return Model(
        name=name,
        digest=str(entry.get("digest", hashlib.sha256(name.encode()).hexdigest())),
        size=int(entry.get("size", 4_372_824_384)),
        modified_at=time.time(),
        details=details,
        info=info,
        capabilities=("completion", *(("thinking",) if entry.get("thinking") else ())),
    )


def content_of(reply: Json, found: re.Match[str], job: Job) -> str:
    """Return the text of a matching reply."""
    content = reply.get("content")
    if content is None:
        return default_answer(job.format)
    if not isinstance(content, str):
        return json.dumps(content, ensure_ascii=False)
    return found.expand(content) if reply.get("expand") else content


def default_answer(wanted: Any) -> str:
    """Return the text if no reply matches: a sentence, or the smallest instance of the requested format."""
    if isinstance(wanted, dict):
        return json.dumps(smallest(wanted, wanted))
    return "{}" if wanted == "json" else "This is a scripted answer."


def pieces_of(reply: Json, job: Job, thinking: str) -> tuple[list[Piece], str, int]:
    """Return the streamed parts, the reason for the end, and the token count of the last line.

    With a format, a thinking model runs two passes: `num_predict` applies to each, only the second is counted, and no
    content is returned if the first is truncated (Ollama's chat handler).
    """
    limit = option(job.options, "num_predict", int, -1)
    thought, said = _TOKEN.findall(thinking), _TOKEN.findall(_stopped(str(reply["content"]), job))
    if 0 <= limit < len(thought):
        return [Piece(thinking=t) for t in thought[:limit]], "length", limit
    left = limit if job.format or limit < 0 else limit - len(thought)
    cut = said if left < 0 else said[:left]
    pieces = [Piece(thinking=t) for t in thought] + [Piece(content=t) for t in cut]
    counted = len(cut) if job.format else len(pieces)
    return pieces, "length" if len(cut) < len(said) else "stop", counted


def _stopped(content: str, job: Job) -> str:
    for stop in job.options.get("stop") or ():
        content = content.partition(stop)[0]
    return content


def fail_at(reply: Json, number: int) -> None:
    """Raise the error of the reply if it is due before part `number`."""
    if "error" in reply and number == int(reply.get("error_after", 0)):
        raise Refusal(int(reply.get("status", 500)), str(reply["error"]))


def smallest(schema: Json, root: Json, depth: int = 0) -> Any:
    """Return a small instance of a JSON schema: required properties, first enum value, `minItems` items, plain text."""
    if "$ref" in schema:
        schema = root.get("$defs", {}).get(str(schema["$ref"]).rsplit("/", 1)[-1], {})
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return smallest(schema[key][0], root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    return _of_type(schema, root, depth)


def _of_type(schema: Json, root: Json, depth: int) -> Any:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" and depth < _DEPTH:
        wanted = schema.get("required", list(schema.get("properties", {})))
        return {k: smallest(schema.get("properties", {}).get(k, {}), root, depth + 1) for k in wanted}
    if kind == "array":
        return [smallest(schema.get("items", {}), root, depth + 1) for _ in range(schema.get("minItems", 0))]
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return {"boolean": False, "null": None, "object": {}}.get(str(kind), _text(schema))


def _text(schema: Json) -> str:
    text = "A scripted sentence."
    while len(text) < schema.get("minLength", 0):
        text += " And another one."
    return text[: schema.get("maxLength", len(text))]
