"""Ollama's API format: names, times, and JSON as encoded by Go. No I/O, no state.

Sources: Ollama's published API documentation, and its `api` and `server` packages (order of fields, error messages,
status codes).
"""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

SECOND = 1_000_000_000
FOREVER = float("inf")

_GO_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_NAME = re.compile(r"[A-Za-z0-9][\w.\-]*(/[A-Za-z0-9][\w.\-]*){0,2}(:[A-Za-z0-9_][\w.\-]*)?")
_DURATION = re.compile(r"(-?\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNIT = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class Refusal(Exception):
    """An error of Ollama: a status if nothing has been sent yet, else `{"error": text}` as the last line."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Model:
    """One model of `/api/tags` and `/api/show`. `digest` has 64 hex digits, `size` is in bytes."""

    name: str
    digest: str
    size: int
    modified_at: float
    details: Json
    info: Json = field(default_factory=dict)
    capabilities: tuple[str, ...] = ("completion",)
    template: str = ""
    license: str = ""
    tensors: tuple[Json, ...] = ()
    path: str = ""

    @property
    def thinks(self) -> bool:
        """Whether the model streams thinking before its content."""
        return "thinking" in self.capabilities

    @property
    def context_length(self) -> int:
        """The maximum context of the model, in tokens (0 = unknown)."""
        return int(self.info.get(f"{self.info.get('general.architecture')}.context_length", 0))


def encode(value: Any) -> bytes:
    """Return compact UTF-8 JSON with Go's HTML escapes, without a newline."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.translate(_GO_ESCAPES).encode()


def normalised(name: str) -> str:
    """Return the name with its tag (`mistral` is `mistral:latest`). Raises `Refusal` 400 if it is invalid."""
    if not _NAME.fullmatch(name):
        raise Refusal(400, "invalid model name")
    return name if ":" in name else f"{name}:latest"


def same_name(left: str, right: str) -> bool:
    """Whether two names are equal, including their tags and ignoring case."""
    return normalised(left).lower() == normalised(right).lower()


def timestamp(unix_seconds: float | None = None) -> str:
    """Return an RFC 3339 timestamp in UTC without trailing zeros, as in Go; by default the current time."""
    moment = datetime.fromtimestamp(time.time() if unix_seconds is None else unix_seconds, UTC)
    fraction = f".{moment.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def keep_alive(value: Any, default: float) -> float:
    """Return how long a model stays loaded, in seconds, from seconds or a Go duration; negative values mean forever.

    Raises `Refusal` 400 if the value is invalid.
    """
    if value is None:
        return default
    if isinstance(value, str):
        parts = _DURATION.findall(value)
        if "".join(a + b for a, b in parts) != value.lstrip("+") and not re.fullmatch(r"-?\d+", value):
            raise Refusal(400, f'time: invalid duration "{value}"')
        value = sum(float(a) * _UNIT[b] for a, b in parts) if parts else float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(400, f"Unsupported type: '{type(value).__name__}'")
    return FOREVER if value < 0 else float(value)


def parse_body(body: bytes) -> Json:
    """Return the request as a JSON object. Raises `Refusal` 400 if it is not one."""
    if not body.strip():
        raise Refusal(400, "missing request body")
    try:
        value = json.loads(body)
    except ValueError:
        raise Refusal(400, "invalid character in request body") from None
    if not isinstance(value, dict):
        raise Refusal(400, f"json: cannot unmarshal {type(value).__name__} into Go value of type api.Request")
    return value


def host_allowed(host: str) -> bool:
    """Whether a server on loopback accepts this `Host` header (protection against DNS rebinding)."""
    name = host.rsplit(":", 1)[0].strip("[]").lower() if not host.endswith("]") else host.strip("[]").lower()
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name in ("", "localhost", socket.gethostname().lower()) or name.endswith(
            (".localhost", ".local", ".internal")
        )
    return address.is_loopback or address.is_private or address.is_unspecified


def tag_entry(model: Model) -> Json:
    """Return one entry of `/api/tags`."""
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": timestamp(model.modified_at),
        "size": model.size,
        "digest": model.digest,
        "details": model.details,
    }


def show_entry(model: Model) -> Json:
    """Return the response of `/api/show`; empty fields are omitted, as in Ollama."""
    modelfile = f'# Modelfile generated by "ollama show"\n# FROM {model.name}\n\nFROM {model.name}\n'
    texts = {"license": model.license, "modelfile": modelfile, "template": model.template}
    return {
        **{k: v for k, v in texts.items() if v},
        "details": model.details,
        "model_info": dict(model.info),
        "tensors": list(model.tensors),
        "capabilities": list(model.capabilities),
        "modified_at": timestamp(model.modified_at),
    }


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of the last line, in nanoseconds or tokens. Zero is omitted in the JSON."""

    total_duration: int = 0
    load_duration: int = 0
    prompt_eval_count: int = 0
    prompt_eval_duration: int = 0
    eval_count: int = 0
    eval_duration: int = 0

    def items(self) -> Iterator[tuple[str, int]]:
        """Iterate over the fields that are not zero, in the order of Ollama."""
        for name in self.__dataclass_fields__:
            if value := getattr(self, name):
                yield name, value


def chat_line(model: str, content: str = "", thinking: str = "") -> Json:
    """Return one line of a `/api/chat` stream, except the last."""
    message: Json = {"role": "assistant", "content": content}
    if thinking:
        message["thinking"] = thinking
    return {"model": model, "created_at": timestamp(), "message": message, "done": False}


def generate_line(model: str, content: str = "", thinking: str = "") -> Json:
    """Return one line of a `/api/generate` stream, except the last."""
    line: Json = {"model": model, "created_at": timestamp(), "response": content}
    if thinking:
        line["thinking"] = thinking
    line["done"] = False
    return line


def finished(line: Json, reason: str, metrics: Metrics | None = None) -> Json:
    """Return `line` as the last line of its stream."""
    return {**line, "done": True, "done_reason": reason, **dict((metrics or Metrics()).items())}


def merged(lines: list[Json]) -> Json:
    """Return the single object for `"stream": false` from the lines of a stream."""
    last = dict(lines[-1])
    if "message" in last:
        content = "".join(line["message"].get("content", "") for line in lines)
        thinking = "".join(line["message"].get("thinking", "") for line in lines)
        last["message"] = {"role": "assistant", "content": content, **({"thinking": thinking} if thinking else {})}
        return last
    if "response" not in last:
        return last
    last["response"] = "".join(line.get("response", "") for line in lines)
    thinking = "".join(line.get("thinking", "") for line in lines)
    head = {k: last[k] for k in ("model", "created_at", "response")}
    return {**head, **({"thinking": thinking} if thinking else {}), **{k: v for k, v in last.items() if k not in head}}


def option(options: Mapping[str, Any], name: str, kind: type[int] | type[float], default: Any) -> Any:
    """Return a numeric option. Raises `Refusal` 500, as Ollama does, if its type is invalid."""
    value = options.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(500, f'option "{name}" must be of type {"integer" if kind is int else "float32"}')
    return kind(value)
